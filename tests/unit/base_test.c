// SPDX-License-Identifier: BSD-2-Clause
#include "base/err.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void guid_text_is_the_usual_one(void **state)
{
    char text[GUID_TEXT_SIZE];
    struct guid guid;

    (void)state;
    assert_string_equal(guid_format(text, &EFI_GLOBAL_VARIABLE),
                        "8be4df61-93ca-11d2-aa0d-00e098032b8c");
    assert_true(guid_parse(&guid, "8BE4DF61-93CA-11D2-AA0D-00E098032B8C"));
    assert_true(guid_equal(&guid, &EFI_GLOBAL_VARIABLE));
}

static void guid_text_that_is_none_is_refused(void **state)
{
    static const char good[] = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
    struct guid guid = {{0}};

    (void)state;
    for (size_t len = 0; len < strlen(good); len++) {
        char *prefix = strndup(good, len);
        assert_false(guid_parse(&guid, prefix));
        free(prefix);
    }
    assert_false(guid_parse(&guid, "8be4df61-93ca-11d2-aa0d-00e098032b8c0"));
    assert_false(guid_parse(&guid, "8be4df61093ca-11d2-aa0d-00e098032b8c"));
    assert_false(guid_parse(&guid, "8be4df61-93ca-11d2-aa0d-00e098032b8g"));
    assert_int_equal(guid.bytes[0], 0);
}

/* UTF-8 to UTF-16LE and back. */
static void names_survive_both_ways(void **state)
{
    static const char *const names[] = {"PK", "Grüße", "変数", "a\U0001f600b", "Boot0001"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t name[64];
        char text[64];
        size_t len = efi_name_parse(name, sizeof(name), names[i]);

        assert_true(len > 0);
        assert_string_equal(efi_name_format(text, sizeof(text), span_of(name, len)), names[i]);
    }
}

static void names_for_people_hide_nothing_and_fit(void **state)
{
    static const uint8_t odd[] = {'a', 0, '\n', 0, 0x00, 0xd8, 'b', 0};
    char text[64];
    char small[8];

    (void)state;
    assert_string_equal(efi_name_format(text, sizeof(text), span_of(odd, sizeof(odd))),
                        "a\\x000a\\xd800b");
    assert_string_equal(efi_name_format(small, sizeof(small), EFI_NAME("SecureBoot")), "Secu...");
    assert_string_equal(efi_name_format(small, sizeof(small), EFI_NAME("1234567")), "1234567");
    assert_string_equal(efi_name_format(small, sizeof(small), span_of(NULL, 0)), "");
}

static void text_that_is_no_utf8_makes_no_name(void **state)
{
    static const char *const bad[] = {"",         "\xff",         "\xc0\x80",
                                      "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
    uint8_t name[64];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(efi_name_parse(name, sizeof(name), bad[i]), 0);
    }
    assert_int_equal(efi_name_parse(name, 3, "ab"), 0);
}

static void times_are_ordered_by_the_second(void **state)
{
    const struct efi_time base = {
        .year = 2026, .month = 6, .day = 5, .hour = 4, .minute = 3, .second = 2};
    struct efi_time later[6] = {base, base, base, base, base, base};

    (void)state;
    later[0].year++;
    later[1].month++;
    later[2].day++;
    later[3].hour++;
    later[4].minute++;
    later[5].second++;
    for (size_t i = 0; i < 6; i++) {
        assert_true(efi_time_compare(&base, &later[i]) < 0);
        assert_true(efi_time_compare(&later[i], &base) > 0);
        assert_false(efi_time_equal(&base, &later[i]));
    }
    later[0] = base;
    later[0].nanosecond = 1;
    assert_int_equal(efi_time_compare(&base, &later[0]), 0);
    assert_false(efi_time_equal(&base, &later[0]));
}

