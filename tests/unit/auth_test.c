// SPDX-License-Identifier: BSD-2-Clause
/*
 * The decision, with a verifier that takes a name for a signature: every class of variable x setup,
 * user and permissive mode x signer x write, append, deletion x older, equal, later time.
 */
#include "auth/auth.h"

#include "support/alloc_fault.h"
#include "support/auth_state.h"
#include "support/fake_verifier.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE

/* What the table goes over, beside the variables (support/auth_state.h) and the signers. */
enum mode {
    SETUP,
    USER,
    PERMISSIVE_SETUP,
    PERMISSIVE_USER,
    MODES,
};

enum op {
    WRITE,
    APPEND_ENTRY,
    APPEND_NOTHING,
    DELETE,
    OPS,
};

static bool has_pk(enum mode mode)
{
    return mode == USER || mode == PERMISSIVE_USER;
}

static bool is_permissive(enum mode mode)
{
    return mode == PERMISSIVE_SETUP || mode == PERMISSIVE_USER;
}

static bool is_private(enum target target)
{
    return target >= T_OWNED;
}

/* ------------------------------------------------------------------------------- what is expected
 */

/* UEFI 2.10, 8.2.2 and 32.5: who may; "*": anybody with a signature; "": with or without. */
static const struct {
    enum target target;
    const char *setup[4], *user[4], *permissive[4];
} table[TARGETS] = {
    {T_PK, {"new"}, {"pk"}, {""}},
    {T_KEK, {""}, {"pk"}, {""}},
    {T_DB, {""}, {"pk", "kek", "other-kek"}, {""}},
    {T_DBX, {""}, {"pk", "kek", "other-kek"}, {""}},
    {T_DBT, {""}, {"pk", "kek", "other-kek"}, {""}},
    {T_OWNED, {"owner"}, {"owner"}, {"*"}},
    {T_UNOWNED, {"*"}, {"*"}, {"*"}},
    {T_NEW, {"*"}, {"*"}, {"*"}},
};

struct row {
    enum mode mode;
    enum target target;
    const char *signer;
    enum op op;
    unsigned time; /* stored is 100 */
};

static const char *const *may_sign(const struct row *row)
{
    if (is_permissive(row->mode)) {
        return table[row->target].permissive;
    }
    return row->mode == SETUP ? table[row->target].setup : table[row->target].user;
}

static bool unsigned_will_do(const struct row *row)
{
    return strcmp(may_sign(row)[0], "") == 0;
}

static bool signer_may(const struct row *row)
{
    if (unsigned_will_do(row)) {
        return true;
    }
    for (const char *const *name = may_sign(row); *name != NULL; name++) {
        bool anybody = strcmp(*name, "*") == 0 && row->signer[0] != '\0';
        bool carried = strcmp(*name, "new") == 0;
        bool has_payload = row->op == WRITE || row->op == APPEND_ENTRY;

        if (anybody || (strcmp(*name, row->signer) == 0 && (!carried || has_payload))) {
            return true;
        }
    }
    return false;
}

static bool exists(const struct row *row)
{
    return row->target == T_PK ? has_pk(row->mode) : row->target != T_NEW;
}

static bool is_append(const struct row *row)
{
    return row->op == APPEND_ENTRY || row->op == APPEND_NOTHING;
}

static enum auth_reason expected_reason(const struct row *row)
{
    if (row->target == T_PK && is_append(row)) {
        return AUTH_REASON_APPEND;
    }
    bool time_counts = exists(row) && !is_append(row) && !unsigned_will_do(row);
    if (time_counts && row->time <= 100) {
        return AUTH_REASON_TIME;
    }
    return signer_may(row) ? AUTH_REASON_NONE : AUTH_REASON_SIGNATURE;
}

static efi_status expected_status(const struct row *row)
{
    switch (expected_reason(row)) {
    case AUTH_REASON_NONE:
        return EFI_SUCCESS;
    case AUTH_REASON_APPEND:
        return EFI_INVALID_PARAMETER;
    default:
        return EFI_SECURITY_VIOLATION;
    }
}

static enum auth_action expected_action(const struct row *row)
{
    static const enum auth_action actions[OPS] = {AUTH_PUT, AUTH_PUT, AUTH_KEEP, AUTH_DELETE};

    return expected_status(row) == EFI_SUCCESS ? actions[row->op] : AUTH_DENY;
}

/* ------------------------------------------------------------------------------------- the table
 */

static size_t make_payload(uint8_t *out, size_t capacity, const struct row *row)
{
    if (row->op == APPEND_NOTHING || row->op == DELETE) {
        return 0;
    }
    return auth_state_certificates(out, capacity, NAMES("new"));
}

