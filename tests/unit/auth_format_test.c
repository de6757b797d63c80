// SPDX-License-Identifier: BSD-2-Clause
/* The decision beside its table: what is signed, the format of what is written, and odd states. */
#include "auth/auth.h"

#include "support/auth_state.h"
#include "support/fake_verifier.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE

static const struct guid some_guid =
    GUID_INIT(0x12345678, 0x1234, 0x1234, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34);

/* -------------------------------------------------------------------------------- what is signed
 */

/* The status; what is denied has a reason, and each reason one status. */
static efi_status decide_why(enum auth_reason *reason, const struct store *store,
                             struct fake_verifier *fake, struct span name, const struct guid *guid,
                             const char *signer, uint32_t append, struct span payload)
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
    *reason = decision.reason;
    auth_decision_free(&decision);
    assert_int_equal(status == EFI_SUCCESS, *reason == AUTH_REASON_NONE);
    assert_true(strlen(auth_reason_text(*reason)) > 0);
    return status;
}

static efi_status decide(const struct store *store, struct fake_verifier *fake, struct span name,
                         const struct guid *guid, const char *signer, uint32_t append,
                         struct span payload)
{
    enum auth_reason reason;

    return decide_why(&reason, store, fake, name, guid, signer, append, payload);
}

static void test_what_is_signed(void **state)
{
    struct fake_verifier fake;
    struct store *store = auth_state_new(true);
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
    struct store *store = auth_state_new(true);

    fake_verifier_init(&fake);
    for (enum target target = T_PK; target <= T_DBT; target++) {
        efi_status status = decide(store, &fake, auth_targets[target].name,
                                   auth_targets[target].guid, signer, 0, payload);
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
    size_t len = auth_state_certificates(bytes, sizeof(bytes), NAMES("a", "b"));
    expect_format(span_of(bytes, len), "pk", EFI_INVALID_PARAMETER, EFI_SUCCESS);
    len = signing_esl_certificate(bytes, sizeof(bytes), span_of("no certificate", 14));
    expect_format(span_of(bytes, len), "pk", EFI_INVALID_PARAMETER, EFI_INVALID_PARAMETER);
    len = auth_state_certificates(bytes, sizeof(bytes), NAMES("a"));
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
    struct store *store = auth_state_new(false);
    struct auth_decision decision;
    enum auth_reason reason;
    struct request request = {.command = WIRE_SET_VARIABLE,
                              .name = EFI_NAME("db"),
                              .guid = EFI_IMAGE_SECURITY_DATABASE,
                              .attributes = AUTH_KEY_ATTRIBUTES};
    uint8_t bytes[128];
    struct span hash = one_hash(bytes);

    (void)state;
    fake_verifier_init(&fake);
    assert_true(decide_why(&reason, store, &fake, request.name, &request.guid, "", 0,
                           span_of("x", 1)) == EFI_INVALID_PARAMETER);
    assert_int_equal(reason, AUTH_REASON_FORMAT);
    assert_true(decide(store, &fake, request.name, &request.guid, "", 0, hash) == EFI_SUCCESS);
    for (int enforce = 0; enforce < 2; enforce++) {
        for (int bare = 0; bare < 2; bare++) {
            request.data = bare ? hash : span_of(NULL, 0);
            auth_decide(&decision, store, enforce, &fake.base, &request);
            assert_true(decision.status == EFI_SECURITY_VIOLATION);
            assert_int_equal(decision.reason, AUTH_REASON_DESCRIPTOR);
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
    auth_state_put(store, &(struct variable){
                              .guid = *guid, .name = name, .data = data, .attributes = attributes});
}

/* A KEK that isn't well-formed gives nobody any right; PK still has its own. */
static void test_malformed_keys(void **state)
{
    struct fake_verifier fake;
    struct store *store = auth_state_new(true);
    uint8_t bytes[256];
    size_t len = auth_state_certificates(bytes, sizeof(bytes) - 1, NAMES("kek"));
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
        assert_true(decide(store, &fake, EFI_NAME("db"), &EFI_IMAGE_SECURITY_DATABASE,
                           auth_signers[i], 0, one_hash(hash)) == EFI_SECURITY_VIOLATION);
    }
    store_free(store);
}

/* Behind rubbish an entry would not be found: it isn't appended, but a write replaces it all. */
static void test_malformed_database(void **state)
{
    struct fake_verifier fake;
    struct store *store = auth_state_new(true);
    enum auth_reason reason;
    uint8_t hash[128];

    (void)state;
    fake_verifier_init(&fake);
    put_raw(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), span_of("rubbish", 7),
            AUTH_KEY_ATTRIBUTES);
    assert_true(decide_why(&reason, store, &fake, EFI_NAME("dbx"), &EFI_IMAGE_SECURITY_DATABASE,
                           "kek", APPEND, one_hash(hash)) == EFI_INVALID_PARAMETER);
    assert_int_equal(reason, AUTH_REASON_STORED);
    assert_true(decide(store, &fake, EFI_NAME("dbx"), &EFI_IMAGE_SECURITY_DATABASE, "kek", 0,
                       one_hash(hash)) == EFI_SUCCESS);
    store_free(store);
}

static void test_ordinary_variable_stays_one(void **state)
{
    struct fake_verifier fake;
    struct store *store = auth_state_new(true);
    enum auth_reason reason;

    (void)state;
    fake_verifier_init(&fake);
    put_raw(store, &some_guid, EFI_NAME("ordinary"), span_of("x", 1), EFI_VARIABLE_NV_BS_RT);
    assert_true(decide_why(&reason, store, &fake, EFI_NAME("ordinary"), &some_guid, "owner", 0,
                           span_of("x", 1)) == EFI_INVALID_PARAMETER);
    assert_int_equal(reason, AUTH_REASON_ORDINARY);
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
        struct span name = auth_targets[target].name;

        assert_int_equal(auth_classify(auth_targets[target].guid, name), classes[target]);
        assert_int_equal(auth_classify(&other, name), AUTH_CLASS_OTHER);
    }
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("db")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("PK")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("PKx")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("P")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("pk")), AUTH_CLASS_OTHER);
    assert_int_equal(auth_classify(&EFI_GLOBAL_VARIABLE, EFI_NAME("")), AUTH_CLASS_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_signed),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_which_comes_first),
        cmocka_unit_test(test_unsigned_is_not_unchecked),
        cmocka_unit_test(test_malformed_keys),
        cmocka_unit_test(test_malformed_database),
        cmocka_unit_test(test_ordinary_variable_stays_one),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
