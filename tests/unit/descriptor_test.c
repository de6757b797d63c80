// SPDX-License-Identifier: BSD-2-Clause
/* EFI_VARIABLE_AUTHENTICATION_2: every length around every boundary. */
#include "auth/descriptor.h"

#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LENGTH_AT EFI_TIME_SIZE
#define HEADER_SIZE DESCRIPTOR_SIZE_MIN

static const uint8_t pkcs7[] = "some PKCS #7";
static const uint8_t payload[] = "the payload";

/* A good one. */
static size_t make(uint8_t out[128])
{
    struct efi_time time = signing_time(12345);

    return signing_wrap(out, 128, &time, span_of(pkcs7, sizeof(pkcs7)),
                        span_of(payload, sizeof(payload)));
}

/* From memory of exactly this size, so that a read beyond it is found. */
static bool parse(struct span bytes)
{
    struct descriptor descriptor;
    uint8_t *exact = malloc(bytes.len + 1);

    memcpy(exact + 1, bytes.data, bytes.len);
    bool ok = descriptor_parse(&descriptor, span_of(exact + 1, bytes.len));
    free(exact);
    return ok;
}

static void put_length(uint8_t *bytes, uint32_t length)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[LENGTH_AT + i] = (uint8_t)(length >> (8 * i));
    }
}

static void test_round_trip(void **state)
{
    uint8_t bytes[128];
    struct descriptor descriptor;
    struct efi_time time = signing_time(12345);
    size_t len = make(bytes);

    (void)state;
    assert_true(descriptor_parse(&descriptor, span_of(bytes, len)));
    assert_true(efi_time_equal(&descriptor.time, &time));
    assert_true(span_equal(descriptor.time_bytes, span_of(bytes, EFI_TIME_SIZE)));
    assert_true(span_equal(descriptor.pkcs7, span_of(pkcs7, sizeof(pkcs7))));
    assert_true(span_equal(descriptor.payload, span_of(payload, sizeof(payload))));
}

static void test_truncation(void **state)
{
    uint8_t bytes[128];
    size_t len = make(bytes);

    (void)state;
    for (size_t i = 0; i <= len; i++) {
        assert_int_equal(parse(span_of(bytes, i)), i >= HEADER_SIZE + sizeof(pkcs7));
    }
}

static void test_lengths(void **state)
{
    static const uint32_t bad[] = {0,         1,          7,          8,          23,
                                   0x7ffffff, 0x7fffffff, 0x80000000, UINT32_MAX, UINT32_MAX - 23};
    uint8_t bytes[128];
    size_t len = make(bytes);
    uint32_t rest = (uint32_t)(len - EFI_TIME_SIZE);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_length(bytes, bad[i]);
        assert_false(parse(span_of(bytes, len)));
    }
    for (uint32_t length = 0; length <= rest + 4; length++) {
        put_length(bytes, length);
        assert_int_equal(parse(span_of(bytes, len)), length >= 24 && length <= rest);
    }
}

static void test_empty_parts(void **state)
{
    uint8_t bytes[128];
    struct descriptor descriptor;

    (void)state;
    make(bytes);
    put_length(bytes, 24);
    assert_true(descriptor_parse(&descriptor, span_of(bytes, HEADER_SIZE)));
    assert_int_equal(descriptor.pkcs7.len, 0);
    assert_int_equal(descriptor.payload.len, 0);
}

/* Year to second may be anything; the rest of the time has to be 0, and every byte of the
 * certificate's header counts. The length has a test of its own. */
static void test_every_byte(void **state)
{
    uint8_t bytes[128];

    (void)state;
    for (size_t i = 0; i < HEADER_SIZE; i++) {
        size_t len = make(bytes);

        if (i >= LENGTH_AT && i < LENGTH_AT + 4) {
            continue;
        }
        bytes[i] ^= 0x10;
        assert_int_equal(parse(span_of(bytes, len)), i < 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_lengths),    cmocka_unit_test(test_empty_parts),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
