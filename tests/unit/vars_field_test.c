// SPDX-License-Identifier: BSD-2-Clause
/* The VARS codec and the blobs that are in the field, with what is wrong in them. */
#include "backend/vars.h"

#include "base/cleanup.h"
#include "support/vars_blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct blob blob; /* too large for a stack */

/* Decodes the blob made so far. */
static bool blob_decode(struct decoded *decoded)
{
    *decoded = decoded_new();
    return decoded_read(decoded, writer_span(&blob.writer));
}

/* Can't be decoded at all. */
static void expect_refused(void)
{
    struct decoded decoded;

    assert_false(blob_decode(&decoded));
    decoded_free(&decoded);
}

/* The blob of one record can be decoded; is the record taken? */
static void expect_one(bool accepted)
{
    struct decoded decoded;

    assert_true(blob_decode(&decoded));
    assert_int_equal(store_count(decoded.store), accepted ? 1 : 0);
    assert_int_equal(decoded.rejected, accepted ? 0 : 1);
    decoded_free(&decoded);
}

/* ------------------------------------------------------------------------- versions and repairs */

static void reads_versions_0_to_2(void **state)
{
    (void)state;
    for (uint32_t version = 0; version <= 2; version++) {
        struct decoded decoded;

        blob_begin(&blob, version, 1);
        blob_add(&blob, EFI_NAME("BootOrder"), 2, 7);
        assert_true(blob_decode(&decoded));
        assert_int_equal(store_count(decoded.store), 1);
        assert_int_equal(decoded.devices, version == 2 ? 1 : 0);
        decoded_free(&decoded);
    }
}

static void refuses_other_versions(void **state)
{
    (void)state;
    blob_begin(&blob, 3, 1);
    blob_add(&blob, EFI_NAME("BootOrder"), 2, 7);
    expect_refused();
    blob_begin(&blob, UINT32_MAX, 0);
    expect_refused();
}

static void refuses_what_is_no_blob(void **state)
{
    struct decoded decoded = decoded_new();

    (void)state;
    assert_false(decoded_read(&decoded, span_of("", 0)));
    assert_false(decoded_read(&decoded, span_of("VAR", 3)));
    assert_false(decoded_read(&decoded, span_of("vars0000000000000000000000000", 28)));
    decoded_free(&decoded);
}

static void an_empty_blob_is_fine(void **state)
{
    struct decoded decoded;

    (void)state;
    blob_begin(&blob, 1, 0);
    assert_true(blob_decode(&decoded));
    assert_int_equal(store_count(decoded.store), 0);
    decoded_free(&decoded);
}

static void takes_keys_without_time_and_digest(void **state)
{
    static const struct efi_time no_time;
    struct decoded decoded;

    (void)state;
    blob_begin(&blob, 1, 2);
    blob_add_full(&blob, EFI_NAME("PK"), 100, &EFI_GLOBAL_VARIABLE, 0x27, &no_time, 0);
    blob_add(&blob, EFI_NAME("Private"), 10, 0x27);
    assert_true(blob_decode(&decoded));
    assert_int_equal(store_count(decoded.store), 2);
    decoded_free(&decoded);
}

/* One record with time and owner; does the decoded variable have them? */
static void expect_kept(struct span name, const struct guid *guid, uint32_t attributes,
                        bool time_kept, bool owner_kept)
{
    static const struct efi_time time = {2020, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0};
    static const struct efi_time no_time;
    static const uint8_t no_owner[OWNER_SIZE];
    struct decoded decoded;

    blob_begin(&blob, 1, 1);
    blob_add_full(&blob, name, 4, guid, attributes, &time, 0xcc);
    assert_true(blob_decode(&decoded));
    const struct variable *variable = store_get(decoded.store, guid, name);
    assert_non_null(variable);
    assert_true(efi_time_equal(&variable->time, time_kept ? &time : &no_time));
    assert_int_equal(memcmp(variable->owner, no_owner, OWNER_SIZE) != 0, owner_kept);
    decoded_free(&decoded);
}

static void clears_rubbish_in_time_and_owner(void **state)
{
    (void)state;
    expect_kept(EFI_NAME("Ordinary"), &blob_guid, 7, false, false);
    expect_kept(EFI_NAME("Private"), &blob_guid, 0x27, true, true);
    expect_kept(EFI_NAME("PK"), &EFI_GLOBAL_VARIABLE, 0x27, true, false);
    expect_kept(EFI_NAME("db"), &EFI_IMAGE_SECURITY_DATABASE, 0x27, true, false);
    expect_kept(EFI_NAME("PK"), &blob_guid, 0x27, true, true);
}

static void strips_terminators_from_names(void **state)
{
    struct decoded decoded;

    (void)state;
    blob_begin(&blob, 1, 2);
    blob_add(&blob, EFI_NAME("BootOrder\0"), 2, 7);
    blob_add(&blob, EFI_NAME("Timeout\0\0\0"), 2, 7);
    assert_true(blob_decode(&decoded));
    assert_non_null(store_get(decoded.store, &blob_guid, EFI_NAME("BootOrder")));
    assert_non_null(store_get(decoded.store, &blob_guid, EFI_NAME("Timeout")));
    decoded_free(&decoded);
}

static void never_keeps_the_append_attribute(void **state)
{
    struct decoded decoded;

    (void)state;
    blob_begin(&blob, 1, 1);
    blob_add_full(&blob, EFI_NAME("dbx"), 4, &EFI_IMAGE_SECURITY_DATABASE, 0x67,
                  &(struct efi_time){.year = 2020}, 0);
    assert_true(blob_decode(&decoded));
    assert_int_equal(store_at(decoded.store, 0)->attributes, 0x27);
    decoded_free(&decoded);
}

