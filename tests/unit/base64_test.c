// SPDX-License-Identifier: BSD-2-Clause
#include "base/base64.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* RFC 4648, section 10 */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static struct span text_span(const char *text)
{
    return span_of(text, strlen(text));
}

static bool decodes(const char *text)
{
    uint8_t bytes[64];
    struct writer out = writer_of(bytes, sizeof(bytes));

    return base64_decode(&out, text_span(text));
}

static void encodes_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t text[16];
        struct writer out = writer_of(text, sizeof(text));
        base64_encode(&out, text_span(vectors[i].bytes));
        assert_true(writer_ok(&out));
        assert_true(span_equal(writer_span(&out), text_span(vectors[i].text)));
        assert_int_equal(out.len, base64_encoded_size(strlen(vectors[i].bytes)));
    }
}

static void decodes_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t bytes[16];
        struct writer out = writer_of(bytes, base64_decoded_size(strlen(vectors[i].text)));
        assert_true(base64_decode(&out, text_span(vectors[i].text)));
        assert_true(span_equal(writer_span(&out), text_span(vectors[i].bytes)));
    }
}

/* Every byte at every place of a quantum, and every length. */
static void round_trip(void **state)
{
    uint8_t bytes[768], text[1024], again[768];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i / 3 + i % 3 * 85);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct writer encoded = writer_of(text, sizeof(text));
        struct writer decoded = writer_of(again, sizeof(again));
        base64_encode(&encoded, span_of(bytes, len));
        assert_int_equal(encoded.len, base64_encoded_size(len));
        assert_true(base64_decode(&decoded, writer_span(&encoded)));
        assert_true(span_equal(writer_span(&decoded), span_of(bytes, len)));
    }
}

static void every_other_length_is_refused(void **state)
{
    static const char text[] = "Zm9vYmFyZm9vYmFyZg==";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        uint8_t bytes[16];
        struct writer out = writer_of(bytes, sizeof(bytes));
        assert_int_equal(base64_decode(&out, span_of(text, len)), len % 4 == 0);
    }
}

static void every_character_outside_the_alphabet_is_refused(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        for (size_t place = 0; place < 4; place++) {
            char text[] = "AAAAAAAA";
            bool in = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                             (int)c) != NULL;
            text[place] = (char)c;
            assert_int_equal(decodes(text), in);
        }
    }
}

static void bad_padding_is_refused(void **state)
{
    static const char *const bad[] = {
        "=",     "==",    "===",      "====",     "A===",  "=AAA", "A=AA", "AA=A",
        "Zg=",   "Zg",    "Zg==Zg==", "Zm8=Zm8=", "Zg===", "Zh==", "Zm9=", "Zg==\n",
        "Zg= =", " Zg==", "Zm9v\n",   "Zm9v====", "Zm9v=", "Z-_v",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(decodes(bad[i]));
    }
}

static void too_little_room_is_refused(void **state)
{
    uint8_t bytes[5];
    struct writer out = writer_of(bytes, sizeof(bytes));

    (void)state;
    assert_false(base64_decode(&out, text_span("Zm9vYmFy")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_vectors),
        cmocka_unit_test(decodes_the_vectors),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(every_character_outside_the_alphabet_is_refused),
        cmocka_unit_test(bad_padding_is_refused),
        cmocka_unit_test(too_little_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
