// SPDX-License-Identifier: BSD-2-Clause
/* The file store beside what every backend has to do (contract/backend_test.c): who may open it,
 * what it leaves in its folder. */
#include "backend/file.h"

#include "backend/vars.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "support/alloc_fault.h"
#include "support/folder.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SOME_UID 61234

static struct folder folder; /* of the test that runs */

static int make_folder(void **state)
{
    (void)state;
    folder = folder_new();
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static struct backend *open_store(struct err *err)
{
    return file_backend_open(folder.path, geteuid(), getegid(), err);
}

static void save(struct backend *backend, const char *text)
{
    assert_true(backend->ops->save(backend, span_of(text, strlen(text)), false, NULL));
}

static void expect_file(const char *name, const char *text)
{
    size_t len;
    auto_free uint8_t *bytes = folder_read(&folder, name, &len);

    assert_non_null(bytes);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
}

static bool exists(const char *name)
{
    return access(folder_file(&folder, name), F_OK) == 0;
}

static struct stat status_of(const char *name)
{
    struct stat status;

    assert_int_equal(stat(folder_file(&folder, name), &status), 0);
    return status;
}

/* ------------------------------------------------------------------------------- modes, owners */

static void folders_and_files_are_for_their_owner_only(void **state)
{
    mode_t old = umask(0);
    struct backend *backend =
        file_backend_open(folder_file(&folder, "vm"), geteuid(), getegid(), NULL);

    (void)state;
    assert_non_null(backend);
    save(backend, "state");
    umask(old);
    backend_close(backend);
    assert_int_equal(status_of("vm").st_mode, S_IFDIR | 0700);
    assert_int_equal(status_of("vm/history").st_mode, S_IFDIR | 0700);
    assert_int_equal(status_of("vm/lock").st_mode, S_IFREG | 0600);
    assert_int_equal(status_of("vm/EFI-variables").st_mode, S_IFREG | 0600);
}

static void a_missing_parent_is_reported(void **state)
{
    struct err err;

    (void)state;
    assert_null(file_backend_open(folder_file(&folder, "a/b"), geteuid(), getegid(), &err));
    assert_non_null(strstr(err.text, "a/b can't be made: No such file or directory"));
    assert_null(file_backend_open_read(folder_file(&folder, "a"), &err));
    assert_non_null(strstr(err.text, "No such file or directory"));
}

static void what_another_user_may_not_write_to_is_reported(void **state)
{
    struct err err;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_null(file_backend_open(folder.path, SOME_UID, SOME_UID, &err));
    assert_non_null(strstr(err.text, "uid 61234"));
    assert_non_null(strstr(err.text, "chown -R 61234:61234 /"));

    /* the folder is theirs now, but not the state in it */
    assert_int_equal(chown(folder.path, SOME_UID, SOME_UID), 0);
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of("state", 5)));
    assert_null(file_backend_open(folder.path, SOME_UID, SOME_UID, &err));
    assert_non_null(strstr(err.text, "may not read"));
    assert_non_null(strstr(err.text, "EFI-variables"));
}

static void access_by_group_is_seen(void **state)
{
    struct err err = {.text = ""};

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chown(folder.path, 0, SOME_UID), 0);
    assert_int_equal(chmod(folder.path, 0770), 0);
    struct backend *backend = file_backend_open(folder.path, SOME_UID, SOME_UID, &err);
    assert_string_equal(err.text, "");
    assert_non_null(backend);
    backend_close(backend);
}

static void without_permission_as_oneself(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        struct err err = {.text = ""};
        if (setgid(SOME_UID) != 0 || setuid(SOME_UID) != 0) {
            _exit(2);
        }
        struct backend *backend = file_backend_open(folder.path, SOME_UID, SOME_UID, &err);
        _exit(backend == NULL && strstr(err.text, folder.path) != NULL ? 0 : 1);
    }
    int result;
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
}

