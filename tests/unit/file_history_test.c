// SPDX-License-Identifier: BSD-2-Clause
/* The history of a file store, through the store. */
#include "backend/file_history.h"

#include "backend/file.h"
#include "base/cleanup.h"
#include "support/folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

static struct folder folder; /* of the test that runs */
static struct backend *store;

static void open_store(void)
{
    struct err err = {.text = ""};

    store = file_backend_open(folder.path, geteuid(), getegid(), &err);
    assert_string_equal(err.text, "");
    assert_non_null(store);
}

static int make_store(void **state)
{
    (void)state;
    folder = folder_new();
    open_store();
    return 0;
}

static int drop_store(void **state)
{
    (void)state;
    backend_close(store);
    folder_remove(&folder);
    return 0;
}

static void restart(void)
{
    backend_close(store);
    open_store();
}

static void save(const char *text, bool keys_changed)
{
    assert_true(store->ops->save(store, span_of(text, strlen(text)), keys_changed, NULL));
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* What the folder holds, in order; the entries are freed by the next call. */
static struct dirent **names;
static int name_count;

static int list(void)
{
    while (name_count > 0) {
        free(names[--name_count]);
    }
    free(names);
    names = NULL;
    name_count = scandir(folder_file(&folder, FILE_HISTORY_NAME), &names, no_dots, alphasort);
    return name_count;
}

static const char *snapshot(int i)
{
    static char name[sizeof(names[0]->d_name) + 16];

    snprintf(name, sizeof(name), FILE_HISTORY_NAME "/%s", names[i]->d_name);
    return name;
}

static void expect_snapshot(int i, const char *text)
{
    size_t len;
    auto_free uint8_t *bytes = folder_read(&folder, snapshot(i), &len);

    assert_non_null(bytes);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
}

/* -------------------------------------------------------------------------------------- at start
 */

static void a_start_without_a_state_keeps_nothing(void **state)
{
    (void)state;
    assert_int_equal(list(), 0);
    restart();
    assert_int_equal(list(), 0);
}

static void a_start_keeps_a_state_that_is_new(void **state)
{
    (void)state;
    save("one", false);
    restart();
    assert_int_equal(list(), 1);
    expect_snapshot(0, "one");
    save("two", false);
    restart();
    assert_int_equal(list(), 2);
    expect_snapshot(0, "one");
    expect_snapshot(1, "two");
}

static void a_start_keeps_no_state_twice(void **state)
{
    (void)state;
    save("one", false);
    restart();
    restart();
    assert_int_equal(list(), 1);
    save("two", false);
    save("one", false); /* another file with the same bytes */
    restart();
    assert_int_equal(list(), 1);
}

static void a_snapshot_costs_no_copy(void **state)
{
    struct stat state_status, snapshot_status;

    (void)state;
    save("one", false);
    restart();
    assert_int_equal(list(), 1);
    assert_int_equal(stat(folder_file(&folder, FILE_STATE_NAME), &state_status), 0);
    assert_int_equal(stat(folder_file(&folder, snapshot(0)), &snapshot_status), 0);
    assert_int_equal(state_status.st_ino, snapshot_status.st_ino);
}

/* ------------------------------------------------------------------------------ before key changes
 */

static void a_change_of_keys_keeps_the_state_before_it(void **state)
{
    (void)state;
    save("one", true); /* nothing before it */
    assert_int_equal(list(), 0);
    save("two", true);
    assert_int_equal(list(), 1);
    expect_snapshot(0, "one");
    save("three", true);
    assert_int_equal(list(), 2);
    expect_snapshot(1, "two");
}

static void other_changes_keep_nothing(void **state)
{
    (void)state;
    save("one", false);
    save("two", false);
    save("three", false);
    assert_int_equal(list(), 0);
}

static void a_state_that_the_start_kept_is_not_kept_again(void **state)
{
    (void)state;
    save("one", false);
    restart();
    save("two", true);
    assert_int_equal(list(), 1);
    expect_snapshot(0, "one");
    save("three", false);
    save("four", true);
    assert_int_equal(list(), 2);
    expect_snapshot(1, "three");
}

/* ---------------------------------------------------------------------------------- what is kept
 */

static void save_number(int number, bool keys_changed)
{
    char text[24];

    snprintf(text, sizeof(text), "state %d", number);
    save(text, keys_changed);
}

static void the_newest_32_are_kept(void **state)
{
    char text[24];

    (void)state;
    for (int i = 0; i <= 40; i++) {
        save_number(i, true);
    }
    assert_int_equal(list(), FILE_HISTORY_MAX);
    for (int i = 0; i < 32; i++) {
        snprintf(text, sizeof(text), "state %d", i + 8);
        expect_snapshot(i, text);
    }
}

static void the_count_goes_on_after_a_restart(void **state)
{
    (void)state;
    for (int i = 0; i <= 40; i++) {
        save_number(i, true);
        if (i % 5 == 0) {
            restart();
        }
    }
    assert_int_equal(list(), FILE_HISTORY_MAX);
    expect_snapshot(31, "state 40"); /* the last restart's */
    expect_snapshot(0, "state 9");
}

static void too_many_are_thinned_at_start_and_what_is_foreign_stays(void **state)
{
    char name[64];

    (void)state;
    backend_close(store);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "history/%012d-20261122T235801Z", i * 7 % 50);
        assert_true(folder_write(&folder, name, span_of("old", 3)));
    }
    assert_true(folder_write(&folder, "history/before-the-upgrade", span_of("kept", 4)));
    assert_true(
        folder_write(&folder, "history/000000000001-20261122T235801Z.bak", span_of("kept", 4)));
    open_store();
    assert_int_equal(list(), 34);
    assert_string_equal(names[0]->d_name, "000000000001-20261122T235801Z.bak");
    assert_string_equal(names[1]->d_name, "000000000018-20261122T235801Z");
    assert_string_equal(names[32]->d_name, "000000000049-20261122T235801Z");
    assert_string_equal(names[33]->d_name, "before-the-upgrade");
}

