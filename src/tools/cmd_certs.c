// SPDX-License-Identifier: BSD-2-Clause
/*
 * varstore certs update --merge: Microsoft's certificates of 2023 beside those of 2011, and the
 * newest dbx, for VMs that can't do that from within. A certificate of 2023 is added where the one
 * of 2011 is that it succeeds, so that who trusts none of Microsoft's doesn't begin to. What is
 * there stays, whoever it belongs to; what is there under another owner isn't added again.
 */
#include "tools/commands.h"
#include "tools/keys.h"
#include "tools/microsoft.h"
#include "tools/source.h"

#include "auth/auth.h"
#include "auth/signature_list.h"
#include "base/cleanup.h"

static bool has_data(struct span database, const struct signature_entry *wanted)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;

    while (signature_walk_next(&walk, &entry)) {
        if (entry.type == wanted->type &&
            span_equal(signature_entry_data(&entry), signature_entry_data(wanted))) {
            return true;
        }
    }
    return false;
}

/* The certificates of 2023 whose predecessors are there. */
static unsigned successors_of(unsigned found)
{
    unsigned wanted = 0;

    wanted |= (found & MICROSOFT_KEK_2011) != 0 ? MICROSOFT_KEK_2023 : 0u;
    wanted |= (found & MICROSOFT_WINDOWS_2011) != 0 ? MICROSOFT_WINDOWS_2023 : 0u;
    wanted |=
        (found & MICROSOFT_UEFI_2011) != 0 ? MICROSOFT_UEFI_2023 | MICROSOFT_OPTION_ROM_2023 : 0u;
    return wanted & ~found;
}

static void write_entry(struct writer *writer, const struct signature_entry *entry)
{
    writer_guid(writer, &entry->type->guid);
    writer_u32le(writer, (uint32_t)(SIGNATURE_LIST_HEADER_SIZE + entry->whole.len));
    writer_u32le(writer, 0);
    writer_u32le(writer, (uint32_t)entry->whole.len);
    writer_bytes(writer, entry->whole);
}

/* One list of those entries of a list that aren't there yet. */
static void write_missing(struct writer *writer, const struct signature_list *list,
                          struct span there)
{
    struct signature_walk walk = signature_walk_of(list->whole);
    struct signature_entry entry;
    size_t start = writer->len;
    size_t count = 0;

    writer_guid(writer, &list->type->guid);
    writer_u32le(writer, 0); /* the size: below */
    writer_u32le(writer, 0);
    writer_u32le(writer, list->entry_size);
    while (signature_walk_next(&walk, &entry)) {
        if (!has_data(there, &entry)) {
            writer_bytes(writer, entry.whole);
            count++;
        }
    }
    if (count == 0) {
        writer->len = start;
        return;
    }
    struct writer size = writer_of(writer->data + start + GUID_SIZE, 4);
    writer_u32le(&size, (uint32_t)(writer->len - start));
}

static void write_new_dbx(struct writer *writer, struct span dbx, struct span there)
{
    struct reader reader = reader_of(dbx);
    struct signature_list list;

    while (signature_list_read(&reader, &list)) {
        write_missing(writer, &list, there);
    }
}

static void write_certificates(struct writer *writer, struct span lists, unsigned wanted)
{
    struct signature_walk walk = signature_walk_of(lists);
    struct signature_entry entry;

    while (signature_walk_next(&walk, &entry)) {
        if ((microsoft_certificate(signature_entry_data(&entry)) & wanted) != 0) {
            write_entry(writer, &entry);
        }
    }
}

static bool append(struct document *document, const char *key, const struct writer *lists,
                   struct err *err)
{
    const struct guid *guid;
    struct span name;

    if (lists->len == 0 || !document_key_name(key, &guid, &name)) {
        return true;
    }
    efi_status status = document_set(
        document, guid, name, AUTH_KEY_ATTRIBUTES | EFI_VARIABLE_APPEND_WRITE, writer_span(lists));
    return status == EFI_SUCCESS ||
           err_set(err, "%s can't be extended: %s", key, efi_status_text(status));
}

static bool warn_of_missing(unsigned wanted, const struct key_set *set)
{
    unsigned missing = wanted & ~set->certificates & ~(unsigned)MICROSOFT_OPTION_ROM_2023;

    for (unsigned bit = 1; bit <= MICROSOFT_OPTION_ROM_2023; bit <<= 1) {
        if ((missing & bit) != 0) {
            fprintf(stderr, "varstore certs: note: the folder has no certificate '%s'\n",
                    microsoft_name(bit));
        }
    }
    return missing == 0;
}

static bool merge(struct document *document, const struct key_set *set, struct err *err)
{
    auto_free uint8_t *room = malloc(3 * (size_t)STORE_DATA_MAX);

    if (room == NULL) {
        return err_set(err, "out of memory");
    }
    struct writer kek = writer_of(room, STORE_DATA_MAX);
    struct writer db = writer_of(room + STORE_DATA_MAX, STORE_DATA_MAX);
    struct writer dbx = writer_of(room + 2 * (size_t)STORE_DATA_MAX, STORE_DATA_MAX);
    unsigned wanted = successors_of(microsoft_in_kek(document_key_data(document, "KEK")) |
                                    microsoft_in_db(document_key_data(document, "db")));
    warn_of_missing(wanted, set);
    write_certificates(&kek, writer_span(&set->kek), wanted);
    write_certificates(&db, writer_span(&set->db), wanted);
    write_new_dbx(&dbx, writer_span(&set->dbx), document_key_data(document, "dbx"));
    if (!writer_ok(&kek) || !writer_ok(&db) || !writer_ok(&dbx)) {
        return err_set(err, "what is to be added is more than a variable can hold");
    }
    return append(document, "KEK", &kek, err) && append(document, "db", &db, err) &&
           append(document, "dbx", &dbx, err);
}

static bool update(struct command_line *line, const struct key_set *set, struct err *err)
{
    struct source source;
    bool done =
        source_open(&source, line, line->dry_run ? SOURCE_READ_TO_CHANGE : SOURCE_WRITE, err) &&
        merge(&source.document, set, err) &&
        keys_save_confirmed(line, &source,
                            "What the VM measures of its keys (PCR 7) changes: BitLocker asks for "
                            "the recovery key unless it is suspended first. Go on?",
                            err);

    source_close(&source);
    return done;
}

static int run_certs(struct command_line *line, struct err *err)
{
    struct key_set set = {0};
    struct key_choice choice;

    if (strcmp(command_take(line), "update") != 0 || !line->merge || line->keys == NULL ||
        (line->vm == NULL && line->store == NULL && line->count == 0)) {
        err_set(err, "certs update --merge STORE --keys DIR");
        return EXIT_WRONG_USAGE;
    }
    line->profile = "2023";
    bool done = keys_choose(&choice, line, err) && key_set_read(&set, line->keys, &choice, err) &&
                update(line, &set, err);
    key_set_free(&set);
    return done ? 0 : 1;
}

const struct command COMMAND_CERTS = {
    "certs",
    "update --merge STORE --keys DIR",
    "Adds Microsoft's certificates of 2023 and the newest dbx",
    "VsfKmnyjSrOF",
    2,
    2,
    run_certs,
};