/* The daemon's life: opened by root, used in an empty chroot by somebody else. */
static int use_in_chroot(void)
{
    struct err err;
    struct backend *backend =
        file_backend_open(folder_file(&folder, "vm"), SOME_UID, SOME_UID, &err);
    uint8_t *blob = NULL;
    size_t len = 0;

    if (backend == NULL || mkdir(folder_file(&folder, "root"), 0755) != 0 ||
        chroot(folder_file(&folder, "root")) != 0 || chdir("/") != 0 || setgid(SOME_UID) != 0 ||
        setuid(SOME_UID) != 0) {
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        if (!backend->ops->save(backend, span_of("state", 5), true, &err)) {
            return 2;
        }
    }
    if (backend->ops->load(backend, &blob, &len, &err) != BACKEND_LOADED || len != 5) {
        return 3;
    }
    free(blob);
    backend_close(backend);
    return 0;
}

static void works_in_a_chroot_without_privileges(void **state)
{
    int result;

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(use_in_chroot());
    }
    waitpid(child, &result, 0);
    assert_int_equal(result, 0);
    expect_file("vm/EFI-variables", "state");
    assert_int_equal(status_of("vm").st_uid, SOME_UID);
    assert_int_equal(status_of("vm/history").st_uid, SOME_UID);
    assert_int_equal(status_of("vm/lock").st_uid, SOME_UID);
    assert_int_equal(status_of("vm/EFI-variables").st_uid, SOME_UID);
    assert_int_equal(status_of("vm/history").st_nlink, 2);

    struct backend *backend =
        file_backend_open(folder_file(&folder, "vm"), SOME_UID, SOME_UID, NULL);
    assert_non_null(backend);
    backend_close(backend);
}

/* ------------------------------------------------------------------------------------- full disk
 */

/* 0 when everything is as it should be; 77: not allowed to mount. */
static int use_full_disk(void)
{
    static uint8_t state[60000];
    struct err err;
    uint8_t *blob = NULL;
    size_t len = 0;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder.path, "tmpfs", 0, "size=128k") != 0) {
        return 77;
    }
    struct backend *backend = open_store(&err);
    if (backend == NULL || !backend->ops->save(backend, span_of(state, 40000), false, &err)) {
        return 1;
    }
    folder_write(&folder, "filler", span_of(state, sizeof(state)));
    if (backend->ops->save(backend, span_of(state, 50000), true, &err) ||
        strstr(err.text, "No space left on device") == NULL || exists(FILE_NEW_NAME)) {
        return 2;
    }
    if (backend->ops->load(backend, &blob, &len, &err) != BACKEND_LOADED || len != 40000) {
        return 3;
    }
    free(blob);
    unlink(folder_file(&folder, "filler"));
    bool saved = backend->ops->save(backend, span_of(state, 50000), false, &err);
    backend_close(backend);
    return saved ? 0 : 4;
}

static void a_full_disk_keeps_the_old_state(void **state)
{
    int result;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        _exit(use_full_disk());
    }
    waitpid(child, &result, 0);
    if (WIFEXITED(result) && WEXITSTATUS(result) == 77) {
        skip();
    }
    assert_int_equal(result, 0);
}

/* ------------------------------------------------------------------------------------------ lock
 */

/* Another process that holds the store open; killed and waited for by the caller. */
static pid_t holder(void)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct backend *backend = open_store(NULL);
        if (backend == NULL || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void a_second_one_is_told_who_has_it(void **state)
{
    char expected[64];
    struct err err;

    (void)state;
    pid_t child = holder();
    snprintf(expected, sizeof(expected), "is in use by process %d:", (int)child);
    assert_null(open_store(&err));
    assert_non_null(strstr(err.text, expected));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void a_killed_one_leaves_no_lock(void **state)
{
    char pid[32];

    (void)state;
    pid_t child = holder();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct backend *backend = open_store(NULL);
    assert_non_null(backend);
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    expect_file(FILE_LOCK_NAME, pid);
    backend_close(backend);
}

static void the_loser_touches_nothing(void **state)
{
    (void)state;
    pid_t child = holder();
    assert_true(folder_write(&folder, FILE_NEW_NAME, span_of("being written", 13)));
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of("state", 5)));
    assert_null(open_store(NULL));
    expect_file(FILE_NEW_NAME, "being written");
    assert_int_equal(status_of(FILE_STATE_NAME).st_nlink, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* --------------------------------------------------------------------------------------- reading
 */

static void reading_works_beside_a_daemon_and_touches_nothing(void **state)
{
    struct err err;
    uint8_t *blob = NULL;
    size_t len;

    (void)state;
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of("state", 5)));
    struct backend *reader = file_backend_open_read(folder.path, &err);
    assert_non_null(reader);
    assert_false(exists(FILE_LOCK_NAME) || exists(FILE_HISTORY_NAME));
    struct backend *daemon = open_store(&err);
    save(daemon, "newer");
    assert_int_equal(reader->ops->load(reader, &blob, &len, &err), BACKEND_LOADED);
    assert_memory_equal(blob, "newer", len);
    free(blob);
    assert_false(reader->ops->save(reader, span_of("x", 1), false, &err));
    assert_non_null(strstr(err.text, "reading only"));
    assert_false(reader->ops->notify(reader, &err));
    assert_false(exists(FILE_FAILED_NAME));
    expect_file(FILE_STATE_NAME, "newer");
    backend_close(reader);
    backend_close(daemon);
}

