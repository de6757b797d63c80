// SPDX-License-Identifier: BSD-2-Clause
/*
 * The decision, with a verifier that takes a name for a signature: every class of variable x setup,
 * user and permissive mode x signer x write, append, deletion x older, equal, later time.
 */
#include "auth/auth.h"

#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "support/fake_verifier.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE

static const struct guid some_guid =
    GUID_INIT(0x12345678, 0x1234, 0x1234, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34);

/* --------------------------------------------------------------------------------- the situation
 */

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

/* A database of certificates that the fake verifier knows by their names. */
static size_t certificates(uint8_t *out, size_t capacity, const char *const *names)
{
    size_t len = 0;

    for (; *names != NULL; names++) {
        char text[32];
        int text_len = snprintf(text, sizeof(text), "cert-%s", *names);
        len += signing_esl_certificate(out + len, capacity - len, span_of(text, (size_t)text_len));
    }
    return len;
}

static void put(struct store *store, const struct variable *variable)
{
    size_t mark = store_begin(store);

    assert_true(store_put(store, variable));
    store_commit(store, mark);
}

static void put_keys(struct store *store, const struct guid *guid, struct span name,
                     const char *const *names)
{
    uint8_t database[512];
    size_t len = certificates(database, sizeof(database), names);

    put(store, &(struct variable){.guid = *guid,
                                  .name = name,
                                  .data = span_of(database, len),
                                  .attributes = AUTH_KEY_ATTRIBUTES,
                                  .time = signing_time(100)});
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The variables: KEK holds two certificates; a private variable has its owner, has lost it, or
 * isn't there. */
enum target {
    T_PK,
    T_KEK,
    T_DB,
    T_DBX,
    T_DBT,
    T_OWNED,
    T_UNOWNED,
    T_NEW,
    TARGETS,
};

static const struct {
    const struct guid *guid;
    struct span name;
} targets[TARGETS] = {
    [T_PK] = {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK")},
    [T_KEK] = {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK")},
    [T_DB] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db")},
    [T_DBX] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx")},
    [T_DBT] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbt")},
    [T_OWNED] = {&some_guid, EFI_NAME_INIT("owned")},
    [T_UNOWNED] = {&some_guid, EFI_NAME_INIT("unowned")},
    [T_NEW] = {&some_guid, EFI_NAME_INIT("new")},
};

static bool is_private(enum target target)
{
    return target >= T_OWNED;
}

static void put_private(struct store *store, enum target target, const char *owner)
{
    struct variable variable = {.guid = *targets[target].guid,
                                .name = targets[target].name,
                                .data = span_of("old", 3),
                                .attributes = AUTH_KEY_ATTRIBUTES,
                                .time = signing_time(100)};

    if (owner != NULL) {
        fake_owner(variable.owner, owner);
    }
    put(store, &variable);
}

static struct store *make_store(enum mode mode)
{
    struct store *store = store_new(0);

    if (has_pk(mode)) {
        put_keys(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), NAMES("pk"));
    }
    put_keys(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), NAMES("kek", "other-kek"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), NAMES("db"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), NAMES("dbx"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbt"), NAMES("dbt"));
    put_private(store, T_OWNED, "owner");
    put_private(store, T_UNOWNED, NULL);
    return store;
}

/* ------------------------------------------------------------------------------- what is expected
 */

/* "new" is the key that the payload carries. "": no signature. */
static const char *const signers[] = {"pk",  "kek",   "other-kek", "db",
                                      "new", "owner", "stranger",  ""};

#define SIGNERS (sizeof(signers) / sizeof(signers[0]))

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

static efi_status expected_status(const struct row *row)
{
    if (row->target == T_PK && is_append(row)) {
        return EFI_INVALID_PARAMETER;
    }
    bool time_counts = exists(row) && !is_append(row) && !unsigned_will_do(row);
    if (!signer_may(row) || (time_counts && row->time <= 100)) {
        return EFI_SECURITY_VIOLATION;
    }
    return EFI_SUCCESS;
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
    return certificates(out, capacity, NAMES("new"));
}

static struct request make_request(const struct row *row, struct span data)
{
    return (struct request){
        .command = WIRE_SET_VARIABLE,
        .name = targets[row->target].name,
        .guid = *targets[row->target].guid,
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
        struct store *store = make_store(mode);
        /* A number in mixed radix counts through all combinations. */
        for (size_t i = 0; i < TARGETS * SIGNERS * OPS * 3; i++, rows++) {
            const struct row row = {.mode = mode,
                                    .target = (enum target)(i % TARGETS),
                                    .signer = signers[i / TARGETS % SIGNERS],
                                    .op = (enum op)(i / TARGETS / SIGNERS % OPS),
                                    .time = times[i / TARGETS / SIGNERS / OPS]};
            assert_int_equal(table[row.target].target, row.target);
            check_row(store, &row);
        }
        store_free(store);
    }
    assert_int_equal(rows, 4 * 8 * 8 * 4 * 3);
}

/* -------------------------------------------------------------------------------- what is signed
 */

static efi_status decide(const struct store *store, struct fake_verifier *fake, struct span name,
                         const struct guid *guid, const char *signer, uint32_t append,
                         struct span payload)
{
    uint8_t data[1024];
    struct efi_time time = signing_time(101);
    struct auth_decision decision;
    const struct request request = {
        .command = WIRE_SET_VARIABLE,
        .name = name,
        .guid = *guid,
        .attributes = AUTH_KEY_ATTRIBUTES | append,
        .data = span_of(data, signing_wrap(data, sizeof(data), &time,
                                           span_of(signer, strlen(signer)), payload)),
    };

    auth_decide(&decision, store, true, &fake->base, &request);
    efi_status status = decision.status;
    auth_decision_free(&decision);
    return status;
}

static void test_what_is_signed(void **state)
{
    struct fake_verifier fake;
    struct store *store = make_store(USER);
    uint8_t expected[256];
    struct signing_target target = {.guid = &some_guid,
                                    .name = EFI_NAME("new"),
                                    .attributes = AUTH_KEY_ATTRIBUTES,
                                    .time = signing_time(101),
                                    .payload = span_of("abc", 3)};

    (void)state;
    fake_verifier_init(&fake);
    decide(store, &fake, EFI_NAME("new"), &some_guid, "owner", 0, span_of("abc", 3));
    size_t len = signing_content(expected, sizeof(expected), &target);
    assert_int_equal(fake.content_len, len);
    assert_memory_equal(fake.content, expected, len);

    target.attributes |= APPEND;
    decide(store, &fake, EFI_NAME("new"), &some_guid, "owner", APPEND, span_of("abc", 3));
    len = signing_content(expected, sizeof(expected), &target);
    assert_memory_equal(fake.content, expected, len);
    store_free(store);
}

/* ------------------------------------------------------------------------------------- the format
 */

static struct span one_hash(uint8_t out[128])
{
    return span_of(out, signing_esl_hashes(out, 128, 0, 1));
}

/* Which status a write of this payload has in each variable, signed by PK in user mode. */
static void expect_format(struct span payload, const char *signer, efi_status pk, efi_status others)
{
    struct fake_verifier fake;
    struct store *store = make_store(USER);

    fake_verifier_init(&fake);
    for (enum target target = T_PK; target <= T_DBT; target++) {
        efi_status status =
            decide(store, &fake, targets[target].name, targets[target].guid, signer, 0, payload);
        assert_true(status == (target == T_PK ? pk : others));
    }
    store_free(store);
}

static void test_format(void **state)
{
    uint8_t bytes[256];
    struct span hash = one_hash(bytes);

    (void)state;
    expect_format(hash, "pk", EFI_INVALID_PARAMETER, EFI_SUCCESS);
    expect_format(span_of(hash.data, hash.len - 1), "pk", EFI_INVALID_PARAMETER,
                  EFI_INVALID_PARAMETER);
    expect_format(span_of(hash.data, 27), "pk", EFI_INVALID_PARAMETER, EFI_INVALID_PARAMETER);
    size_t len = certificates(bytes, sizeof(bytes), NAMES("a", "b"));
    expect_format(span_of(bytes, len), "pk", EFI_INVALID_PARAMETER, EFI_SUCCESS);
    len = signing_esl_certificate(bytes, sizeof(bytes), span_of("no certificate", 14));
    expect_format(span_of(bytes, len), "pk", EFI_INVALID_PARAMETER, EFI_INVALID_PARAMETER);
    len = certificates(bytes, sizeof(bytes), NAMES("a"));
    expect_format(span_of(bytes, len), "pk", EFI_SUCCESS, EFI_SUCCESS);
}

/* A stranger is told nothing about the format of a PK. */
static void test_which_comes_first(void **state)
{
    (void)state;
    expect_format(span_of("rubbish", 7), "stranger", EFI_SECURITY_VIOLATION, EFI_INVALID_PARAMETER);
}

/* In setup mode and in permissive mode too, what is taken without a signature has to be well-formed
 * and to come with a descriptor. */
static void test_unsigned_is_not_unchecked(void **state)
{
    struct fake_verifier fake;
    struct store *store = make_store(SETUP);
    struct auth_decision decision;
    struct request request = {.command = WIRE_SET_VARIABLE,
                              .name = EFI_NAME("db"),
                              .guid = EFI_IMAGE_SECURITY_DATABASE,
                              .attributes = AUTH_KEY_ATTRIBUTES};
    uint8_t bytes[128];
    struct span hash = one_hash(bytes);

    (void)state;
    fake_verifier_init(&fake);
    assert_true(decide(store, &fake, request.name, &request.guid, "", 0, span_of("x", 1)) ==
                EFI_INVALID_PARAMETER);
    assert_true(decide(store, &fake, request.name, &request.guid, "", 0, hash) == EFI_SUCCESS);
    for (int enforce = 0; enforce < 2; enforce++) {
        for (int bare = 0; bare < 2; bare++) {
            request.data = bare ? hash : span_of(NULL, 0);
            auth_decide(&decision, store, enforce, &fake.base, &request);
            assert_true(decision.status == EFI_SECURITY_VIOLATION);
            auth_decision_free(&decision);
        }
    }
    assert_int_equal(fake.asked, 0);
    store_free(store);
}

/* --------------------------------------------------------------------------- states from the field
 */

static void put_raw(struct store *store, const struct guid *guid, struct span name,
                    struct span data, uint32_t attributes)
{
    put(store,
        &(struct variable){.guid = *guid, .name = name, .data = data, .attributes = attributes});
}

/* A KEK that isn't well-formed gives nobody any right; PK still has its own. */
static void test_malformed_keys(void **state)
{
    struct fake_verifier fake;
    struct store *store = make_store(USER);
    uint8_t bytes[256];
    size_t len = certificates(bytes, sizeof(bytes) - 1, NAMES("kek"));
    uint8_t hash[128];

    (void)state;
    bytes[len] = 0;
    fake_verifier_init(&fake);
    put_raw(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), span_of(bytes, len + 1),
            AUTH_KEY_ATTRIBUTES);
    assert_true(decide(store, &fake, EFI_NAME("db"), &EFI_IMAGE_SECURITY_DATABASE, "kek", 0,
                       one_hash(hash)) == EFI_SECURITY_VIOLATION);
    assert_true(decide(store, &fake, EFI_NAME("db"), &EFI_IMAGE_SECURITY_DATABASE, "pk", 0,
                       one_hash(hash)) == EFI_SUCCESS);
    put_raw(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), span_of(bytes, 20), AUTH_KEY_ATTRIBUTES);
    for (size_t i = 0; i < SIGNERS; i++) { /* user mode still, and nobody may do anything */
        assert_true(decide(store, &fake, EFI_NAME("db"), &EFI_IMAGE_SECURITY_DATABASE, signers[i],
                           0, one_hash(hash)) == EFI_SECURITY_VIOLATION);
    }
    store_free(store);
}

/* Behind rubbish an entry would not be found: it isn't appended, but a write replaces it all. */
static void test_malformed_database(void **state)
{
    struct fake_verifier fake;
    struct store *store = make_store(USER);
    uint8_t hash[128];

    (void)state;
    fake_verifier_init(&fake);
    put_raw(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), span_of("rubbish", 7),
            AUTH_KEY_ATTRIBUTES);
    assert_true(decide(store, &fake, EFI_NAME("dbx"), &EFI_IMAGE_SECURITY_DATABASE, "kek", APPEND,
                       one_hash(hash)) == EFI_INVALID_PARAMETER);
    assert_true(decide(store, &fake, EFI_NAME("dbx"), &EFI_IMAGE_SECURITY_DATABASE, "kek", 0,
                       one_hash(hash)) == EFI_SUCCESS);
    store_free(store);
}

