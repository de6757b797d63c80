// SPDX-License-Identifier: BSD-2-Clause
/* DER: each length in its one form, each value within its bounds; and the names in certificates. */
#include "crypto/der.h"

#include "crypto/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Is the head, followed by len bytes, one value with that content? */
static bool reads(const uint8_t *head, size_t head_len, size_t len)
{
    uint8_t *bytes = calloc(1, head_len + len);
    struct der_value value;

    memcpy(bytes, head, head_len);
    struct reader reader = reader_of(span_of(bytes, head_len + len));
    bool ok = der_read_any(&reader, &value);
    if (ok) {
        assert_true(reader_end(&reader) && value.content.len == len);
        assert_true(value.content.data == bytes + head_len && value.whole.data == bytes);
        assert_int_equal(value.whole.len, head_len + len);
    } else {
        assert_int_equal(reader.rest.len, head_len + len); /* nothing was read */
    }
    free(bytes);
    return ok;
}

static void test_length_forms(void **state)
{
    (void)state;
    assert_true(reads(BYTES(0x04, 0x00), 0));
    assert_true(reads(BYTES(0x04, 0x7f), 0x7f));
    assert_true(reads(BYTES(0x04, 0x81, 0x80), 0x80));
    assert_true(reads(BYTES(0x04, 0x81, 0xff), 0xff));
    assert_true(reads(BYTES(0x04, 0x82, 0x01, 0x00), 0x100));
    assert_true(reads(BYTES(0x04, 0x82, 0xff, 0xff), 0xffff));
    assert_true(reads(BYTES(0x04, 0x83, 0x01, 0x00, 0x00), 0x10000));
    assert_true(reads(BYTES(0x04, 0x84, 0x01, 0x00, 0x00, 0x00), 0x1000000));
}

