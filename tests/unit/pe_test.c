// SPDX-License-Identifier: BSD-2-Clause
/* PE images: what is hashed, where the signatures are, every truncation, and damage. */
#include "tools/pe.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PE_OFFSET 0x80u
#define HEADERS_SIZE 0x200u
#define OPTIONAL (PE_OFFSET + 24u)
#define CHECKSUM (OPTIONAL + 64u)
#define DIRECTORY_PLUS (OPTIONAL + 112u + 32u)
#define IMAGE_SIZE 0x500u

struct parts {
    uint32_t directories;                 /* 16 */
    uint32_t table_offset, table_size;    /* of the certificates */
    uint32_t first_offset, second_offset; /* of the sections, 0x100 bytes each */
};

static const struct parts usual = {16, 0x480, 0x80, 0x300, 0x200};

static void put_u32(uint8_t *image, size_t offset, uint32_t value)
{
    struct writer writer = writer_of(image + offset, 4);

    writer_u32le(&writer, value);
}

static void make(uint8_t image[IMAGE_SIZE], const struct parts *parts)
{
    for (size_t i = 0; i < IMAGE_SIZE; i++) {
        image[i] = (uint8_t)(i * 7 + 1);
    }
    memset(image, 0, HEADERS_SIZE);
    memcpy(image, "MZ", 2);
    put_u32(image, 0x3c, PE_OFFSET);
    memcpy(image + PE_OFFSET, "PE\0\0\x64\x86\2\0", 8);
    put_u32(image, PE_OFFSET + 20, 112 + 16 * 8); /* the optional header's size */
    put_u32(image, OPTIONAL, 0x20b);
    put_u32(image, OPTIONAL + 60, HEADERS_SIZE);
    put_u32(image, OPTIONAL + 108, parts->directories);
    put_u32(image, DIRECTORY_PLUS, parts->table_offset);
    put_u32(image, DIRECTORY_PLUS + 4, parts->table_size);
    uint8_t *sections = image + OPTIONAL + 112 + 16 * 8;
    put_u32(sections, 16, 0x100);
    put_u32(sections, 20, parts->first_offset);
    put_u32(sections, 40 + 16, 0x100);
    put_u32(sections, 40 + 20, parts->second_offset);
}

static void assert_region(const struct pe_image *pe, size_t number, const uint8_t *image,
                          size_t begin, size_t end)
{
    assert_ptr_equal(pe->regions[number].data, image + begin);
    assert_int_equal(pe->regions[number].len, end - begin);
}

static void test_regions(void **state)
{
    static uint8_t image[IMAGE_SIZE];
    struct pe_image pe;

    (void)state;
    make(image, &usual);
    assert_true(pe_parse(&pe, span_of(image, sizeof(image)), NULL));
    assert_int_equal(pe.machine, 0x8664);
    assert_int_equal(pe.region_count, 6);
    assert_region(&pe, 0, image, 0, CHECKSUM);
    assert_region(&pe, 1, image, CHECKSUM + 4, DIRECTORY_PLUS);
    assert_region(&pe, 2, image, DIRECTORY_PLUS + 8, HEADERS_SIZE);
    assert_region(&pe, 3, image, 0x200, 0x300); /* in the order of the file, not of the table */
    assert_region(&pe, 4, image, 0x300, 0x400);
    assert_region(&pe, 5, image, 0x400, 0x480); /* behind the sections, up to the certificates */
    assert_ptr_equal(pe.certificates.data, image + 0x480);
    assert_int_equal(pe.certificates.len, 0x80);
}

static void test_without_a_certificate_table(void **state)
{
    static uint8_t image[IMAGE_SIZE];
    struct pe_image pe;

    (void)state;
    make(image, &(struct parts){16, 0, 0, 0x200, 0x300});
    assert_true(pe_parse(&pe, span_of(image, sizeof(image)), NULL));
    assert_int_equal(pe.certificates.len, 0);
    assert_region(&pe, 5, image, 0x400, IMAGE_SIZE);
    make(image, &(struct parts){4, 0x480, 0x80, 0x200, 0x300}); /* no directory entry for it */
    assert_true(pe_parse(&pe, span_of(image, sizeof(image)), NULL));
    assert_int_equal(pe.certificates.len, 0);
    assert_int_equal(pe.region_count, 5);
    assert_region(&pe, 1, image, CHECKSUM + 4, HEADERS_SIZE);
    assert_region(&pe, 4, image, 0x400, IMAGE_SIZE);
}

/* What is told about an image lies within it. */
static void assert_within(const struct pe_image *pe, struct span bytes)
{
    assert_true(pe->region_count <= PE_REGIONS_MAX);
    for (size_t i = 0; i < pe->region_count; i++) {
        assert_true(pe->regions[i].data >= bytes.data);
        assert_true(pe->regions[i].data + pe->regions[i].len <= bytes.data + bytes.len);
    }
}

