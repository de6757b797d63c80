// SPDX-License-Identifier: BSD-2-Clause
/* The tools' parsers and encoders in runs in which one allocation fails: they say so, or did all of
 * it all the same, and never half. */
#include "support/alloc_fault.h"
#include "tools/clone_list.h"
#include "tools/describe.h"
#include "tools/format.h"
#include "tools/image_check.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "support/folder.h"

#include <jansson.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OVMF_VARS "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" /* keys, boot entries, device paths */
#define SHIM "/usr/lib/shim/shimx64.efi.signed"

static const struct guid vendor =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

static const struct format *const formats[] = {&FORMAT_VARS, &FORMAT_BASE64, &FORMAT_EDK2,
                                               &FORMAT_JSON};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static void put(struct document *document, struct span name, uint32_t attributes, bool owned)
{
    struct variable variable = {
        .guid = vendor, .name = name, .data = span_of("data", 4), .attributes = attributes};

    memset(variable.owner, owned ? 0xab : 0, OWNER_SIZE);
    assert_true(document_add(document, &variable));
}

static void make(struct document *document)
{
    struct err err;

    assert_true(document_init(document, &err));
    put(document, EFI_NAME("A"), EFI_VARIABLE_NV_BS_RT, false);
    put(document, EFI_NAME("Private"), AUTH_KEY_ATTRIBUTES, true);
}

static uint8_t *encode(const struct format *format, const struct document *document, size_t *len,
                       struct err *err)
{
    struct notes notes = {0};
    uint8_t *bytes = format->encode(document, span_of(NULL, 0), &notes, len, err);

    notes_free(&notes);
    return bytes;
}

static void encoding(void **state)
{
    struct document document;

    (void)state;
    make(&document);
    for (size_t i = 0; i < FORMATS; i++) {
        struct err err = {0};
        size_t whole_len;
        auto_free uint8_t *whole = encode(formats[i], &document, &whole_len, &err);
        bool failed;
        long n = 0;

        assert_non_null(whole);
        do {
            size_t len = 0;

            alloc_fault_arm(n++);
            auto_free uint8_t *bytes = encode(formats[i], &document, &len, &err);
            failed = alloc_fault_disarm();
            assert_true((bytes == NULL) == (err.text[0] != '\0'));
            assert_true(bytes == NULL ||
                        span_equal(span_of(bytes, len), span_of(whole, whole_len)));
            err = (struct err){0};
        } while (failed);
    }
    document_free(&document);
}

/* False: it was refused. */
static bool decode(const struct format *format, struct span bytes, size_t *count, bool *failed,
                   long n)
{
    struct document document;
    struct err err = {0};

    assert_true(document_init(&document, &err));
    alloc_fault_arm(n);
    bool done = format->decode(&document, bytes, &err);
    *failed = alloc_fault_disarm();
    assert_true(done == (err.text[0] == '\0'));
    *count = store_count(document.store);
    document_free(&document);
    return done;
}

static void decoding(void **state)
{
    struct document document;

    (void)state;
    make(&document);
    for (size_t i = 0; i < FORMATS; i++) {
        struct err err = {0};
        size_t len;
        auto_free uint8_t *bytes = encode(formats[i], &document, &len, &err);
        bool failed;
        long n = 0;

        do {
            size_t count;

            bool done = decode(formats[i], span_of(bytes, len), &count, &failed, n++);
            assert_true(!done || count == store_count(document.store));
            assert_true(done || failed);
        } while (failed);
    }
    document_free(&document);
}

static void folders(void **state)
{
    struct folder folder = folder_new();
    char path[PATH_MAX];
    struct document document;
    struct notes notes = {0};
    struct err err = {0};
    bool failed;
    long n = 0;

    (void)state;
    snprintf(path, sizeof(path), "%s", folder_file(&folder, "efivars"));
    make(&document);
    assert_true(format_folder_write(&document, path, &notes, &err));
    notes_free(&notes);
    do {
        struct document back;

        assert_true(document_init(&back, &err));
        alloc_fault_arm(n++);
        bool done = format_folder_read(&back, path, &err);
        failed = alloc_fault_disarm();
        assert_true(done ? store_count(back.store) == 2 : failed);
        document_free(&back);
    } while (failed);
    document_free(&document);
    folder_remove(&folder);
}