static struct request make_request(const struct row *row, struct span data)
{
    return (struct request){
        .command = WIRE_SET_VARIABLE,
        .name = auth_targets[row->target].name,
        .guid = *auth_targets[row->target].guid,
        .data = data,
        .attributes = AUTH_KEY_ATTRIBUTES | (is_append(row) ? APPEND : 0),
    };
}

static void expect_time(const struct auth_decision *decision, const struct row *row)
{
    bool kept = is_append(row) && exists(row) && row->time < 100;
    struct efi_time expected = signing_time(kept ? 100 : row->time);

    assert_true(efi_time_equal(&decision->time, &expected));
}

static void expect_owner(const struct auth_decision *decision, const struct row *row)
{
    uint8_t owner[OWNER_SIZE] = {0};

    if (row->target == T_OWNED) {
        fake_owner(owner, "owner");
    } else if (is_private(row->target)) {
        fake_owner(owner, row->signer);
    }
    assert_memory_equal(decision->owner, owner, OWNER_SIZE);
}

static void expect_payload(const struct auth_decision *decision, const struct row *row,
                           struct span old, struct span payload)
{
    size_t kept = is_append(row) ? old.len : 0;

    assert_int_equal(decision->payload.len, kept + payload.len);
    assert_true(span_equal(span_of(decision->payload.data, kept), span_of(old.data, kept)));
    assert_true(span_equal(span_of(decision->payload.data + kept, payload.len), payload));
}

static void check_row(const struct store *store, const struct row *row)
{
    struct fake_verifier fake;
    struct auth_decision decision;
    uint8_t payload[128];
    uint8_t data[256];
    struct efi_time time = signing_time(row->time);
    struct span new = span_of(payload, make_payload(payload, sizeof(payload), row));
    size_t len =
        signing_wrap(data, sizeof(data), &time, span_of(row->signer, strlen(row->signer)), new);
    struct request request = make_request(row, span_of(data, len));

    fake_verifier_init(&fake);
    auth_decide(&decision, store, !is_permissive(row->mode), &fake.base, &request);
    if (decision.status != expected_status(row) || decision.action != expected_action(row)) {
        fail_msg("mode %d target %d signer '%s' op %d time %u: status %s, action %d", row->mode,
                 row->target, row->signer, row->op, row->time, efi_status_text(decision.status),
                 decision.action);
    }
    assert_int_equal(decision.reason, expected_reason(row));
    if (decision.action == AUTH_PUT) {
        const struct variable *existing = store_get(store, &request.guid, request.name);
        expect_time(&decision, row);
        expect_owner(&decision, row);
        expect_payload(&decision, row, existing != NULL ? existing->data : span_of(NULL, 0), new);
    }
    auth_decision_free(&decision);
}

static void test_table(void **state)
{
    static const unsigned times[] = {99, 100, 101};
    size_t rows = 0;

    (void)state;
    for (enum mode mode = SETUP; mode < MODES; mode++) {
        struct store *store = auth_state_new(has_pk(mode));
        /* A number in mixed radix counts through all combinations. */
        for (size_t i = 0; i < TARGETS * SIGNERS * OPS * 3; i++, rows++) {
            const struct row row = {.mode = mode,
                                    .target = (enum target)(i % TARGETS),
                                    .signer = auth_signers[i / TARGETS % SIGNERS],
                                    .op = (enum op)(i / TARGETS / SIGNERS % OPS),
                                    .time = times[i / TARGETS / SIGNERS / OPS]};
            assert_int_equal(table[row.target].target, row.target);
            check_row(store, &row);
        }
        store_free(store);
    }
    assert_int_equal(rows, 4 * 8 * 8 * 4 * 3);
}

/* --------------------------------------------------------------------------------- no memory */

static void test_without_memory(void **state)
{
    static const struct row rows[] = {{USER, T_DB, "kek", APPEND_ENTRY, 101},
                                      {USER, T_PK, "pk", WRITE, 101},
                                      {USER, T_OWNED, "owner", APPEND_ENTRY, 101}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store *store = auth_state_new(has_pk(rows[i].mode));
        struct fake_verifier fake;
        struct auth_decision decision;
        uint8_t payload[128];
        uint8_t data[256];
        struct efi_time time = signing_time(rows[i].time);
        size_t payload_len = make_payload(payload, sizeof(payload), &rows[i]);
        size_t len =
            signing_wrap(data, sizeof(data), &time, span_of(rows[i].signer, strlen(rows[i].signer)),
                         span_of(payload, payload_len));
        struct request request = make_request(&rows[i], span_of(data, len));
        bool failed;
        long n = 0;

        fake_verifier_init(&fake);
        do {
            alloc_fault_arm(n++);
            auth_decide(&decision, store, true, &fake.base, &request);
            failed = alloc_fault_disarm();
            assert_true(decision.status == (failed ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS));
            auth_decision_free(&decision);
        } while (failed);
        assert_true(n > 1);
        store_free(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
