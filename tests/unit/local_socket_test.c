// SPDX-License-Identifier: BSD-2-Clause
/* The local transport's socket in the file system: whose it is, and what it may replace. */
#include "transport/local.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "support/alloc_fault.h"
#include "support/client.h"
#include "support/local_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka needs the above before it
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static void assert_still_serves(struct local_fixture *f)
{
    struct err err;
    struct client *client = client_open(f->path, 0, &err);

    assert_non_null(client);
    client_write(client, PORT_PPI_INDEX, 4, 5);
    assert_false(client_lost(client));
    client_close(client);
}

static void test_socket_is_private(void **state)
{
    struct local_fixture *f = *state;
    struct stat st;

    assert_int_equal(stat(f->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_socket_in_use_is_left_alone(void **state)
{
    struct local_fixture *f = *state;
    struct err err = {0};

    assert_null(local_open(f->path, &err));
    assert_non_null(strstr(err.text, f->path));
    assert_still_serves(f);
}

static void test_stale_socket_is_replaced(void **state)
{
    struct local_fixture *f = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct err err;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", f->folder);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    struct transport *transport = local_open(address.sun_path, &err);
    assert_non_null(transport);
    transport->ops->close(transport);
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void test_other_files_are_left_alone(void **state)
{
    struct local_fixture *f = *state;
    char path[80];
    struct err err;

    snprintf(path, sizeof(path), "%s/file", f->folder);
    close(open(path, O_CREAT | O_WRONLY, 0644));
    assert_null(local_open(path, &err));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_null(local_open(path, &err));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(f->path, path), 0);
    assert_null(local_open(path, &err));
    assert_int_equal(unlink(path), 0);
}

static void test_paths_that_are_none(void **state)
{
    struct err err = {0};
    char path[200];

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_null(local_open(path, &err));
    assert_non_null(strstr(err.text, "107"));
    assert_null(local_open("", &err));
    assert_null(local_open("/nonexistent/socket", &err));
    assert_non_null(strstr(err.text, "/nonexistent/socket"));
}

static void test_close_removes_only_its_own_socket(void **state)
{
    struct local_fixture *f = *state;
    char path[80];
    struct err err;

    snprintf(path, sizeof(path), "%s/other", f->folder);
    struct transport *first = local_open(path, &err);
    assert_non_null(first);
    assert_int_equal(unlink(path), 0);
    struct transport *second = local_open(path, &err);
    assert_non_null(second);
    first->ops->close(first);
    assert_int_equal(access(path, F_OK), 0);
    second->ops->close(second);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_without_memory(void **state)
{
    struct local_fixture *f = *state;
    char path[80];
    struct err err = {0};

    snprintf(path, sizeof(path), "%s/other", f->folder);
    alloc_fault_arm(0);
    struct transport *transport = local_open(path, &err);
    assert_true(alloc_fault_disarm());
    assert_null(transport);
    assert_non_null(strstr(err.text, "no memory"));
    assert_int_equal(access(path, F_OK), -1);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, local_fixture_set_up, local_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_socket_is_private),        TEST(test_socket_in_use_is_left_alone),
        TEST(test_stale_socket_is_replaced), TEST(test_other_files_are_left_alone),
        TEST(test_paths_that_are_none),      TEST(test_close_removes_only_its_own_socket),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