/* Writes and removals change all or nothing. */
static void changes(void **state)
{
    bool failed;
    long n = 0;

    (void)state;
    do {
        struct document document;

        make(&document);
        alloc_fault_arm(n++);
        efi_status set = document_set(&document, &vendor, EFI_NAME("New"), EFI_VARIABLE_NV_BS_RT,
                                      span_of("x", 1));
        efi_status removed = document_remove(&document, &vendor, EFI_NAME("A"));
        failed = alloc_fault_disarm();
        assert_true(set == EFI_SUCCESS || set == EFI_OUT_OF_RESOURCES);
        assert_int_equal(store_get(document.store, &vendor, EFI_NAME("New")) != NULL,
                         set == EFI_SUCCESS);
        assert_int_equal(store_get(document.store, &vendor, EFI_NAME("A")) == NULL,
                         removed == EFI_SUCCESS);
        assert_true(failed || (set == EFI_SUCCESS && removed == EFI_SUCCESS));
        document_free(&document);
    } while (failed);
}

/* What people are shown: it may be less, but nothing breaks. */
static void descriptions(void **state)
{
    struct document document;
    struct err err = {0};
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(OVMF_VARS, FORMAT_FILE_MAX, &len, &err);
    bool failed;

    (void)state;
    assert_non_null(bytes);
    assert_true(document_init(&document, &err));
    assert_true(FORMAT_EDK2.decode(&document, span_of(bytes, len), &err));
    for (size_t i = 0; i < store_count(document.store); i++) {
        long n = 0;

        do {
            alloc_fault_arm(n);
            json_decref(describe_variable(store_at(document.store, i), true));
            failed = alloc_fault_disarm();
            n += 1 + n / 20; /* the later ones in larger steps: they are many, and alike */
        } while (failed);
    }
    document_free(&document);
}

static void images(void **state)
{
    struct err err = {0};
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(SHIM, 64u << 20, &len, &err);
    struct pe_image image;
    bool failed;
    long n = 0;

    (void)state;
    assert_non_null(bytes);
    assert_true(pe_parse(&image, span_of(bytes, len), &err));
    do {
        struct image_check check;

        alloc_fault_arm(n++);
        bool done = image_check_run(&check, &image, span_of(NULL, 0), span_of(NULL, 0), &err);
        failed = alloc_fault_disarm();
        assert_true(done ? check.count == 2 && !image_finding_allows(check.result.finding)
                         : failed);
    } while (failed);
}

static void clone_lists(void **state)
{
    struct folder folder = folder_new();
    bool failed;
    long n = 0;

    (void)state;
    FILE *file = fopen(folder_file(&folder, "list"), "w");
    assert_non_null(file);
    for (int i = 0; i < 40; i++) {
        fprintf(file, "11111111-2222-3333-4444-555555555555 Name%d\n", i);
    }
    fclose(file);
    do {
        struct clone_list list;
        struct err err = {0};

        alloc_fault_arm(n++);
        bool done = clone_list_read(&list, folder.path, &err);
        failed = alloc_fault_disarm();
        assert_true(done ? list.count == 40 : failed && err.text[0] != '\0');
        clone_list_free(&list);
    } while (failed);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding),     cmocka_unit_test(decoding), cmocka_unit_test(folders),
        cmocka_unit_test(changes),      cmocka_unit_test(images),   cmocka_unit_test(clone_lists),
        cmocka_unit_test(descriptions),
    };

    json_set_alloc_funcs(malloc, free); /* so that libjansson's fail, too */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
