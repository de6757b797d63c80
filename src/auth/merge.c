// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is appended is mostly there already, in the same lists: a guest applies each edition of dbx
 * at every boot. So each new list is first held against the old ones, going forward only; where it
 * is the beginning of one, its entries are known. If all are, that was all, at the cost of reading
 * the bytes once.
 *
 * Otherwise old and new entries are sorted together, among equals the older before the newer: a new
 * one that equals the one before it is a duplicate of an old entry or of an earlier new one.
 * Sorting, and not a hash table, because the guest chooses the entries: none make it slow.
 */
#include "auth/merge.h"

#include "auth/signature_list.h"
#include "base/cleanup.h"
#include "base/writer.h"

/* Are the entries of the list those that the other begins with? */
static bool begins(const struct signature_list *list, const struct signature_list *other)
{
    return list->type == other->type && list->entry_size == other->entry_size &&
           list->entries.len <= other->entries.len &&
           memcmp(list->entries.data, other->entries.data, list->entries.len) == 0;
}

static bool known_in_order(struct span old, struct span new)
{
    struct reader old_reader = reader_of(old);
    struct reader new_reader = reader_of(new);
    struct signature_list old_list;
    struct signature_list new_list;

    while (signature_list_read(&new_reader, &new_list)) {
        do {
            if (!signature_list_read(&old_reader, &old_list)) {
                return false;
            }
        } while (!begins(&new_list, &old_list));
    }
    return reader_end(&new_reader);
}

struct item {
    struct signature_entry entry;
    size_t position; /* in old and new counted through */
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = signature_entry_compare(&x->entry, &y->entry);

    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

/* Adds the entries of a database behind the count that there are; gives the new count. */
static size_t collect(struct item *items, size_t count, struct span database)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;

    for (; signature_walk_next(&walk, &entry); count++) {
        items[count] = (struct item){.entry = entry, .position = count};
    }
    return count;
}

/* known: for each new entry, whether it is a duplicate. Gives the number of those that aren't. */
static size_t mark_known(bool *known, struct item *items, size_t old_count, size_t count)
{
    size_t fresh = 0;

    qsort(items, count, sizeof(struct item), compare_items);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &items[i];

        if (item->position >= old_count) {
            bool again = i > 0 && signature_entry_compare(&item[-1].entry, &item->entry) == 0;
            known[item->position - old_count] = again;
            fresh += again ? 0 : 1;
        }
    }
    return fresh;
}

/* Writes what is new of a list, whose first entry is the known[0]. */
static void write_list(struct writer *writer, const struct signature_list *list, const bool *known)
{
    size_t count = list->entries.len / list->entry_size;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        kept += known[i] ? 0 : 1;
    }
    if (kept == 0) {
        return;
    }
    writer_guid(writer, &list->type->guid);
    writer_u32le(writer, SIGNATURE_LIST_HEADER_SIZE + (uint32_t)kept * list->entry_size);
    writer_u32le(writer, 0);
    writer_u32le(writer, list->entry_size);
    for (size_t i = 0; i < count; i++) {
        if (!known[i]) {
            writer_bytes(writer,
                         span_of(list->entries.data + i * list->entry_size, list->entry_size));
        }
    }
}

static void write_new(struct writer *writer, struct span new, const bool *known)
{
    struct reader reader = reader_of(new);
    struct signature_list list;

    while (signature_list_read(&reader, &list)) {
        write_list(writer, &list, known);
        known += list.entries.len / list.entry_size;
    }
}

static efi_status write_merged(struct merged *out, struct span old, struct span new,
                               const bool *known)
{
    size_t capacity = old.len + new.len;
    auto_free uint8_t *joined = malloc(capacity);

    if (joined == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    struct writer writer = writer_of(joined, capacity);
    writer_bytes(&writer, old);
    write_new(&writer, new, known);
    if (!writer_ok(&writer)) {
        return EFI_OUT_OF_RESOURCES;
    }
    out->database = writer_span(&writer);
    out->owned = take_ptr(joined);
    return EFI_SUCCESS;
}

efi_status merge_append(struct merged *out, struct span old, struct span new)
{
    size_t old_count = signature_database_count(old);
    size_t new_count = signature_database_count(new);

    *out = (struct merged){.database = old};
    if (old_count == SIZE_MAX || new_count == SIZE_MAX) {
        return EFI_INVALID_PARAMETER;
    }
    if (known_in_order(old, new)) {
        return EFI_SUCCESS;
    }
    auto_free struct item *items = malloc((old_count + new_count) * sizeof(struct item));
    auto_free bool *known = malloc(new_count * sizeof(bool));
    if (items == NULL || known == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    size_t count = collect(items, collect(items, 0, old), new);
    bool nothing_new = mark_known(known, items, old_count, count) == 0;
    return nothing_new ? EFI_SUCCESS : write_merged(out, old, new, known);
}
