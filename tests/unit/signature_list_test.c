// SPDX-License-Identifier: BSD-2-Clause
/* EFI_SIGNATURE_LIST: sizes around every boundary, every type, walks and appends. */
#include "auth/signature_list.h"

#include "auth/merge.h"
#include "base/writer.h"
#include "support/alloc_fault.h"
#include "support/sample.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SHA256_GUID                                                                                \
    GUID_INIT(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28)
#define X509_GUID                                                                                  \
    GUID_INIT(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72)

/* UEFI 2.10, 32.4.1.2, written down once more. size: of an entry, owner included; 0: any. */
static const struct type {
    struct guid guid;
    uint32_t size;
} types[] = {
    {GUID_INIT(0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd), 36},
    {GUID_INIT(0x0b6e5233, 0xa65c, 0x44c9, 0x94, 0x07, 0xd9, 0xab, 0x83, 0xbf, 0xc8, 0xbd), 44},
    {SHA256_GUID, 48},
    {GUID_INIT(0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01), 64},
    {GUID_INIT(0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a), 80},
    {GUID_INIT(0x3c5766e8, 0x269c, 0x4e34, 0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3, 0xb6), 272},
    {GUID_INIT(0x67f8444f, 0x8743, 0x48f1, 0xa3, 0x28, 0x1e, 0xaa, 0xb8, 0x73, 0x60, 0x80), 272},
    {GUID_INIT(0xe2b36190, 0x879b, 0x4a3d, 0xad, 0x8d, 0xf2, 0xe7, 0xbb, 0xa3, 0x27, 0x84), 272},
    {X509_GUID, 0},
    {GUID_INIT(0x3bd2a492, 0x96c0, 0x4079, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03, 0xed), 64},
    {GUID_INIT(0x7076876e, 0x80c2, 0x4ee6, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86, 0x5b), 80},
    {GUID_INIT(0x446dbf63, 0x2502, 0x4cda, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe, 0x9d), 96},
};

#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

/* A list with these sizes in its header, and body bytes behind it; count of it in exact memory. */
static size_t count_list(const struct guid *guid, uint32_t list_size, uint32_t header_size,
                         uint32_t entry_size, size_t body)
{
    uint8_t *bytes = calloc(1, 28 + body);
    struct writer writer = writer_of(bytes, 28 + body);

    writer_guid(&writer, guid);
    writer_u32le(&writer, list_size);
    writer_u32le(&writer, header_size);
    writer_u32le(&writer, entry_size);
    size_t count = signature_database_count(span_of(bytes, 28 + body));
    free(bytes);
    return count;
}

static void test_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        for (uint32_t size = 0; size < 300; size++) {
            bool good = types[i].size != 0 ? size == types[i].size : size > 16;
            size_t count = count_list(&types[i].guid, 28 + 2 * size, 0, size, 2 * size);

            assert_true(count == (good ? 2 : SIZE_MAX));
        }
    }
    struct guid unknown = SHA256_GUID;
    unknown.bytes[15] ^= 1;
    assert_true(count_list(&unknown, 28 + 48, 0, 48, 48) == SIZE_MAX);
}

static void test_sizes(void **state)
{
    static const struct guid sha256 = SHA256_GUID;
    static const struct guid x509 = X509_GUID;
    static const uint32_t huge[] = {0x7fffffff, 0x80000000, UINT32_MAX - 27, UINT32_MAX};

    (void)state;
    for (uint32_t size = 0; size < 28 + 3 * 48; size++) { /* of the list; the rest is too much */
        bool good = size == 28 + 2 * 48;
        assert_true(count_list(&sha256, size, 0, 48, 2 * 48) == (good ? 2 : SIZE_MAX));
    }
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        assert_true(count_list(&sha256, huge[i], 0, 48, 96) == SIZE_MAX);
        assert_true(count_list(&sha256, 28 + 96, huge[i], 48, 96) == SIZE_MAX);
        assert_true(count_list(&sha256, 28 + 96, 0, huge[i], 96) == SIZE_MAX);
        assert_true(count_list(&x509, 28 + 96, 0, huge[i], 96) == SIZE_MAX);
        assert_true(count_list(&x509, huge[i], 0, huge[i] - 28, 96) == SIZE_MAX);
    }
    assert_true(count_list(&sha256, 28, 0, 48, 0) == SIZE_MAX);      /* no entry */
    assert_true(count_list(&sha256, 28 + 96, 0, 0, 96) == SIZE_MAX); /* of no size */
    assert_true(count_list(&x509, 28 + 96, 0, 0, 96) == SIZE_MAX);   /* nor here */
    assert_true(count_list(&x509, 28 + 96, 0, 16, 96) == SIZE_MAX);  /* owner, no certificate */
    assert_true(count_list(&sha256, 28 + 96, 48, 48, 96) ==
                SIZE_MAX);                                            /* a header it doesn't have */
    assert_true(count_list(&sha256, 28 + 97, 0, 48, 97) == SIZE_MAX); /* not a whole number */
    assert_true(count_list(&sha256, 28 + 96, 0, 48, 97) == SIZE_MAX); /* a byte behind */
}

