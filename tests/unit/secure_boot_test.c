// SPDX-License-Identifier: BSD-2-Clause
/*
 * Secure Boot through the whole service with real signatures: a VM's life, the modes, and a
 * regression test for each class of defect that such code is known for.
 */
#include "support/secure_boot.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE
#define NOTHING span_of(NULL, 0)

static struct secure_boot vm;

static int make_keys(void **state)
{
    (void)state;
    secure_boot_make_keys(&vm);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    secure_boot_free_keys(&vm);
    return 0;
}

static int enroll(void **state)
{
    (void)state;
    secure_boot_enroll(&vm);
    return 0;
}

#define expect_status(call, status)                                                                \
    assert_string_equal(efi_status_text(call), efi_status_text(status))

#define expect_refused(call) expect_status(call, EFI_SECURITY_VIOLATION)
#define expect_done(call) expect_status(call, EFI_SUCCESS)

static void expect_modes(unsigned setup, unsigned secure_boot, unsigned deployed)
{
    assert_int_equal(secure_boot_mode(&vm, "SetupMode"), setup);
    assert_int_equal(secure_boot_mode(&vm, "SecureBoot"), secure_boot);
    assert_int_equal(secure_boot_mode(&vm, "DeployedMode"), deployed);
    assert_int_equal(secure_boot_mode(&vm, "AuditMode"), 0);
}

/* --------------------------------------------------------------------------------------- the life
 */

static void test_from_setup_to_user_mode_and_back(void **state)
{
    (void)state;
    secure_boot_reset(&vm, true);
    expect_modes(1, 0, 0);
    expect_done(secure_boot_write(&vm, "dbx", NULL, 1, APPEND, secure_boot_hashes(0, 2)));
    expect_done(secure_boot_write(&vm, "db", NULL, 1, 0, secure_boot_certificate(vm.db)));
    expect_done(secure_boot_write(&vm, "KEK", NULL, 1, 0, secure_boot_certificate(vm.kek)));
    expect_modes(1, 0, 0);
    expect_refused(secure_boot_write(&vm, "PK", NULL, 1, 0, secure_boot_certificate(vm.pk)));
    expect_refused(secure_boot_write(&vm, "PK", vm.kek, 1, 0, secure_boot_certificate(vm.pk)));
    expect_refused(secure_boot_write(&vm, "PK", vm.pk, 1, 0, NOTHING));
    expect_done(secure_boot_write(&vm, "PK", vm.pk, 1, 0, secure_boot_certificate(vm.pk)));
    expect_modes(0, 1, 1);
    expect_refused(secure_boot_write(&vm, "PK", vm.pk, 1, 0, NOTHING)); /* not later */
    expect_refused(secure_boot_write(&vm, "PK", vm.kek, 2, 0, NOTHING));
    expect_done(secure_boot_write(&vm, "PK", vm.pk, 2, 0, NOTHING));
    expect_modes(1, 0, 0);
    expect_done(secure_boot_write(&vm, "db", NULL, 0, 0, secure_boot_hashes(0, 1)));
}

static void test_who_may_write_what(void **state)
{
    (void)state;
    expect_refused(secure_boot_write(&vm, "db", NULL, 101, 0, secure_boot_hashes(0, 1)));
    expect_refused(secure_boot_write(&vm, "db", vm.stranger, 101, 0, secure_boot_hashes(0, 1)));
    expect_refused(secure_boot_write(&vm, "db", vm.db, 101, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 101, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "db", vm.leaf, 102, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "dbx", vm.ca, 103, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "dbt", vm.pk, 104, 0, secure_boot_hashes(0, 1)));
    expect_refused(secure_boot_write(&vm, "KEK", vm.kek, 105, 0, secure_boot_certificate(vm.kek)));
    expect_refused(secure_boot_write(&vm, "KEK", vm.leaf, 105, 0, secure_boot_certificate(vm.kek)));
    expect_done(secure_boot_write(&vm, "KEK", vm.pk, 105, 0, secure_boot_certificate(vm.kek)));
    /* What isn't in KEK any more has no say any more. */
    expect_refused(secure_boot_write(&vm, "db", vm.leaf, 106, 0, secure_boot_hashes(0, 2)));
    expect_refused(secure_boot_write(&vm, "db", vm.ca, 106, 0, secure_boot_hashes(0, 2)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 106, 0, secure_boot_hashes(0, 2)));
}