static void test_ordinary_variable_stays_one(void **state)
{
    struct fake_verifier fake;
    struct store *store = make_store(USER);

    (void)state;
    fake_verifier_init(&fake);
    put_raw(store, &some_guid, EFI_NAME("ordinary"), span_of("x", 1), EFI_VARIABLE_NV_BS_RT);
    assert_true(decide(store, &fake, EFI_NAME("ordinary"), &some_guid, "owner", 0,
                       span_of("x", 1)) == EFI_INVALID_PARAMETER);
    store_free(store);
}

/* The same names under other GUIDs are nobody's keys. */
static void test_classes(void **state)
{
    struct guid other = EFI_GLOBAL_VARIABLE;

    (void)state;
    other.bytes[0] ^= 1;
    for (enum target target = T_PK; target < TARGETS; target++) {
        static const enum auth_class classes[] = {
            [T_PK] = AUTH_CLASS_PK,         [T_KEK] = AUTH_CLASS_KEK,
            [T_DB] = AUTH_CLASS_DATABASE,   [T_DBX] = AUTH_CLASS_DATABASE,
            [T_DBT] = AUTH_CLASS_DATABASE,  [T_OWNED] = AUTH_CLASS_OTHER,
            [T_UNOWNED] = AUTH_CLASS_OTHER, [T_NEW] = AUTH_CLASS_OTHER};
        struct span name = targets[target].name;

        assert_int_equal(auth_classify(targets[target].guid, name), classes[target]);
        assert_int_equal(auth_classify(&other, name), AUTH_CLASS_OTHER);
    }
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("db")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("PK")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("PKx")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("P")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("pk")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("")), AUTH_CLASS_OTHER);
}

static void test_without_memory(void **state)
{
    static const struct row rows[] = {{USER, T_DB, "kek", APPEND_ENTRY, 101},
                                      {USER, T_PK, "pk", WRITE, 101},
                                      {USER, T_OWNED, "owner", APPEND_ENTRY, 101}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store *store = make_store(rows[i].mode);
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
        cmocka_unit_test(test_what_is_signed),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_which_comes_first),
        cmocka_unit_test(test_unsigned_is_not_unchecked),
        cmocka_unit_test(test_malformed_keys),
        cmocka_unit_test(test_malformed_database),
        cmocka_unit_test(test_ordinary_variable_stays_one),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
