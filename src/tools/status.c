// SPDX-License-Identifier: BSD-2-Clause
#include "tools/status.h"

#include "auth/auth.h"
#include "auth/signature_list.h"
#include "crypto/certificate.h"
#include "tools/microsoft.h"

#include <stdio.h>

#define MODES_COST 820u /* what the derived variables take of the quota in the daemon */

const char *verdict_text(enum verdict verdict)
{
    static const char *const texts[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

    return texts[verdict];
}

static size_t entries_of(struct span database)
{
    size_t count = signature_database_count(database);

    return count == SIZE_MAX ? 0 : count;
}

static void find_owner(struct status *out, struct span pk)
{
    struct signature_walk walk = signature_walk_of(pk);
    struct signature_entry entry;
    struct certificate certificate;
    uint8_t name[COMMON_NAME_MAX];

    if (signature_walk_next(&walk, &entry) && entry.type->certificate &&
        certificate_parse(&certificate, signature_entry_data(&entry))) {
        size_t len = certificate_common_name(&certificate, name);
        snprintf(out->pk_owner, sizeof(out->pk_owner), "%.*s", (int)len, (const char *)name);
    }
}

static void find_facts(struct status *out, const struct document *document)
{
    const struct variable *dbx = document_key(document, "dbx");

    out->setup_mode = auth_setup_mode(document->store);
    out->effective = !out->setup_mode && out->wanted != WANTED_OFF;
    find_owner(out, document_key_data(document, "PK"));
    out->certificates = microsoft_in_kek(document_key_data(document, "KEK")) |
                        microsoft_in_db(document_key_data(document, "db"));
    out->db_entries = entries_of(document_key_data(document, "db"));
    out->dbx_entries = entries_of(document_key_data(document, "dbx"));
    out->dbx_time = dbx != NULL ? dbx->time : (struct efi_time){0};
    out->used = store_used(document->store) + MODES_COST;
    out->free = out->used < STORE_SIZE_MAX ? STORE_SIZE_MAX - out->used : 0;
}

static void find(struct status *out, enum verdict verdict, const char *reason, const char *next)
{
    if (out->reason_count < STATUS_REASONS_MAX) {
        out->reasons[out->reason_count++] = reason;
    }
    if (verdict > out->verdict) {
        out->verdict = verdict;
        out->next = next;
    }
}

static void judge_setup_mode(struct status *out)
{
    const char *next = "varstore keys enroll STORE --profile 2011+2023 --keys DIR";

    if (out->wanted == WANTED_ON) {
        find(out, VERDICT_CRITICAL, "Secure Boot is wanted, but there is no PK: nothing is checked",
             next);
    } else if (out->wanted == WANTED_UNKNOWN) {
        find(out, VERDICT_WARNING, "there is no PK (setup mode): nothing is checked", next);
    }
}

static void judge_user_mode(struct status *out)
{
    if (out->db_entries == 0) {
        find(out, VERDICT_CRITICAL, "db is empty: with Secure Boot, nothing starts",
             "varstore certs update --merge STORE --keys DIR");
    }
    if (microsoft_update_required(out->certificates)) {
        find(out, VERDICT_WARNING,
             "Microsoft's certificates of 2011 are there without those of 2023",
             "varstore certs update --merge STORE --keys DIR");
    }
    if (out->dbx_entries == 0) {
        find(out, VERDICT_WARNING, "dbx is empty: nothing is revoked",
             "varstore certs update --merge STORE --keys DIR");
    }
}

void status_assess(struct status *out, const struct document *document, enum wanted wanted)
{
    *out = (struct status){.wanted = wanted};
    find_facts(out, document);
    if (out->setup_mode) {
        judge_setup_mode(out);
    } else {
        judge_user_mode(out);
    }
    if (out->used > STORE_SIZE_MAX) {
        find(out, VERDICT_CRITICAL, "the variables take more than 128 KiB", "varstore ls STORE");
    } else if (out->free < STATUS_FREE_MIN) {
        find(out, VERDICT_WARNING, "less than 30 KiB are free: updates of dbx may fail",
             "varstore ls STORE");
    }
    if (document->notes.count > 0) {
        find(out, VERDICT_WARNING, "some records can't be variables and are left out",
             "varstore ls STORE");
    }
}