static void test_new_pk(void **state)
{
    (void)state;
    expect_refused(
        secure_boot_write(&vm, "PK", vm.new_pk, 101, 0, secure_boot_certificate(vm.new_pk)));
    expect_done(secure_boot_write(&vm, "PK", vm.pk, 101, 0, secure_boot_certificate(vm.new_pk)));
    expect_modes(0, 1, 1);
    expect_refused(secure_boot_write(&vm, "KEK", vm.pk, 102, 0, secure_boot_certificate(vm.kek)));
    expect_done(secure_boot_write(&vm, "KEK", vm.new_pk, 102, 0, secure_boot_certificate(vm.kek)));
}

static void test_pk_is_one_certificate(void **state)
{
    uint8_t two[8192];
    size_t len = signing_esl_certificate(two, sizeof(two), signing_certificate(vm.pk));

    (void)state;
    len += signing_esl_certificate(two + len, sizeof(two) - len, signing_certificate(vm.new_pk));
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 101, 0, span_of(two, len)),
                  EFI_INVALID_PARAMETER);
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 101, 0, secure_boot_hashes(0, 1)),
                  EFI_INVALID_PARAMETER);
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 101, APPEND, secure_boot_certificate(vm.pk)),
                  EFI_INVALID_PARAMETER);
    secure_boot_reset(&vm, true);
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 101, 0, span_of(two, len)),
                  EFI_INVALID_PARAMETER);
}

static void test_permissive(void **state)
{
    (void)state;
    secure_boot_reset(&vm, false);
    expect_done(secure_boot_write(&vm, "PK", NULL, 5, 0, secure_boot_certificate(vm.pk)));
    expect_modes(0, 1, 1);
    expect_done(secure_boot_write(&vm, "PK", NULL, 4, 0, secure_boot_certificate(vm.new_pk)));
    expect_done(secure_boot_write(&vm, "db", vm.stranger, 4, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "db", NULL, 4, 0, NOTHING));
    expect_refused(secure_boot_write(&vm, "mine", NULL, 4, 0, span_of("a", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.kek, 4, 0, span_of("a", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 5, 0, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", vm.kek, 5, 0, span_of("c", 1)));
    expect_done(secure_boot_write(&vm, "PK", NULL, 0, 0, NOTHING));
    expect_modes(1, 0, 0);
}

/* -------------------------------------------------------------------------- classes of defect */

/* Not even a try at deletion without a signature may do anything. */
static void test_deletion_needs_a_signature(void **state)
{
    static const char *const names[] = {"PK", "KEK", "db", "mine"};
    static const uint32_t attributes[] = {0,    0x01, 0x20, 0x21, 0x40, 0x60, 0x07, 0x27,
                                          0x47, 0x67, 0x02, 0x06, 0x22, 0x26, 0x61, 0x37};

    (void)state;
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 1, 0, span_of("a", 1)));
    uint64_t before = secure_boot_state(&vm);
    for (size_t name = 0; name < 4; name++) {
        for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
            struct span hash = secure_boot_hashes(0, 1);

            assert_true(secure_boot_write_raw(&vm, names[name], attributes[i], NOTHING) !=
                        EFI_SUCCESS);
            assert_true(secure_boot_write_raw(&vm, names[name], attributes[i], hash) !=
                        EFI_SUCCESS);
        }
        expect_refused(secure_boot_write(&vm, names[name], NULL, 101, 0, NOTHING));
        expect_refused(secure_boot_write(&vm, names[name], vm.db, 101, 0, NOTHING));
    }
    assert_true(secure_boot_state(&vm) == before);
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 2, 0, NOTHING));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 101, 0, NOTHING));
    assert_null(secure_boot_get(&vm, "mine"));
    assert_null(secure_boot_get(&vm, "db"));
    expect_status(secure_boot_write(&vm, "db", vm.kek, 102, 0, NOTHING), EFI_NOT_FOUND);
}