static void test_truncation(void **state)
{
    uint8_t bytes[512];
    size_t first = signing_esl_hashes(bytes, sizeof(bytes), 0, 3);
    size_t len = first + signing_esl_certificate(bytes + first, sizeof(bytes) - first,
                                                 span_of("certificate", 11));

    (void)state;
    for (size_t i = 0; i <= len; i++) {
        uint8_t *exact = malloc(i + 1);
        size_t expected = i == 0 ? 0 : i == first ? 3 : i == len ? 4 : SIZE_MAX;

        memcpy(exact + 1, bytes, i);
        assert_true(signature_database_count(span_of(exact + 1, i)) == expected);
        struct signature_walk walk = signature_walk_of(span_of(exact + 1, i));
        struct signature_entry entry;
        size_t walked = 0;
        while (signature_walk_next(&walk, &entry)) {
            walked++;
        }
        assert_true(walk.malformed == (expected == SIZE_MAX));
        assert_true(walked == (i < first ? 0 : i < len ? 3 : 4));
        free(exact);
    }
}

/* ------------------------------------------------------------------------------------- appending
 */

static void expect_merged(struct span old, struct span new, struct span expected)
{
    struct merged merged;

    assert_true(merge_append(&merged, old, new) == EFI_SUCCESS);
    assert_int_equal(merged.database.len, expected.len);
    assert_memory_equal(merged.database.data, expected.data, expected.len);
    free(merged.owned);
}

static void test_append_of_what_is_there(void **state)
{
    static uint8_t database[30000];
    size_t len = signing_esl_hashes(database, sizeof(database), 0, 443);
    struct merged merged;

    (void)state;
    assert_true(merge_append(&merged, span_of(database, len), span_of(database, len)) ==
                EFI_SUCCESS);
    assert_ptr_equal(merged.database.data, database);
    assert_int_equal(merged.database.len, len);
    assert_null(merged.owned);
}

/* In another order, and spread over other lists. */
static void test_append_of_what_is_there_elsewhere(void **state)
{
    uint8_t old[4096];
    uint8_t new[4096];
    size_t old_len = signing_esl_hashes(old, sizeof(old), 0, 10);
    size_t new_len = signing_esl_hashes(new, sizeof(new), 5, 5);
    struct merged merged;

    (void)state;
    new_len += signing_esl_hashes(new + new_len, sizeof(new) - new_len, 0, 3);
    assert_true(merge_append(&merged, span_of(old, old_len), span_of(new, new_len)) == EFI_SUCCESS);
    assert_ptr_equal(merged.database.data, old);
    assert_null(merged.owned);
}

static void test_append_of_some(void **state)
{
    uint8_t old[4096];
    uint8_t new[4096];
    uint8_t expected[8192];
    size_t old_len = signing_esl_hashes(old, sizeof(old), 0, 10);
    size_t new_len = signing_esl_hashes(new, sizeof(new), 5, 10);

    (void)state;
    memcpy(expected, old, old_len);
    size_t len =
        old_len + signing_esl_hashes(expected + old_len, sizeof(expected) - old_len, 10, 5);
    expect_merged(span_of(old, old_len), span_of(new, new_len), span_of(expected, len));
}

/* The same twice in what is appended, to nothing too. */
static void test_duplicates_within(void **state)
{
    uint8_t new[4096];
    uint8_t once[4096];
    size_t len = signing_esl_hashes(new, sizeof(new), 0, 10);
    size_t twice = len + signing_esl_hashes(new + len, sizeof(new) - len, 0, 10);

    (void)state;
    memcpy(once, new, len);
    expect_merged(span_of(NULL, 0), span_of(new, twice), span_of(once, len));
    expect_merged(span_of(once, len), span_of(new, twice), span_of(once, len));
}

