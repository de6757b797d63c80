// SPDX-License-Identifier: BSD-2-Clause
/* What dbx is made of: Microsoft's JSON, .auth files, lists; every truncation, and without memory.
 */
#include "tools/dbx.h"

#include "auth/signature_list.h"
#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "tools/auth_file.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HASH(c) c c c c c c c c c c c c c c c c
#define ONE HASH("11AA")
#define TWO HASH("22bb")
#define SVN "01612B139DD5598843AB1C185C3CB2EB92000009000000000000000000000000"
#define IMAGE(hash, more)                                                                          \
    "{\"authenticodeHash\": \"" hash "\", \"hashType\": \"SHA256\", \"flatHash\": \"\"" more "}"

static const char json[] = " {\"images\": {\"x64\": [" IMAGE(
    ONE, ", \"dateOfAddition\": "
         "\"2024-02-03\"") ", " IMAGE(TWO, ", \"isOptional\": \"true\", \"dateOfAddition\": "
                                           "\"2025-10-14\"") "], "
                                                             "\"arm\": [" IMAGE(
                                                                 TWO, "") "]}, "
                                                                          "\"certificates\": "
                                                                          "[{\"value\": "
                                                                          "\"a.der\", "
                                                                          "\"subjectName\": "
                                                                          "\"CN = Some CA\", "
                                                                          "\"dateOfAddition\": "
                                                                          "\"2024-02-01\"}], "
                                                                          "\"svns\": "
                                                                          "[{\"value\": \"" SVN
                                                                          "\", \"version\": "
                                                                          "\"9.0\", "
                                                                          "\"dateOfLastChange\""
                                                                          ": \"2026-04-10\"}]}";

static uint8_t room[4096];

static bool read_text(struct writer *out, struct dbx_info *info, const char *text,
                      const struct dbx_choice *choice, struct err *err)
{
    *out = writer_of(room, sizeof(room));
    *err = (struct err){0};
    return dbx_read(out, info, span_of(text, strlen(text)), choice, err);
}

static const struct dbx_choice x64 = {"x64", false};
static const struct dbx_choice all = {"x64", true};

static void assert_entry(struct signature_walk *walk, uint8_t first, uint8_t second)
{
    struct signature_entry entry;

    assert_true(signature_walk_next(walk, &entry));
    assert_memory_equal(entry.whole.data, AUTH_FILE_OWNER_MICROSOFT.bytes, GUID_SIZE);
    assert_int_equal(signature_entry_data(&entry).len, 32);
    assert_int_equal(signature_entry_data(&entry).data[0], first);
    assert_int_equal(signature_entry_data(&entry).data[1], second);
}

static void what_is_not_optional(void **state)
{
    struct writer out;
    struct dbx_info info;
    struct err err;

    (void)state;
    assert_true(read_text(&out, &info, json, &x64, &err));
    struct signature_walk walk = signature_walk_of(writer_span(&out));
    assert_int_equal(signature_database_count(writer_span(&out)), 1);
    assert_entry(&walk, 0x11, 0xaa);
    assert_int_equal(info.certificate_count, 0);
    assert_int_equal(info.time.year, 2026); /* the file's, whatever of it is taken */
    assert_int_equal(info.time.month, 4);
    assert_int_equal(info.time.day, 10);
}

static void what_is_optional(void **state)
{
    struct writer out;
    struct dbx_info info;
    struct err err;

    (void)state;
    assert_true(read_text(&out, &info, json, &all, &err));
    struct signature_walk walk = signature_walk_of(writer_span(&out));
    assert_int_equal(signature_database_count(writer_span(&out)), 3);
    assert_entry(&walk, 0x11, 0xaa);
    assert_entry(&walk, 0x22, 0xbb);
    assert_entry(&walk, 0x01, 0x61);
    assert_int_equal(info.certificate_count, 1);
    assert_string_equal(info.certificates[0], "Some CA");
}

static void other_architectures(void **state)
{
    const struct dbx_choice arm = {"arm", false};
    const struct dbx_choice none = {"ia32", false};
    struct writer out;
    struct dbx_info info;
    struct err err;

    (void)state;
    assert_true(read_text(&out, &info, json, &arm, &err));
    struct signature_walk walk = signature_walk_of(writer_span(&out));
    assert_entry(&walk, 0x22, 0xbb);
    assert_false(read_text(&out, &info, json, &none, &err));
    assert_non_null(strstr(err.text, "ia32"));
}