static void test_append_never_lowers_the_time(void **state)
{
    struct efi_time time = signing_time(100);

    (void)state;
    expect_done(secure_boot_write(&vm, "db", vm.kek, 50, APPEND, secure_boot_hashes(0, 1)));
    assert_true(efi_time_equal(&secure_boot_get(&vm, "db")->time, &time));
    expect_refused(secure_boot_write(&vm, "db", vm.kek, 70, 0, secure_boot_hashes(0, 1)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 150, APPEND, secure_boot_hashes(0, 1)));
    time = signing_time(150);
    assert_true(
        efi_time_equal(&secure_boot_get(&vm, "db")->time, &time)); /* though nothing is new */
    expect_refused(secure_boot_write(&vm, "db", vm.kek, 120, 0, secure_boot_hashes(0, 1)));
}

static void test_append_of_nothing(void **state)
{
    uint64_t before = secure_boot_state(&vm);

    (void)state;
    expect_refused(secure_boot_write(&vm, "db", NULL, 200, APPEND, NOTHING));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 200, APPEND, NOTHING));
    assert_true(secure_boot_state(&vm) == before);
    expect_status(secure_boot_write(&vm, "dbx", vm.kek, 200, APPEND, NOTHING), EFI_NOT_FOUND);
}

/* Certificates, hashes and certificates again: all are kept, and each comes once. */
static void test_append_keeps_everything(void **state)
{
    (void)state;
    size_t certificate = secure_boot_certificate(vm.db).len;
    expect_done(secure_boot_write(&vm, "db", vm.kek, 1, APPEND, secure_boot_hashes(0, 3)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 1, APPEND, secure_boot_certificate(vm.pk)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 1, APPEND, secure_boot_certificate(vm.db)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 1, APPEND, secure_boot_hashes(2, 2)));
    expect_done(secure_boot_write(&vm, "db", vm.kek, 1, APPEND, secure_boot_hashes(1, 3)));
    const struct variable *db = secure_boot_get(&vm, "db");
    assert_int_equal(db->data.len, certificate + signing_esl_hashes_size(3) +
                                       secure_boot_certificate(vm.pk).len +
                                       signing_esl_hashes_size(1));
    assert_memory_equal(db->data.data, secure_boot_certificate(vm.db).data, certificate);
}

static void test_the_same_write_twice(void **state)
{
    (void)state;
    expect_done(secure_boot_write(&vm, "db", vm.kek, 101, 0, secure_boot_hashes(0, 1)));
    expect_refused(secure_boot_write(&vm, "db", vm.kek, 101, 0, secure_boot_hashes(0, 1)));
}

/* A signature is good for one name, GUID and set of attributes. */
static void test_signature_for_something_else(void **state)
{
    static uint8_t data[8192];
    struct signing_target target = secure_boot_target("db");

    (void)state;
    target.time = signing_time(200);
    target.payload = secure_boot_hashes(0, 1);
    struct span write = span_of(data, signing_write(data, sizeof(data), vm.kek, NULL, &target));
    expect_refused(secure_boot_write_raw(&vm, "dbx", AUTH_KEY_ATTRIBUTES, write));
    expect_refused(secure_boot_write_raw(&vm, "db", AUTH_KEY_ATTRIBUTES | APPEND, write));
    expect_done(secure_boot_write_raw(&vm, "db", AUTH_KEY_ATTRIBUTES, write));
}

