// SPDX-License-Identifier: BSD-2-Clause
/* PE images and their signatures: an image made here, cut and changed everywhere. */
#include "tools/pe.h"

#include "base/cleanup.h"
#include "base/writer.h"
#include "crypto/authenticode.h"
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIZE 1024u
#define OPTIONAL (64u + 24u)

/*
 * PE32+: headers up to 512, two sections of 128 bytes (the second first in the file), 64 bytes
 * behind them, then a certificate table with a signature of 10 bytes.
 */
static void make(uint8_t image[SIZE])
{
    struct writer writer = writer_of(image, SIZE);

    memset(image, 0, SIZE);
    memcpy(image, "MZ", 2);
    image[0x3c] = 64;
    writer.len = 64;
    writer_u32le(&writer, 0x4550);
    writer_u16le(&writer, 0x8664);
    writer_u16le(&writer, 2);
    writer_zeros(&writer, 12);
    writer_u16le(&writer, 112 + 16 * 8);
    writer_u16le(&writer, 0);
    writer_u16le(&writer, 0x20b);
    writer.len = OPTIONAL + 60;
    writer_u32le(&writer, 512);
    writer.len = OPTIONAL + 108;
    writer_u32le(&writer, 16);
    writer.len = OPTIONAL + 112 + 32;
    writer_u32le(&writer, 832);
    writer_u32le(&writer, 24);
    for (uint32_t i = 0; i < 2; i++) {
        writer.len = OPTIONAL + 112 + 128 + 40 * i + 16;
        writer_u32le(&writer, 128);
        writer_u32le(&writer, i == 0 ? 640 : 512);
    }
    writer.len = 832;
    writer_u32le(&writer, 18);
    writer_u16le(&writer, 0x200);
    writer_u16le(&writer, 2);
    writer_bytes(&writer, span_of("0123456789", 10));
    writer_zeros(&writer, 6);
    assert_int_equal(writer.len, 856);
}

#define WHOLE 856u

static size_t total(const struct pe_image *image)
{
    size_t sum = 0;

    for (size_t i = 0; i < image->region_count; i++) {
        sum += image->regions[i].len;
    }
    return sum;
}

static void what_is_hashed(void **state)
{
    uint8_t bytes[SIZE];
    struct pe_image image;
    struct err err;

    (void)state;
    make(bytes);
    assert_true(pe_parse(&image, span_of(bytes, WHOLE), &err));
    assert_int_equal(image.region_count, 6);
    assert_int_equal(total(&image), 832 - 4 - 8);
    assert_ptr_equal(image.regions[3].data, bytes + 512);
    assert_ptr_equal(image.regions[4].data, bytes + 640);
    assert_int_equal(image.regions[5].len, 64);
    assert_int_equal(image.certificates.len, 24);
}

static void the_signature(void **state)
{
    uint8_t bytes[SIZE];
    struct pe_image image;
    struct span pkcs7;
    struct err err;
    bool malformed;

    (void)state;
    make(bytes);
    assert_true(pe_parse(&image, span_of(bytes, WHOLE), &err));
    struct reader table = reader_of(image.certificates);
    assert_true(pe_next_signature(&table, &pkcs7, &malformed));
    assert_true(span_equal(pkcs7, span_of("0123456789", 10)));
    assert_false(pe_next_signature(&table, &pkcs7, &malformed));
    assert_false(malformed);
    for (size_t cut = 1; cut < 18; cut++) {
        table = reader_of(span_of(image.certificates.data, cut));
        assert_false(pe_next_signature(&table, &pkcs7, &malformed));
        assert_true(malformed);
    }
}

static void truncations(void **state)
{
    uint8_t bytes[SIZE];
    struct pe_image image;
    struct err err;

    (void)state;
    make(bytes);
    for (size_t cut = 0; cut < WHOLE; cut++) {
        auto_free uint8_t *part = malloc(cut > 0 ? cut : 1);

        memcpy(part, bytes, cut);
        assert_false(pe_parse(&image, span_of(part, cut), &err));
    }
    assert_false(pe_parse(&image, span_of(bytes, WHOLE + 1), &err));
}

/* Whatever the headers say, what is hashed lies within the file. */
static void changes(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    uint8_t bytes[SIZE];
    struct err err;

    (void)state;
    make(bytes);
    for (size_t at = 0; at < 512; at++) {
        for (size_t i = 0; i < sizeof(values); i++) {
            struct pe_image image;
            uint8_t saved = bytes[at];

            bytes[at] = values[i];
            if (pe_parse(&image, span_of(bytes, WHOLE), &err)) {
                for (size_t region = 0; region < image.region_count; region++) {
                    const struct span *each = &image.regions[region];
                    assert_true(each->data >= bytes && each->data + each->len <= bytes + WHOLE);
                }
            }
            bytes[at] = saved;
        }
    }
}

/* A real signature: shim's. */
static void truncated_signatures(void **state)
{
    struct pe_image image;
    struct authenticode signature;
    struct span pkcs7;
    struct err err;
    size_t len;
    bool malformed;
    auto_free uint8_t *bytes =
        tool_read_file("/usr/lib/shim/shimx64.efi.signed", 16u << 20, &len, &err);

    (void)state;
    assert_non_null(bytes);
    assert_true(pe_parse(&image, span_of(bytes, len), &err));
    struct reader table = reader_of(image.certificates);
    assert_true(pe_next_signature(&table, &pkcs7, &malformed));
    assert_true(authenticode_parse(&signature, pkcs7));
    assert_int_equal(signature.digest, DIGEST_SHA256);
    assert_int_equal(signature.image_digest.len, 32);
    for (size_t cut = 0; cut < signature.whole.len; cut++) {
        struct authenticode unused;
        assert_false(authenticode_parse(&unused, span_of(pkcs7.data, cut)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_hashed),       cmocka_unit_test(the_signature),
        cmocka_unit_test(truncations),          cmocka_unit_test(changes),
        cmocka_unit_test(truncated_signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