static void damage(void **state)
{
    static const char *const texts[] = {
        "{",
        "{\"images\": 1}",
        "{\"images\": {\"x64\": 1}}",
        "{\"images\": {\"x64\": [1]}}",
        "{\"images\": {\"x64\": [{}]}}",
        "{\"images\": {\"x64\": [{\"hashType\": \"SHA1\", \"authenticodeHash\": \"" ONE "\"}]}}",
        "{\"images\": {\"x64\": [" IMAGE("11", "") "]}}",
        "{\"images\": {\"x64\": [" IMAGE(ONE "11", "") "]}}",
        "{\"images\": {\"x64\": [" IMAGE("x" ONE, "") "]}}",
        "{\"images\": {\"x64\": []}, \"svns\": [{\"value\": \"02" ONE "\"}]}",
        "{\"images\": {\"x64\": []}, \"svns\": [{\"value\": \"0\"}]}",
        "{\"images\": {\"x64\": []}, \"svns\": [{\"value\": \"01\"}]}",
        "{\"images\": {\"x64\": []}, \"certificates\": [{}]}",
    };
    struct writer out;
    struct dbx_info info;
    struct err err;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(read_text(&out, &info, texts[i], &all, &err));
        assert_string_not_equal(err.text, "");
        assert_int_equal(out.len, 0);
    }
}

/* Each in memory of exactly its size. */
static void truncations(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof(json) - 1; cut++) {
        auto_free uint8_t *part = malloc(cut > 0 ? cut : 1);
        struct writer out = writer_of(room, sizeof(room));
        struct dbx_info info;
        struct err err = {0};

        memcpy(part, json, cut);
        assert_int_equal(dbx_read(&out, &info, span_of(part, cut), &all, &err), cut <= 1);
        assert_int_equal(out.len, 0);
        assert_int_equal(err.text[0] == '\0', cut <= 1);
    }
}

/* What is none of the three is passed over; lists and .auth files give their lists. */
static void other_files(void **state)
{
    uint8_t file[200];
    struct writer writer = writer_of(file, sizeof(file));
    struct writer out = writer_of(room, sizeof(room));
    const struct efi_time time = {.year = 2010, .month = 3, .day = 6};
    struct dbx_info info;
    struct err err;

    (void)state;
    assert_true(dbx_read(&out, &info, span_of("rubbish", 7), &x64, &err));
    assert_true(dbx_read(&out, &info, span_of("{\"type\": \"object\"}", 18), &x64, &err));
    assert_int_equal(out.len, 0);
    auth_file_write_head(&writer, &time, 0);
    size_t head = writer.len;
    auth_file_write_hashes(&writer, &AUTH_FILE_OWNER_MICROSOFT, span_of(json, 32));
    assert_true(dbx_read(&out, &info, writer_span(&writer), &x64, &err));
    assert_true(efi_time_equal(&info.time, &time));
    assert_true(dbx_read(&out, &info, span_of(file + head, writer.len - head), &x64, &err));
    assert_int_equal(info.time.year, 0);
    assert_int_equal(signature_database_count(writer_span(&out)), 2);
}

static void without_memory(void **state)
{
    bool failed;
    long n = 0;

    (void)state;
    json_set_alloc_funcs(malloc, free);
    do {
        struct writer out;
        struct dbx_info info;
        struct err err;

        alloc_fault_arm(n++);
        bool read = read_text(&out, &info, json, &all, &err);
        failed = alloc_fault_disarm();
        assert_true(read != failed);
        assert_true(read || (err.text[0] != '\0' && out.len == 0));
    } while (failed);
    assert_true(n > 10);
}

static void choices_and_names(void **state)
{
    static const struct {
        const char *path, *architecture; /* NULL: of none */
    } files[] = {
        {"/DBX/amd64/DBXUpdate.bin", "x64"},
        {"/DBX/arm64/DBXUpdate.bin", "aarch64"},
        {"/DBX/arm/DBXUpdate.bin", "arm"},
        {"/DBX/x86/DBXUpdate.bin", "ia32"},
        {"/x86_64/dbxupdate_x64.bin", "x64"},
        {"/dbx.esl", "x64"},
        {"/DBX.auth", "x64"},
        {"/Optional/DBX/amd64/DBXUpdateSVN.bin", NULL},
        {"/dbx.txt", NULL},
        {"/db.esl", NULL},
    };
    static const char *const names[] = {"x64", "ia32", "aarch64", "arm"};
    struct dbx_choice choice;
    struct err err;

    (void)state;
    assert_false(dbx_choose(&choice, "amd64", false, &err));
    assert_true(dbx_choose(&choice, NULL, true, &err));
    assert_string_equal(choice.architecture, "x64");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_true(dbx_choose(&choice, names[i], false, &err));
        assert_true(dbx_is_file("/DBX/dbx_info_msft_latest.json", &choice));
        for (size_t j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
            bool expected =
                files[j].architecture != NULL && strcmp(files[j].architecture, names[i]) == 0;
            assert_int_equal(dbx_is_file(files[j].path, &choice), expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_optional), cmocka_unit_test(what_is_optional),
        cmocka_unit_test(other_architectures),  cmocka_unit_test(damage),
        cmocka_unit_test(truncations),          cmocka_unit_test(other_files),
        cmocka_unit_test(without_memory),       cmocka_unit_test(choices_and_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