static void test_failed_save_leaves_the_modes(void **state)
{
    (void)state;
    uint64_t before = secure_boot_state(&vm);
    vm.save_fails = true;
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 101, 0, NOTHING), EFI_DEVICE_ERROR);
    expect_modes(0, 1, 1);
    expect_status(secure_boot_write(&vm, "db", vm.kek, 101, 0, secure_boot_hashes(0, 1)),
                  EFI_DEVICE_ERROR);
    assert_true(secure_boot_state(&vm) == before);
    vm.save_fails = false;
    expect_done(secure_boot_write(&vm, "PK", vm.pk, 101, 0, NOTHING)); /* the time hadn't moved */

    vm.save_fails = true;
    expect_status(secure_boot_write(&vm, "PK", vm.pk, 1, 0, secure_boot_certificate(vm.pk)),
                  EFI_DEVICE_ERROR);
    expect_modes(1, 0, 0);
    assert_null(secure_boot_get(&vm, "PK"));
}

/* ---------------------------------------------------------------------------- private variables */

static void test_private_variable(void **state)
{
    (void)state;
    expect_refused(secure_boot_write(&vm, "mine", NULL, 1, 0, span_of("a", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 1, 0, span_of("a", 1)));
    uint64_t before = secure_boot_state(&vm);
    expect_refused(secure_boot_write(&vm, "mine", vm.pk, 2, 0, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", vm.kek, 2, APPEND, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", vm.kek, 2, APPEND, NOTHING));
    expect_refused(secure_boot_write(&vm, "mine", vm.pk, 2, 0, NOTHING));
    expect_refused(secure_boot_write(&vm, "mine", vm.stranger, 1, 0, span_of("b", 1)));
    assert_true(secure_boot_state(&vm) == before);
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 0, APPEND, span_of("bc", 2)));
    assert_memory_equal(secure_boot_get(&vm, "mine")->data.data, "abc", 3);
    expect_refused(secure_boot_write(&vm, "mine", vm.stranger, 1, 0, span_of("b", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.stranger, 2, 0, NOTHING));
    assert_null(secure_boot_get(&vm, "mine"));
    expect_done(
        secure_boot_write(&vm, "mine", vm.pk, 1, 0, span_of("mine now", 8))); /* it was free */
    expect_refused(secure_boot_write(&vm, "mine", vm.stranger, 3, 0, span_of("b", 1)));
}