static void test_lengths_that_are_refused(void **state)
{
    (void)state;
    assert_false(reads(BYTES(0x04), 0));
    assert_false(reads(BYTES(0x04, 0x01), 0)); /* cut short */
    assert_false(reads(BYTES(0x04, 0x81), 0)); /* within the length */
    assert_false(reads(BYTES(0x04, 0x82, 0x01), 0));
    assert_false(reads(BYTES(0x30, 0x80), 2));          /* indefinite */
    assert_false(reads(BYTES(0x04, 0x81, 0x7f), 0x7f)); /* longer than it needs to be */
    assert_false(reads(BYTES(0x04, 0x82, 0x00, 0x80), 0x80));
    assert_false(reads(BYTES(0x04, 0x83, 0x00, 0x01, 0x00), 0x100));
    assert_false(reads(BYTES(0x04, 0x84, 0xff, 0xff, 0xff, 0xff), 16));
    assert_false(reads(BYTES(0x04, 0x85, 0x00, 0x00, 0x00, 0x00, 0x01), 1));
    assert_false(reads(BYTES(0x04, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 1));
    assert_false(reads(BYTES(0x04, 0xff), 200));
    assert_false(reads(BYTES(0x1f, 0x00), 0)); /* a tag of more bytes */
    assert_false(reads(BYTES(0xbf, 0x00), 0));
}

static void test_tags(void **state)
{
    const uint8_t bytes[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    struct reader reader = reader_of(span_of(bytes, sizeof(bytes)));
    struct reader inside;
    struct span content;
    uint32_t small;

    (void)state;
    assert_false(der_read(&reader, DER_SET, &content));
    assert_false(der_read_small(&reader, &small));
    assert_true(der_next_is(&reader, DER_SEQUENCE));
    assert_true(der_enter(&reader, DER_SEQUENCE, &inside));
    assert_true(reader_end(&reader) && !der_next_is(&reader, DER_SEQUENCE));
    assert_true(der_read_small(&inside, &small) && small == 5 && reader_end(&inside));
    assert_false(der_read_small(&inside, &small));
}

/* The number's bytes, -1 when it isn't one. */
static long magnitude_len(const uint8_t *bytes, size_t len)
{
    struct reader reader = reader_of(span_of(bytes, len));
    struct span magnitude;

    return der_read_unsigned(&reader, &magnitude) ? (long)magnitude.len : -1;
}

static void test_integers(void **state)
{
    (void)state;
    assert_int_equal(magnitude_len(BYTES(0x02, 0x01, 0x00)), 0);
    assert_int_equal(magnitude_len(BYTES(0x02, 0x01, 0x7f)), 1);
    assert_int_equal(magnitude_len(BYTES(0x02, 0x02, 0x00, 0x80)), 1);
    assert_int_equal(magnitude_len(BYTES(0x02, 0x02, 0x01, 0x00)), 2);
    assert_int_equal(magnitude_len(BYTES(0x02, 0x00)), -1);
    assert_int_equal(magnitude_len(BYTES(0x02, 0x01, 0x80)), -1);       /* negative */
    assert_int_equal(magnitude_len(BYTES(0x02, 0x02, 0x00, 0x7f)), -1); /* a zero too many */
    assert_int_equal(magnitude_len(BYTES(0x02, 0x02, 0x00, 0x00)), -1);
    assert_int_equal(magnitude_len(BYTES(0x03, 0x01, 0x01)), -1);
}

static void test_small_integers(void **state)
{
    const uint8_t most[] = {0x02, 0x03, 0x00, 0xff, 0xff};
    const uint8_t more[] = {0x02, 0x03, 0x01, 0x00, 0x00};
    struct reader reader = reader_of(span_of(most, sizeof(most)));
    uint32_t small;

    (void)state;
    assert_true(der_read_small(&reader, &small) && small == 0xffff);
    reader = reader_of(span_of(more, sizeof(more)));
    assert_false(der_read_small(&reader, &small));
}

static void test_bits(void **state)
{
    const uint8_t whole[] = {0x03, 0x02, 0x00, 0xaa};
    const uint8_t parts[] = {0x03, 0x02, 0x01, 0xaa};
    const uint8_t none[] = {0x03, 0x00};
    struct reader reader = reader_of(span_of(whole, sizeof(whole)));
    struct span bits;

    (void)state;
    assert_true(der_read_bits(&reader, &bits) && bits.len == 1 && bits.data[0] == 0xaa);
    reader = reader_of(span_of(parts, sizeof(parts)));
    assert_false(der_read_bits(&reader, &bits));
    reader = reader_of(span_of(none, sizeof(none)));
    assert_false(der_read_bits(&reader, &bits));
}

/* ---------------------------------------------------------------------------------- common names
 */

/* The common name of a subject with an organisation and this value, of this string type. */
static void expect_name(uint8_t tag, const uint8_t *value, size_t len, const char *expected)
{
    uint8_t bytes[128] = {0x30, 0,   0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c,
                          0x01, 'O', 0x31, 0,    0x30, 0,    0x06, 0x03, 0x55, 0x04, 0x03};
    uint8_t name[COMMON_NAME_MAX];

    bytes[1] = (uint8_t)(23 + len);
    bytes[15] = (uint8_t)(9 + len);
    bytes[17] = (uint8_t)(7 + len);
    bytes[23] = tag;
    bytes[24] = (uint8_t)len;
    memcpy(bytes + 25, value, len);
    const struct certificate certificate = {.subject = span_of(bytes, 25 + len)};
    size_t got = certificate_common_name(&certificate, name);
    assert_int_equal(got, strlen(expected));
    assert_memory_equal(name, expected, got);
}

static void test_common_names(void **state)
{
    static const uint8_t latin[] = {'a', 0xe9};
    static const uint8_t bmp[] = {0, 'a', 0x00, 0xe9, 0x20, 0xac};
    static const uint8_t universal[] = {0, 0, 0, 'a', 0, 0, 0x20, 0xac};

    (void)state;
    expect_name(0x0c, (const uint8_t *)"abc", 3, "abc");
    expect_name(0x0c, (const uint8_t *)"a\xc3\xa9", 3, "a\xc3\xa9");
    expect_name(0x13, (const uint8_t *)"abc", 3, "abc");
    expect_name(0x16, (const uint8_t *)"abc", 3, "abc");
    expect_name(0x14, latin, sizeof(latin), "a\xc3\xa9");
    expect_name(0x1e, bmp, sizeof(bmp), "a\xc3\xa9\xe2\x82\xac");
    expect_name(0x1c, universal, sizeof(universal), "a\xe2\x82\xac");
}

static void test_names_that_nobody_has(void **state)
{
    static const uint8_t beyond[] = {0, 1, 0, 0};

    (void)state;
    expect_name(0x0c, (const uint8_t *)"", 0, "");
    expect_name(0x0c, (const uint8_t *)"a\0b", 3, "");
    expect_name(0x1e, (const uint8_t *)"\0a\0", 3, "");   /* half a character */
    expect_name(0x1e, (const uint8_t *)"\0a\0\0", 4, ""); /* a NUL */
    expect_name(0x1c, beyond, sizeof(beyond), "");
    expect_name(0x04, (const uint8_t *)"abc", 3, ""); /* no string */
    const struct certificate none = {.subject = span_of(BYTES(0x30, 0x00))};
    uint8_t name[COMMON_NAME_MAX];
    assert_int_equal(certificate_common_name(&none, name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_forms),   cmocka_unit_test(test_lengths_that_are_refused),
        cmocka_unit_test(test_tags),           cmocka_unit_test(test_integers),
        cmocka_unit_test(test_small_integers), cmocka_unit_test(test_bits),
        cmocka_unit_test(test_common_names),   cmocka_unit_test(test_names_that_nobody_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
