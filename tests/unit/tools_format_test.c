// SPDX-License-Identifier: BSD-2-Clause
/* The files that variables are kept in: round trips, every truncation, and damage. */
#include "tools/format.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "tools/device_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct guid vendor =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

static void add(struct document *document, struct span name, uint32_t attributes, struct span data)
{
    struct variable variable = {
        .guid = vendor, .name = name, .data = data, .attributes = attributes};

    if ((attributes & EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS) != 0) {
        variable.time = (struct efi_time){2026, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0};
        memset(variable.owner, 0xab, OWNER_SIZE);
    }
    assert_true(document_add(document, &variable));
}

/* Variables of every alignment, names outside ASCII, an owner. */
static void make(struct document *document)
{
    static const uint8_t data[300] = {0, 1, 2, 3};

    assert_true(document_init(document, NULL));
    add(document, EFI_NAME("A"), 7, span_of(data, 1));
    add(document, EFI_NAME("Bb"), 7, span_of(data, 2));
    add(document, EFI_NAME("Ccc"), 3, span_of(data, 3));
    add(document, EFI_NAME("Ä - €"), 7, span_of(data, sizeof(data)));
    add(document, EFI_NAME("Private"), AUTH_KEY_ATTRIBUTES, span_of(data, 5));
}

static void assert_same(const struct store *a, const struct store *b)
{
    assert_int_equal(store_count(a), store_count(b));
    for (size_t i = 0; i < store_count(a); i++) {
        const struct variable *x = store_at(a, i);
        const struct variable *y = store_at(b, i);

        assert_true(guid_equal(&x->guid, &y->guid) && span_equal(x->name, y->name));
        assert_true(span_equal(x->data, y->data) && x->attributes == y->attributes);
        assert_true(efi_time_equal(&x->time, &y->time));
        assert_memory_equal(x->owner, y->owner, OWNER_SIZE);
    }
}

static uint8_t *encode(const struct format *format, const struct document *document, size_t *len)
{
    struct notes notes = {0};
    struct err err = {0};
    uint8_t *bytes = format->encode(document, span_of(NULL, 0), &notes, len, &err);

    assert_string_equal(err.text, "");
    assert_non_null(bytes);
    assert_int_equal(notes.count, 0);
    return bytes;
}

static const struct format *const all[] = {&FORMAT_VARS, &FORMAT_BASE64, &FORMAT_EDK2,
                                           &FORMAT_JSON};

static void round_trips(void **state)
{
    struct document document;

    (void)state;
    make(&document);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct document back;
        struct err err;
        size_t len;
        auto_free uint8_t *bytes = encode(all[i], &document, &len);

        assert_ptr_equal(format_detect(span_of(bytes, len)), all[i]);
        assert_ptr_equal(format_by_name(all[i]->name), all[i]);
        assert_true(document_init(&back, &err));
        assert_true(all[i]->decode(&back, span_of(bytes, len), &err));
        assert_same(document.store, back.store);
        assert_int_equal(back.notes.count, 0);
        document_free(&back);
    }
    document_free(&document);
}

/* Each in memory of exactly its size, so that a read past it is seen. */
static void truncations(void **state)
{
    struct document document;

    (void)state;
    make(&document);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        size_t len;
        auto_free uint8_t *bytes = encode(all[i], &document, &len);
        size_t most = len < 2500 ? len : 2500; /* the rest of a volume is 0xff */

        for (size_t cut = 0; cut < most; cut++) {
            auto_free uint8_t *part = malloc(cut > 0 ? cut : 1);
            struct document back;
            struct err err = {0};

            memcpy(part, bytes, cut);
            assert_true(document_init(&back, &err));
            bool done = all[i]->decode(&back, span_of(part, cut), &err);
            /* JSON and base64 may lose no more than the line end. */
            assert_true(!done || cut + 1 == len);
            assert_true(done || err.text[0] != '\0');
            document_free(&back);
        }
    }
    document_free(&document);
}

static void an_edk2_record_in_transition(void **state)
{
    struct document document;
    struct document back;
    struct err err;
    size_t len;
    const size_t first = 0x48 + 28; /* the first record */

    (void)state;
    make(&document);
    auto_free uint8_t *bytes = encode(&FORMAT_EDK2, &document, &len);
    assert_int_equal(bytes[first + 2], 0x3f);
    static const uint8_t states[] = {0x3e, 0x3c, 0x7f, 0x3d};
    for (size_t i = 0; i < sizeof(states); i++) {
        bytes[first + 2] = states[i];
        assert_true(document_init(&back, &err));
        assert_true(FORMAT_EDK2.decode(&back, span_of(bytes, len), &err));
        assert_int_equal(store_count(back.store),
                         store_count(document.store) - (states[i] != 0x3e));
        document_free(&back);
    }
    document_free(&document);
}