/* The same name under another CA, and the same CA with another name, are somebody else. */
static void test_private_owner_is_name_and_authority(void **state)
{
    struct signing_key *other_ca = signing_key_new(&(struct signing_key_options){.name = "KEK CA"});
    struct signing_key *namesake = signing_key_new(
        &(struct signing_key_options){.name = "under the CA", .issuer = other_ca, .serial = 7});
    struct signing_key *sibling = signing_key_new(
        &(struct signing_key_options){.name = "also under it", .issuer = vm.ca, .serial = 8});

    (void)state;
    expect_done(secure_boot_write(&vm, "mine", vm.leaf, 1, 0, span_of("a", 1)));
    expect_refused(secure_boot_write(&vm, "mine", namesake, 2, 0, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", sibling, 2, 0, span_of("b", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.leaf, 2, 0, span_of("b", 1)));
    signing_key_free(sibling);
    signing_key_free(namesake);
    signing_key_free(other_ca);
}

/* From an old blob, whose digest was lost: whoever signs next is the owner, unsigned nobody. */
static void test_private_variable_without_owner(void **state)
{
    struct signing_target target = secure_boot_target("mine");
    const struct variable lost = {.guid = *target.guid,
                                  .name = target.name,
                                  .data = span_of("a", 1),
                                  .attributes = AUTH_KEY_ATTRIBUTES,
                                  .time = signing_time(10)};

    (void)state;
    assert_true(service_restore_variable(vm.service, &lost));
    expect_refused(secure_boot_write(&vm, "mine", NULL, 11, 0, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", vm.leaf, 10, 0, span_of("b", 1)));
    expect_done(secure_boot_write(&vm, "mine", vm.leaf, 11, 0, span_of("b", 1)));
    expect_refused(secure_boot_write(&vm, "mine", vm.stranger, 12, 0, span_of("c", 1)));
}

/* ---------------------------------------------------------------------------------------- limits
 */

/* As large as Microsoft's: 443 hashes, 21 KiB. */
static void test_the_same_dbx_twice(void **state)
{
    (void)state;
    expect_done(secure_boot_write(&vm, "dbx", vm.kek, 1, APPEND, secure_boot_hashes(0, 443)));
    uint64_t before = secure_boot_state(&vm);
    unsigned saves = vm.saves;
    assert_int_equal(secure_boot_get(&vm, "dbx")->data.len, 28 + 443 * 48);
    expect_done(secure_boot_write(&vm, "dbx", vm.kek, 1, APPEND, secure_boot_hashes(0, 443)));
    assert_true(secure_boot_state(&vm) == before);
    assert_int_equal(vm.saves, saves); /* nothing to save */
}

/* In steps up to 2500: what still fits is there and can be loaded (each save sees to that), the
 * rest is refused and leaves no trace. */
static void test_too_many_hashes(void **state)
{
    unsigned there = 0;

    (void)state;
    for (unsigned first = 0; first < 2500; first += 250) {
        uint64_t before = secure_boot_state(&vm);
        efi_status status = secure_boot_write(&vm, "dbx", vm.kek, 1 + first, APPEND,
                                              secure_boot_hashes(first, 250));

        if (status == EFI_SUCCESS) {
            assert_int_equal(there, first);
            there += 250;
        } else {
            expect_status(status, EFI_OUT_OF_RESOURCES);
            assert_true(secure_boot_state(&vm) == before);
        }
    }
    assert_int_equal(there, 1000);
    assert_int_equal(secure_boot_get(&vm, "dbx")->data.len, 4 * signing_esl_hashes_size(250));
    expect_status(secure_boot_write(&vm, "dbx", vm.kek, 9000, 0, secure_boot_hashes(0, 2500)),
                  EFI_OUT_OF_RESOURCES);
    expect_done(secure_boot_write(&vm, "dbx", vm.kek, 9001, APPEND, secure_boot_hashes(500, 250)));
}

/* To the last entry that fits into 57344 bytes, and one more. */
static void test_exactly_full(void **state)
{
    (void)state;
    const unsigned most = (STORE_DATA_MAX - 28) / 48;
    expect_done(secure_boot_write(&vm, "dbx", vm.kek, 1, APPEND, secure_boot_hashes(0, most / 2)));
    expect_status(secure_boot_write(&vm, "dbx", vm.kek, 2, APPEND, secure_boot_hashes(0, most + 1)),
                  EFI_OUT_OF_RESOURCES);
    expect_done(secure_boot_write(&vm, "dbx", vm.kek, 3, 0, secure_boot_hashes(0, most)));
    expect_status(secure_boot_write(&vm, "dbx", vm.kek, 4, APPEND, secure_boot_hashes(most, 1)),
                  EFI_OUT_OF_RESOURCES);
}

#define VM_TEST(function) cmocka_unit_test_setup(function, enroll)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VM_TEST(test_from_setup_to_user_mode_and_back),
        VM_TEST(test_who_may_write_what),
        VM_TEST(test_new_pk),
        VM_TEST(test_pk_is_one_certificate),
        VM_TEST(test_permissive),
        VM_TEST(test_deletion_needs_a_signature),
        VM_TEST(test_append_never_lowers_the_time),
        VM_TEST(test_append_of_nothing),
        VM_TEST(test_append_keeps_everything),
        VM_TEST(test_the_same_write_twice),
        VM_TEST(test_signature_for_something_else),
        VM_TEST(test_failed_save_leaves_the_modes),
        VM_TEST(test_private_variable),
        VM_TEST(test_private_owner_is_name_and_authority),
        VM_TEST(test_private_variable_without_owner),
        VM_TEST(test_the_same_dbx_twice),
        VM_TEST(test_too_many_hashes),
        VM_TEST(test_exactly_full),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