static void leaves_out_an_oversized_variable(void **state)
{
    struct decoded decoded;

    (void)state;
    blob_begin(&blob, 1, 3);
    blob_add(&blob, EFI_NAME("A"), STORE_DATA_MAX, 7);
    blob_add(&blob, EFI_NAME("B"), STORE_DATA_MAX + 1, 7);
    blob_add(&blob, EFI_NAME("C"), 1, 7);
    assert_true(blob_decode(&decoded));
    assert_int_equal(store_count(decoded.store), 2);
    assert_int_equal(decoded.rejected, 1);
    assert_int_equal(decoded.name_len, 2);
    assert_int_equal(decoded.name[0], 'B');
    assert_true(guid_equal(&decoded.guid, &blob_guid));
    assert_non_null(strstr(decoded.reason, "57344"));
    decoded_free(&decoded);
}

/* ---------------------------------------------------------------------------------- bad records */

static void leaves_out_bad_names(void **state)
{
    static uint8_t name[WIRE_NAME_MAX + 2];

    (void)state;
    memset(name, 'n', sizeof(name));
    static const struct {
        size_t len;
        bool accepted;
    } cases[] = {{0, false},
                 {1, false},
                 {2, true},
                 {3, false},
                 {WIRE_NAME_MAX, true},
                 {WIRE_NAME_MAX + 1, false},
                 {WIRE_NAME_MAX + 2, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        blob_begin(&blob, 2, 1);
        blob_add(&blob, span_of(name, cases[i].len), 1, 7);
        expect_one(cases[i].accepted);
    }
    blob_begin(&blob, 2, 1);
    blob_add(&blob, EFI_NAME("A\0B"), 1, 7);
    expect_one(false);
    blob_begin(&blob, 2, 1);
    blob_add(&blob, EFI_NAME("\0\0"), 1, 7);
    expect_one(false);
}

static void leaves_out_a_variable_without_data(void **state)
{
    (void)state;
    blob_begin(&blob, 2, 1);
    blob_add(&blob, EFI_NAME("A"), 0, 7);
    expect_one(false);
}

static void leaves_out_what_no_call_could_have_made(void **state)
{
    (void)state;
    for (uint32_t attributes = 0; attributes < 0x200; attributes++) {
        uint32_t at_rest = attributes & ~EFI_VARIABLE_APPEND_WRITE;
        bool accepted = (at_rest & ~UINT32_C(0x27)) == 0 && (at_rest & 2) != 0;

        blob_begin(&blob, 2, 1);
        blob_add(&blob, EFI_NAME("A"), 1, attributes);
        expect_one(accepted);
    }
    blob_begin(&blob, 2, 1);
    blob_add(&blob, EFI_NAME("A"), 1, 0x80000007);
    expect_one(false);
}

static void leaves_out_keys_that_anybody_could_write(void **state)
{
    static const struct efi_time no_time;

    (void)state;
    blob_begin(&blob, 2, 1);
    blob_add_full(&blob, EFI_NAME("db"), 4, &EFI_IMAGE_SECURITY_DATABASE, 7, &no_time, 0);
    expect_one(false);
    blob_begin(&blob, 2, 1);
    blob_add_full(&blob, EFI_NAME("PK"), 4, &EFI_GLOBAL_VARIABLE, 0x26, &no_time, 0);
    expect_one(false);
}

/* ----------------------------------------------------------------------------------- duplicates */

static void expect_survivor(struct span name, size_t data_len)
{
    struct decoded decoded;

    assert_true(blob_decode(&decoded));
    assert_int_equal(store_count(decoded.store), 1);
    assert_int_equal(decoded.rejected, 1);
    const struct variable *variable = store_get(decoded.store, &blob_guid, name);
    assert_non_null(variable);
    assert_int_equal(variable->data.len, data_len);
    decoded_free(&decoded);
}

static void of_two_with_one_name_the_last_is_kept(void **state)
{
    (void)state;
    blob_begin(&blob, 2, 2);
    blob_add(&blob, EFI_NAME("A"), 1, 7);
    blob_add(&blob, EFI_NAME("A"), 2, 7);
    expect_survivor(EFI_NAME("A"), 2);
}

static void a_repaired_name_gives_way_to_a_right_one(void **state)
{
    (void)state;
    blob_begin(&blob, 2, 2);
    blob_add(&blob, EFI_NAME("A"), 1, 7);
    blob_add(&blob, EFI_NAME("A\0"), 2, 7);
    expect_survivor(EFI_NAME("A"), 1);
}

static void a_bad_record_displaces_no_good_one(void **state)
{
    (void)state;
    blob_begin(&blob, 2, 2);
    blob_add(&blob, EFI_NAME("A"), 1, 7);
    blob_add(&blob, EFI_NAME("A"), 0, 7);
    expect_survivor(EFI_NAME("A"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_versions_0_to_2),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(refuses_what_is_no_blob),
        cmocka_unit_test(an_empty_blob_is_fine),
        cmocka_unit_test(takes_keys_without_time_and_digest),
        cmocka_unit_test(clears_rubbish_in_time_and_owner),
        cmocka_unit_test(strips_terminators_from_names),
        cmocka_unit_test(never_keeps_the_append_attribute),
        cmocka_unit_test(leaves_out_an_oversized_variable),
        cmocka_unit_test(leaves_out_bad_names),
        cmocka_unit_test(leaves_out_a_variable_without_data),
        cmocka_unit_test(leaves_out_what_no_call_could_have_made),
        cmocka_unit_test(leaves_out_keys_that_anybody_could_write),
        cmocka_unit_test(of_two_with_one_name_the_last_is_kept),
        cmocka_unit_test(a_repaired_name_gives_way_to_a_right_one),
        cmocka_unit_test(a_bad_record_displaces_no_good_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