static void names_say_when(void **state)
{
    unsigned long long number;
    struct tm made = {0};

    (void)state;
    save("one", false);
    restart();
    assert_int_equal(list(), 1);
    assert_int_equal(strlen(names[0]->d_name), FILE_HISTORY_NAME_SIZE - 1);
    assert_int_equal(sscanf(names[0]->d_name, "%12llu-%4d%2d%2dT%2d%2d%2dZ", &number, &made.tm_year,
                            &made.tm_mon, &made.tm_mday, &made.tm_hour, &made.tm_min, &made.tm_sec),
                     7);
    assert_int_equal(number, 1);
    made.tm_year -= 1900;
    made.tm_mon--;
    assert_in_range(time(NULL) - timegm(&made), 0, 60);
}

/* --------------------------------------------------------------------------------- never in the
 * way */

static void a_history_that_can_not_be_used_is_no_obstacle(void **state)
{
    (void)state;
    backend_close(store);
    assert_int_equal(rmdir(folder_file(&folder, FILE_HISTORY_NAME)), 0);
    assert_true(folder_write(&folder, FILE_HISTORY_NAME, span_of("a file", 6)));
    open_store();
    save("one", true);
    save("two", true);
    restart();
    save("three", true);
}

static void a_history_that_is_removed_meanwhile_is_no_obstacle(void **state)
{
    (void)state;
    save("one", true);
    assert_int_equal(rmdir(folder_file(&folder, FILE_HISTORY_NAME)), 0);
    save("two", true);
    restart();
    assert_int_equal(list(), 1);
    expect_snapshot(0, "two");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_store, drop_store)
    const struct CMUnitTest tests[] = {
        TEST(a_start_without_a_state_keeps_nothing),
        TEST(a_start_keeps_a_state_that_is_new),
        TEST(a_start_keeps_no_state_twice),
        TEST(a_snapshot_costs_no_copy),
        TEST(a_change_of_keys_keeps_the_state_before_it),
        TEST(other_changes_keep_nothing),
        TEST(a_state_that_the_start_kept_is_not_kept_again),
        TEST(the_newest_32_are_kept),
        TEST(the_count_goes_on_after_a_restart),
        TEST(too_many_are_thinned_at_start_and_what_is_foreign_stays),
        TEST(names_say_when),
        TEST(a_history_that_can_not_be_used_is_no_obstacle),
        TEST(a_history_that_is_removed_meanwhile_is_no_obstacle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