static void reader_gives_back_what_writer_wrote(void **state)
{
    const struct efi_time time = {2026, 11, 22, 23, 59, 58, 1, 999999999, -60, 2, 3};
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    uint8_t a = 0;
    uint16_t b = 0;
    uint32_t c = 0;
    uint64_t d;
    struct guid guid;
    struct efi_time read;
    struct span zeros;

    (void)state;
    writer_u8(&writer, 0x12);
    writer_u16le(&writer, 0x3456);
    writer_u32le(&writer, 0x789abcde);
    writer_u64le(&writer, UINT64_C(0xf123456789abcdef));
    writer_guid(&writer, &EFI_IMAGE_SECURITY_DATABASE);
    writer_time(&writer, &time);
    writer_zeros(&writer, 3);
    assert_true(writer_ok(&writer));

    struct reader reader = reader_of(writer_span(&writer));
    assert_true(reader_u8(&reader, &a) && reader_u16le(&reader, &b) && reader_u32le(&reader, &c));
    assert_true(reader_u64le(&reader, &d) && reader_guid(&reader, &guid));
    assert_true(reader_time(&reader, &read) && reader_span(&reader, &zeros, 3));
    assert_true(reader_end(&reader));
    assert_int_equal(a, 0x12);
    assert_int_equal(b, 0x3456);
    assert_int_equal(c, 0x789abcde);
    assert_int_equal(d, UINT64_C(0xf123456789abcdef));
    assert_true(guid_equal(&guid, &EFI_IMAGE_SECURITY_DATABASE) && efi_time_equal(&time, &read));
    assert_memory_equal(zeros.data, "\0\0\0", 3);
}

static void a_failed_read_changes_nothing(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct reader reader = reader_of(span_of(bytes, sizeof(bytes)));
    uint32_t number = 7;
    struct efi_time time;
    struct span span;

    (void)state;
    assert_false(reader_u32le(&reader, &number));
    assert_false(reader_time(&reader, &time));
    assert_false(reader_span(&reader, &span, 4));
    assert_false(reader_span(&reader, &span, UINT64_MAX));
    assert_false(reader_skip(&reader, UINT64_MAX));
    assert_int_equal(number, 7);
    assert_int_equal(reader.rest.len, 3);
    assert_true(reader_skip(&reader, 3));
    assert_true(reader_end(&reader));
}

static void an_overflow_of_the_writer_sticks(void **state)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct writer writer = writer_of(bytes, 3);

    (void)state;
    writer_u32le(&writer, 0);
    writer_u8(&writer, 1);
    assert_false(writer_ok(&writer));
    assert_int_equal(writer.len, 0);
    assert_int_equal(bytes[0], 9);
}

static void errors_say_what_where_and_why(void **state)
{
    struct err err;

    (void)state;
    assert_false(err_set(&err, "%s is %d", "it", 5));
    assert_string_equal(err.text, "it is 5");
    errno = ENOENT;
    assert_false(err_errno(&err, "can't open %s", "x"));
    assert_string_equal(err.text, "can't open x: No such file or directory");
    assert_false(err_context(&err, "the %s", "store"));
    assert_string_equal(err.text, "the store: can't open x: No such file or directory");
    assert_false(err_set(NULL, "nobody asks"));
}

static void an_error_that_is_too_long_is_cut(void **state)
{
    struct err err;
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    err_set(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    err_context(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* Counts the lines that a function logs. */
static unsigned lines_logged(void (*log)(void))
{
    int ends[2];
    char text[65536];
    unsigned lines = 0;
    int saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t len = read(ends[0], text, sizeof(text));
    close(ends[0]);
    for (ssize_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void flood_log(void)
{
    struct log_limit limit = {0};

    for (int i = 0; i < 10000; i++) {
        log_limited(&limit, LOG_LEVEL_WARNING, "line %d", i);
    }
    assert_true(limit.held_back > 9000);
}

static void a_flood_of_lines_is_held_back(void **state)
{
    (void)state;
    unsigned lines = lines_logged(flood_log);
    assert_in_range(lines, 1, 25);
}

static void log_below_the_level(void)
{
    log_debug("not seen");
    log_info("seen");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    assert_int_equal(lines_logged(log_below_the_level), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guid_text_is_the_usual_one),
        cmocka_unit_test(guid_text_that_is_none_is_refused),
        cmocka_unit_test(names_survive_both_ways),
        cmocka_unit_test(names_for_people_hide_nothing_and_fit),
        cmocka_unit_test(text_that_is_no_utf8_makes_no_name),
        cmocka_unit_test(times_are_ordered_by_the_second),
        cmocka_unit_test(reader_gives_back_what_writer_wrote),
        cmocka_unit_test(a_failed_read_changes_nothing),
        cmocka_unit_test(an_overflow_of_the_writer_sticks),
        cmocka_unit_test(errors_say_what_where_and_why),
        cmocka_unit_test(an_error_that_is_too_long_is_cut),
        cmocka_unit_test(a_flood_of_lines_is_held_back),
        cmocka_unit_test(lines_below_the_level_are_not_written),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