/* The same bytes of another type, or of another owner, are another entry. */
static void test_what_makes_an_entry(void **state)
{
    uint8_t hash[28 + 48];
    uint8_t other[28 + 48];
    uint8_t expected[2 * (28 + 48)];
    static const struct guid x509 = X509_GUID;

    (void)state;
    signing_esl_hashes(hash, sizeof(hash), 0, 1);
    for (int what = 0; what < 2; what++) {
        memcpy(other, hash, sizeof(hash));
        if (what == 0) {
            memcpy(other, x509.bytes, GUID_SIZE);
        } else {
            other[28 + GUID_SIZE - 1] ^= 1;
        }
        memcpy(expected, hash, sizeof(hash));
        memcpy(expected + sizeof(hash), other, sizeof(other));
        expect_merged(span_of(hash, sizeof(hash)), span_of(other, sizeof(other)),
                      span_of(expected, sizeof(expected)));
    }
}

static void test_append_to_malformed(void **state)
{
    uint8_t hash[28 + 48 + 1];
    struct merged merged;
    size_t len = signing_esl_hashes(hash, sizeof(hash), 0, 1);

    (void)state;
    assert_true(merge_append(&merged, span_of(hash, len + 1), span_of(hash, len)) ==
                EFI_INVALID_PARAMETER);
    assert_null(merged.owned);
}

/* Some lists of a few types, of entries that are likely to come again. */
static size_t random_database(struct sample *sample, uint8_t *out, size_t capacity)
{
    struct writer writer = writer_of(out, capacity);

    for (uint32_t lists = sample_below(sample, 4); lists > 0; lists--) {
        const struct type *type = &types[sample_below(sample, 3)];
        uint32_t count = 1 + sample_below(sample, 8);

        writer_guid(&writer, &type->guid);
        writer_u32le(&writer, 28 + count * type->size);
        writer_u32le(&writer, 0);
        writer_u32le(&writer, type->size);
        for (uint32_t i = 0; i < count; i++) {
            writer_zeros(&writer, type->size - 2);
            writer_u16le(&writer, (uint16_t)sample_below(sample, 12));
        }
    }
    assert_true(writer_ok(&writer));
    return writer.len;
}

static bool has_entry(struct span database, const struct signature_entry *entry, size_t before)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry other;

    for (size_t i = 0; i < before && signature_walk_next(&walk, &other); i++) {
        if (other.type == entry->type && span_equal(other.whole, entry->whole)) {
            return true;
        }
    }
    return false;
}

/* Slowly and obviously: behind old, each entry of new that is neither in old nor earlier in new, in
 * its order. */
static void check_merge(struct span old, struct span new)
{
    struct merged merged;
    struct signature_entry entry;
    struct signature_entry got;

    assert_true(merge_append(&merged, old, new) == EFI_SUCCESS);
    assert_true(merged.database.len >= old.len);
    assert_true(span_equal(span_of(merged.database.data, old.len), old));
    struct span added = span_of(merged.database.data + old.len, merged.database.len - old.len);
    struct signature_walk of_new = signature_walk_of(new);
    struct signature_walk of_added = signature_walk_of(added);
    for (size_t i = 0; signature_walk_next(&of_new, &entry); i++) {
        if (!has_entry(old, &entry, SIZE_MAX) && !has_entry(new, &entry, i)) {
            assert_true(signature_walk_next(&of_added, &got));
            assert_true(got.type == entry.type && span_equal(got.whole, entry.whole));
        }
    }
    assert_false(signature_walk_next(&of_added, &got));
    assert_false(of_added.malformed);
    free(merged.owned);
}

static void test_random_appends(void **state)
{
    struct sample sample = {.state = 4711};
    static uint8_t old[8192];
    static uint8_t new[8192];

    (void)state;
    for (int i = 0; i < 3000; i++) {
        size_t old_len = random_database(&sample, old, sizeof(old));
        size_t new_len = random_database(&sample, new, sizeof(new));

        check_merge(span_of(old, old_len), span_of(new, new_len));
    }
}

static void test_append_without_memory(void **state)
{
    uint8_t old[4096];
    uint8_t new[4096];
    size_t old_len = signing_esl_hashes(old, sizeof(old), 0, 10);
    size_t new_len = signing_esl_hashes(new, sizeof(new), 5, 10);
    struct merged merged;
    bool failed;
    long n = 0;

    (void)state;
    do {
        alloc_fault_arm(n++);
        efi_status status = merge_append(&merged, span_of(old, old_len), span_of(new, new_len));
        failed = alloc_fault_disarm();
        assert_true(status == (failed ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS));
        free(merged.owned);
    } while (failed);
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_append_of_what_is_there),
        cmocka_unit_test(test_append_of_what_is_there_elsewhere),
        cmocka_unit_test(test_append_of_some),
        cmocka_unit_test(test_duplicates_within),
        cmocka_unit_test(test_what_makes_an_entry),
        cmocka_unit_test(test_append_to_malformed),
        cmocka_unit_test(test_random_appends),
        cmocka_unit_test(test_append_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