static void test_every_truncation_is_refused(void **state)
{
    static uint8_t image[IMAGE_SIZE];
    struct err err;
    struct pe_image pe;

    (void)state;
    make(image, &usual);
    for (size_t len = 0; len < sizeof(image); len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1); /* so that the sanitizer sees a read beyond */
        assert_non_null(copy);
        memcpy(copy, image, len);
        assert_false(pe_parse(&pe, span_of(copy, len), &err));
        free(copy);
    }
}

static void test_every_changed_header_is_survived(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    static uint8_t image[IMAGE_SIZE];
    size_t taken = 0;

    (void)state;
    for (size_t at = 0; at < HEADERS_SIZE; at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            struct pe_image pe;

            make(image, &usual);
            image[at] = values[i];
            if (pe_parse(&pe, span_of(image, sizeof(image)), NULL)) {
                assert_within(&pe, span_of(image, sizeof(image)));
                taken++;
            }
        }
    }
    assert_in_range(taken, 1, HEADERS_SIZE * sizeof(values) - 1);
}

static void test_parts_outside_are_refused(void **state)
{
    static const struct parts bad[] = {
        {16, 0x481, 0x80, 0x200, 0x300}, /* the table ends behind the file */
        {16, 0x480, 0xffffffff, 0x200, 0x300},
        {16, 0x100, 0x80, 0x200, 0x300}, /* in the headers */
        {16, 0x480, 0x80, 0x401, 0x300}, /* a section ends behind the file */
        {16, 0x480, 0x80, 0x200, 0x401 + 0x100},
        {16, 0x480, 0x80, 0xffffff00, 0x300},
        {16, 0x300, 0x200, 0x200, 0x300}, /* more certificates than there is behind sections */
    };
    static uint8_t image[IMAGE_SIZE];
    struct pe_image pe;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        make(image, &bad[i]);
        assert_false(pe_parse(&pe, span_of(image, sizeof(image)), NULL));
    }
}

/* ------------------------------------------------------------------------------ the table itself
 */

static const struct guid pkcs7_guid =
    GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);

static void put_entry(struct writer *writer, uint16_t type, const struct guid *guid,
                      const char *body)
{
    size_t len = 8 + (guid != NULL ? (size_t)GUID_SIZE : 0) + strlen(body);

    writer_u32le(writer, (uint32_t)len);
    writer_u16le(writer, 0x200);
    writer_u16le(writer, type);
    if (guid != NULL) {
        writer_guid(writer, guid);
    }
    writer_bytes(writer, span_of(body, strlen(body)));
    writer_zeros(writer, (8 - len % 8) % 8);
}

static size_t make_table(uint8_t *out, size_t capacity)
{
    struct writer writer = writer_of(out, capacity);

    put_entry(&writer, 2, NULL, "first");
    put_entry(&writer, 1, NULL, "an X.509 certificate");
    put_entry(&writer, 0x0ef1, &pkcs7_guid, "second");
    put_entry(&writer, 0x0ef1, &EFI_GLOBAL_VARIABLE, "of another kind");
    put_entry(&writer, 2, NULL, "thirdone");
    assert_true(writer_ok(&writer));
    return writer.len;
}

static void test_signatures_of_a_table(void **state)
{
    static const char *const expected[] = {"first", "second", "thirdone"};
    uint8_t table[256];
    struct reader reader = reader_of(span_of(table, make_table(table, sizeof(table))));
    struct span pkcs7;
    bool malformed = true;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(pe_next_signature(&reader, &pkcs7, &malformed));
        assert_true(span_equal(pkcs7, span_of(expected[i], strlen(expected[i]))));
    }
    assert_false(pe_next_signature(&reader, &pkcs7, &malformed));
    assert_false(malformed);
}

static void test_a_table_cut_anywhere_is_malformed(void **state)
{
    uint8_t table[256];
    size_t whole = make_table(table, sizeof(table));
    size_t clean = 0;

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        struct reader reader = reader_of(span_of(table, len));
        struct span pkcs7;
        bool malformed = false;

        while (pe_next_signature(&reader, &pkcs7, &malformed)) {
        }
        clean += malformed ? 0 : 1;
    }
    assert_int_equal(clean, 5); /* at the beginnings of the five entries */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_without_a_certificate_table),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_changed_header_is_survived),
        cmocka_unit_test(test_parts_outside_are_refused),
        cmocka_unit_test(test_signatures_of_a_table),
        cmocka_unit_test(test_a_table_cut_anywhere_is_malformed),
    };

    return cmocka_run_group_tests_name("pe", tests, NULL, NULL);
}