static void expect_load_failure(const char *reason)
{
    struct backend *backend = file_backend_open_read(folder.path, NULL);
    uint8_t *blob = NULL;
    size_t len;
    struct err err;

    assert_int_equal(backend->ops->load(backend, &blob, &len, &err), BACKEND_FAILED);
    assert_non_null(strstr(err.text, "EFI-variables: "));
    assert_non_null(strstr(err.text, reason));
    backend_close(backend);
}

static void what_is_no_state_is_reported(void **state)
{
    auto_free uint8_t *large = calloc(1, VARS_BLOB_MAX + 1);
    const char *path = folder_file(&folder, FILE_STATE_NAME);

    (void)state;
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of(large, VARS_BLOB_MAX + 1)));
    expect_load_failure("longer than");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    expect_load_failure("symbolic links");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_load_failure("directory");
}

static void a_leftover_is_removed(void **state)
{
    (void)state;
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of("state", 5)));
    assert_true(folder_write(&folder, FILE_NEW_NAME, span_of("half", 4)));
    struct backend *backend = open_store(NULL);
    assert_non_null(backend);
    assert_false(exists(FILE_NEW_NAME));
    expect_file(FILE_STATE_NAME, "state");
    save(backend, "next");
    assert_false(exists(FILE_NEW_NAME));
    backend_close(backend);
}

static void a_refused_image_leaves_a_mark(void **state)
{
    struct backend *backend = file_backend_open(folder.path, geteuid(), getegid(), NULL);
    struct err err;

    (void)state;
    assert_non_null(backend);
    assert_false(exists(FILE_FAILED_NAME));
    assert_true(backend->ops->notify(backend, &err));
    assert_true(exists(FILE_FAILED_NAME));
    backend_close(backend);
}

static void opening_reports_failed_allocations(void **state)
{
    bool failed;
    long n = 0;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    assert_true(folder_write(&folder, FILE_STATE_NAME, span_of("state", 5)));
    do {
        struct err err = {.text = ""};

        alloc_fault_arm(n++);
        struct backend *backend = open_store(&err);
        failed = alloc_fault_disarm();
        assert_true(backend != NULL || failed);
        assert_int_equal(backend == NULL, err.text[0] != '\0');
        backend_close(backend);
    } while (failed);
    assert_true(n > 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        TEST(folders_and_files_are_for_their_owner_only),
        TEST(a_missing_parent_is_reported),
        TEST(what_another_user_may_not_write_to_is_reported),
        TEST(access_by_group_is_seen),
        TEST(without_permission_as_oneself),
        TEST(works_in_a_chroot_without_privileges),
        TEST(a_full_disk_keeps_the_old_state),
        TEST(a_second_one_is_told_who_has_it),
        TEST(a_killed_one_leaves_no_lock),
        TEST(the_loser_touches_nothing),
        TEST(reading_works_beside_a_daemon_and_touches_nothing),
        TEST(what_is_no_state_is_reported),
        TEST(a_leftover_is_removed),
        TEST(a_refused_image_leaves_a_mark),
        TEST(opening_reports_failed_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