static void edk2_damage_is_an_error(void **state)
{
    struct document document;
    struct err err;
    size_t len;

    (void)state;
    make(&document);
    auto_free uint8_t *bytes = encode(&FORMAT_EDK2, &document, &len);
    for (size_t at = 0; at < 0x48 + 28 + 200; at++) { /* whatever it says, it returns */
        struct document back;
        uint8_t saved = bytes[at];

        bytes[at] = (uint8_t)~saved;
        assert_true(document_init(&back, &err));
        (void)FORMAT_EDK2.decode(&back, span_of(bytes, len), &err);
        document_free(&back);
        bytes[at] = saved;
    }
    document_free(&document);
}

static void what_is_lost_is_noted(void **state)
{
    struct document document;
    struct notes notes = {0};
    struct err err;
    size_t len;

    (void)state;
    assert_true(document_init(&document, NULL));
    add(&document, EFI_NAME("Volatile"), 6, span_of("x", 1));
    document.device.ppi_index = 1;
    auto_free uint8_t *bytes = FORMAT_VARS.encode(&document, span_of(NULL, 0), &notes, &len, &err);
    assert_non_null(bytes);
    assert_int_equal(notes.count, 2);
    assert_non_null(strstr(notes.lines[0], "Volatile"));
    notes_free(&notes);
    document_free(&document);
}

static void only_variables_are_taken(void **state)
{
    struct document document;

    (void)state;
    assert_true(document_init(&document, NULL));
    add(&document, EFI_NAME("NoAccess"), 1, span_of("x", 1));
    add(&document, EFI_NAME("Hardware"), 0xf, span_of("x", 1));
    add(&document, EFI_NAME("Empty"), 7, span_of("", 0));
    add(&document, span_of("", 0), 7, span_of("x", 1));
    add(&document, span_of("A", 1), 7, span_of("x", 1));
    assert_int_equal(store_count(document.store), 0);
    assert_int_equal(document.notes.count, 5);
    document_free(&document);
}

static void assert_path(const char *expected, const void *bytes, size_t len)
{
    char *text = NULL;
    size_t text_len;
    FILE *stream = open_memstream(&text, &text_len);

    assert_true(device_path_print(stream, span_of(bytes, len)));
    fclose(stream);
    assert_string_equal(text, expected);
    free(text);
    for (size_t cut = 0; cut < len; cut++) {
        auto_free uint8_t *part = malloc(cut > 0 ? cut : 1);

        memcpy(part, bytes, cut);
        stream = open_memstream(&text, &text_len);
        assert_false(device_path_print(stream, span_of(part, cut)));
        fclose(stream);
        free(text);
    }
}

#define PATH(text, bytes) assert_path(text, bytes, sizeof(bytes) - 1)

static void device_paths(void **state)
{
    (void)state;
    PATH("", "\x7f\xff\x04\x00");
    PATH("PciRoot(0x0)/Pci(0x1,0x2)/Sata(0x1,0xffff,0x0)",
         "\x02\x01\x0c\x00\xd0\x41\x03\x0a\x00\x00\x00\x00\x01\x01\x06\x00\x02\x01"
         "\x03\x12\x0a\x00\x01\x00\xff\xff\x00\x00\x7f\xff\x04\x00");
    PATH("HD(1,GPT,03020100-0504-0706-0809-0a0b0c0d0e0f,0x800,0x1000)/\\EFI\\a",
         "\x04\x01\x2a\x00\x01\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x00"
         "\x00\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x02\x02"
         "\x04\x04\x12\x00\\\0E\0F\0I\0\\\0a\0\0\0\x7f\xff\x04\x00");
    PATH("USB(0x1,0x0),Uri(http://a)", "\x03\x05\x06\x00\x01\x00\x7f\x01\x04\x00"
                                       "\x03\x18\x0c\x00http://a\x7f\xff\x04\x00");
    PATH("Path(9,9,aa)", "\x09\x09\x05\x00\xaa\x7f\xff\x04\x00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),
        cmocka_unit_test(truncations),
        cmocka_unit_test(an_edk2_record_in_transition),
        cmocka_unit_test(edk2_damage_is_an_error),
        cmocka_unit_test(what_is_lost_is_noted),
        cmocka_unit_test(only_variables_are_taken),
        cmocka_unit_test(device_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
