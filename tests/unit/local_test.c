// SPDX-License-Identifier: BSD-2-Clause
/* The local transport against clients that keep to the rules, and clients that don't. */
#include "transport/local.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "support/client.h"
#include "support/local_fixture.h"
#include "support/raw_local.h"
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka needs the above before it
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

/* One more round trip: what was sent before has been dealt with, and the server is well. */
static void assert_still_serves(struct local_fixture *f)
{
    struct client *client = client_open(f->path, 0, NULL);
    static const uint8_t request[] = {1, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0};

    assert_non_null(client);
    struct span reply = client_raw(client, span_of(request, sizeof(request)));
    assert_false(client_lost(client));
    assert_memory_equal(reply.data, request, sizeof(request));
    client_close(client);
}

/* Descriptors of clients that have gone are given back, though not at once. */
static void assert_descriptors(unsigned expected)
{
    const struct timespec pause = {.tv_nsec = 2000000};

    for (int i = 0; i < 2000 && raw_count_descriptors() != expected; i++) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(raw_count_descriptors(), expected);
}

static uint32_t receive_answer(int fd, uint32_t expected)
{
    uint32_t result, value;

    assert_true(raw_receive(fd, &result, &value));
    assert_int_equal(result, expected);
    return value;
}

static void assert_hung_up(int fd)
{
    char byte;

    assert_true(recv(fd, &byte, 1, 0) <= 0 && errno != EAGAIN);
}

static void assert_refused(int fd, uint32_t expected)
{
    receive_answer(fd, expected);
    assert_hung_up(fd);
    close(fd);
}

static int attached(struct local_fixture *f)
{
    auto_close int memfd = raw_memfd(WIRE_BUFFER_SIZE, F_SEAL_SHRINK);
    int fd = raw_connect(f->path);

    assert_true(fd >= 0 && memfd >= 0);
    assert_true(raw_send_memory(fd, &memfd, 1));
    receive_answer(fd, LOCAL_SERVED);
    return fd;
}

/* ------------------------------------------------------------------ clients that keep the rules */

static void test_request_and_ports_reach_the_handler(void **state)
{
    struct local_fixture *f = *state;
    struct client *client = client_open(f->path, 0, NULL);

    assert_non_null(client);
    client_write(client, PORT_PPI_INDEX, 4, 0xdeadbeef);
    assert_int_equal(client_read(client, PORT_PPI_DATA, 4), 0xdeadbeef);
    assert_int_equal(echo_accesses(f->echo), 2);
    assert_int_equal(client_query(client, 7, &(struct client_space){0}), 0x300000001);
    assert_int_equal(echo_requests(f->echo), 1);
    client_close(client);
    assert_descriptors(f->descriptors);
}

static void assert_untouched(struct client *client)
{
    for (size_t at = 0; at < (size_t)CLIENT_PAGES * CLIENT_PAGE; at++) {
        assert_int_equal(client_memory(client)[at], 0x5a);
    }
}

static void test_memory_bounds_of_a_request(void **state)
{
    struct local_fixture *f = *state;
    struct client *client = client_open(f->path, 0, NULL);
    const uint32_t last = CLIENT_PAGES - 16;
    const struct {
        uint32_t gfn;
        unsigned served;
    } cases[] = {{0, 1},        {last, 1},       {last + 1, 0},  {CLIENT_PAGES, 0},
                 {0xffffff, 0}, {0xfffffff0, 0}, {UINT32_MAX, 0}};

    assert_non_null(client);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before = echo_requests(f->echo);
        memset(client_memory(client), 0x5a, (size_t)CLIENT_PAGES * CLIENT_PAGE);
        client_write(client, PORT_REQUEST, 4, cases[i].gfn);
        assert_false(client_lost(client));
        assert_int_equal(echo_requests(f->echo) - before, cases[i].served);
        assert_untouched(client);
    }
    client_close(client);
}

static void test_what_no_register_takes_is_answered_and_ignored(void **state)
{
    struct local_fixture *f = *state;
    int fd = attached(f);
    static const struct {
        uint32_t operation, port, size;
    } ignored[] = {
        {LOCAL_WRITE, PORT_REQUEST, 1},
        {LOCAL_WRITE, PORT_REQUEST, 2},
        {LOCAL_READ, PORT_REQUEST, 4},
        {LOCAL_READ, PORT_REQUEST, 1},
        {LOCAL_WRITE, PORT_BASE - 1, 4},
        {LOCAL_READ, PORT_BASE - 1, 4},
        {LOCAL_WRITE, PORT_BASE + PORT_COUNT, 4},
        {LOCAL_READ, PORT_BASE + PORT_COUNT, 1},
        {LOCAL_WRITE, 0, 4},
        {LOCAL_WRITE, UINT32_MAX, 4},
    };

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        assert_true(
            raw_send_message(fd, ignored[i].operation, ignored[i].port, ignored[i].size, 0));
        assert_int_equal(receive_answer(fd, LOCAL_SERVED), 0);
    }
    assert_int_equal(echo_requests(f->echo), 0);
    assert_int_equal(echo_accesses(f->echo), 0);
    close(fd);
}

static void test_several_clients_have_memory_of_their_own(void **state)
{
    struct local_fixture *f = *state;
    struct client *clients[LOCAL_CLIENTS_MAX];
    struct err err;

    for (unsigned i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        clients[i] = client_open(f->path, 0, &err);
        assert_non_null(clients[i]);
    }
    for (uint8_t round = 0; round < 3; round++) {
        for (uint8_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
            uint8_t request[] = {1, 0, 0, 0, 3, 0, 0, 0, i, round, 0, 0};
            struct span reply = client_raw(clients[i], span_of(request, sizeof(request)));
            assert_memory_equal(reply.data, request, sizeof(request));
        }
    }
    for (unsigned i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        client_close(clients[i]);
    }
    assert_descriptors(f->descriptors);
}

static void test_messages_sent_ahead_are_served_in_order(void **state)
{
    struct local_fixture *f = *state;
    int fd = attached(f);

    for (uint32_t i = 0; i < 4; i++) {
        assert_true(raw_send_message(fd, LOCAL_WRITE, PORT_PPI_DATA, 4, i));
        assert_true(raw_send_message(fd, LOCAL_READ, PORT_PPI_DATA, 4, 0));
    }
    for (uint32_t i = 0; i < 4; i++) {
        receive_answer(fd, LOCAL_SERVED);
        assert_int_equal(receive_answer(fd, LOCAL_SERVED), i);
    }
    close(fd);
}

/* ---------------------------------------------------------------------- clients that break them */

static void test_one_client_too_many_is_refused(void **state)
{
    struct local_fixture *f = *state;
    int fds[LOCAL_CLIENTS_MAX];

    for (unsigned i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        fds[i] = attached(f);
    }
    assert_refused(raw_connect(f->path), LOCAL_FULL);
    close(fds[0]);
    assert_descriptors(f->descriptors + 2 * (LOCAL_CLIENTS_MAX - 1));
    assert_still_serves(f);
    for (unsigned i = 1; i < LOCAL_CLIENTS_MAX; i++) {
        close(fds[i]);
    }
    assert_descriptors(f->descriptors);
}

static void test_bad_messages_are_refused(void **state)
{
    struct local_fixture *f = *state;
    static const struct {
        uint32_t operation, size;
    } bad[] = {{0, 4},           {4, 4},          {UINT32_MAX, 4},          {LOCAL_WRITE, 0},
               {LOCAL_WRITE, 3}, {LOCAL_READ, 8}, {LOCAL_READ, UINT32_MAX}, {LOCAL_MEMORY, 0}};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = attached(f);
        assert_true(raw_send_message(fd, bad[i].operation, PORT_PPI_DATA, bad[i].size, 0));
        assert_refused(fd, LOCAL_BAD_MESSAGE);
    }
    assert_int_equal(echo_accesses(f->echo), 0);
    assert_still_serves(f);
    assert_descriptors(f->descriptors);
}

static void test_every_wrong_length_is_refused(void **state)
{
    struct local_fixture *f = *state;
    uint8_t bytes[64] = {LOCAL_READ, 0, 0, 0, 8, 1, 0, 0, 4};

    for (size_t len = 1; len <= sizeof(bytes); len++) {
        int fd = attached(f);
        assert_true(raw_send(fd, bytes, len, NULL, 0));
        if (len == LOCAL_MESSAGE_SIZE) {
            receive_answer(fd, LOCAL_SERVED);
            close(fd);
        } else {
            assert_refused(fd, LOCAL_BAD_MESSAGE);
        }
    }
    assert_int_equal(echo_accesses(f->echo), 1);
    assert_descriptors(f->descriptors);
}

static void test_an_empty_message_hangs_up(void **state)
{
    struct local_fixture *f = *state;
    int fd = attached(f);

    assert_true(raw_send(fd, "", 0, NULL, 0));
    assert_hung_up(fd);
    close(fd);
    assert_still_serves(f);
    assert_descriptors(f->descriptors);
}

static void test_ports_without_memory_are_refused(void **state)
{
    struct local_fixture *f = *state;
    int fd = raw_connect(f->path);

    assert_true(raw_send_message(fd, LOCAL_WRITE, PORT_REQUEST, 4, 0));
    assert_refused(fd, LOCAL_NO_MEMORY);
    assert_int_equal(echo_requests(f->echo), 0);
}

static void test_seals(void **state)
{
    struct local_fixture *f = *state;
    static const struct {
        int seals;
        uint32_t result;
    } cases[] = {
        {0, LOCAL_NOT_SEALED},
        {F_SEAL_GROW, LOCAL_NOT_SEALED},
        {F_SEAL_SEAL, LOCAL_NOT_SEALED},
        {F_SEAL_SHRINK, LOCAL_SERVED},
        {F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, LOCAL_SERVED},
        {F_SEAL_SHRINK | F_SEAL_WRITE, LOCAL_NOT_MEMORY}, /* nowhere to put a reply */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int memfd = raw_memfd(WIRE_BUFFER_SIZE, cases[i].seals);
        int fd = raw_connect(f->path);
        assert_true(raw_send_memory(fd, &memfd, 1));
        receive_answer(fd, cases[i].result);
        close(memfd);
        close(fd);
    }
    assert_descriptors(f->descriptors);
}

static void test_memory_sizes(void **state)
{
    struct local_fixture *f = *state;
    static const struct {
        size_t len;
        uint32_t result;
    } cases[] = {
        {0, LOCAL_NOT_MEMORY},
        {CLIENT_PAGE, LOCAL_NOT_MEMORY},
        {WIRE_BUFFER_SIZE - 1, LOCAL_NOT_MEMORY},
        {WIRE_BUFFER_SIZE, LOCAL_SERVED},
        {WIRE_BUFFER_SIZE + 1, LOCAL_NOT_MEMORY},
        {WIRE_BUFFER_SIZE + CLIENT_PAGE, LOCAL_SERVED},
        {(size_t)1 << 36, LOCAL_SERVED},     /* a large guest costs no more than a small one */
        {(size_t)1 << 62, LOCAL_NOT_MEMORY}, /* no address space for it */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int memfd = raw_memfd(cases[i].len, F_SEAL_SHRINK);
        int fd = raw_connect(f->path);
        assert_true(memfd >= 0);
        assert_true(raw_send_memory(fd, &memfd, 1));
        receive_answer(fd, cases[i].result);
        close(memfd);
        close(fd);
    }
    assert_still_serves(f);
}

static void assert_no_memory(struct local_fixture *f, int other)
{
    int fd = raw_connect(f->path);
    uint32_t result, value;

    assert_true(other >= 0 && raw_send_memory(fd, &other, 1));
    assert_true(raw_receive(fd, &result, &value));
    assert_true(result == LOCAL_NOT_MEMORY || result == LOCAL_NOT_SEALED);
    assert_hung_up(fd);
    close(fd);
    close(other);
}

static void test_descriptors_that_are_no_memory(void **state)
{
    struct local_fixture *f = *state;
    char path[64];
    int pipes[2];

    snprintf(path, sizeof(path), "%s/file", f->folder);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ftruncate(file, WIRE_BUFFER_SIZE), 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_no_memory(f, file);
    assert_no_memory(f, pipes[0]);
    assert_no_memory(f, pipes[1]);
    assert_no_memory(f, open("/dev/zero", O_RDWR | O_CLOEXEC));
    assert_no_memory(f, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_no_memory(f, epoll_create1(EPOLL_CLOEXEC));
    assert_still_serves(f);
    assert_descriptors(f->descriptors);
}

static void test_extra_descriptors_are_refused_and_closed(void **state)
{
    struct local_fixture *f = *state;
    int memfd = raw_memfd(WIRE_BUFFER_SIZE, F_SEAL_SHRINK);
    int many[16];

    for (size_t i = 0; i < 16; i++) {
        many[i] = memfd;
    }
    for (size_t count = 0; count <= 16; count++) {
        int fd = raw_connect(f->path);
        assert_true(raw_send_memory(fd, many, count));
        receive_answer(fd, count == 1 ? LOCAL_SERVED : LOCAL_BAD_MESSAGE);
        close(fd);
    }
    close(memfd);
    assert_still_serves(f);
    assert_descriptors(f->descriptors);
}

static void test_descriptors_out_of_place_are_refused_and_closed(void **state)
{
    struct local_fixture *f = *state;
    int memfd = raw_memfd(WIRE_BUFFER_SIZE, F_SEAL_SHRINK);
    static const uint8_t read[LOCAL_MESSAGE_SIZE] = {LOCAL_READ, 0, 0, 0, 8, 1, 0, 0, 4};
    int fd = attached(f);

    assert_true(raw_send(fd, read, sizeof(read), &memfd, 1)); /* with a port access */
    assert_refused(fd, LOCAL_BAD_MESSAGE);
    fd = attached(f);
    assert_true(raw_send_memory(fd, &memfd, 1)); /* memory a second time */
    assert_refused(fd, LOCAL_BAD_MESSAGE);
    fd = attached(f);
    assert_true(raw_send(fd, read, 5, &memfd, 1)); /* with a short message */
    assert_refused(fd, LOCAL_BAD_MESSAGE);
    close(memfd);
    assert_descriptors(f->descriptors);
}

static void test_a_client_that_leaves_midway(void **state)
{
    struct local_fixture *f = *state;

    for (unsigned i = 0; i < 200; i++) {
        int fd = i % 2 == 0 ? raw_connect(f->path) : attached(f);
        if (i % 3 == 1) {
            assert_true(raw_send_message(fd, LOCAL_WRITE, PORT_REQUEST, 4, 0));
        }
        shutdown(fd, i % 5 == 0 ? SHUT_WR : SHUT_RD);
        close(fd);
        if (i % 8 == 7) {
            assert_descriptors(f->descriptors);
        }
    }
    assert_still_serves(f);
}

static void test_a_client_that_takes_no_answers_is_dropped(void **state)
{
    struct local_fixture *f = *state;
    int fd = attached(f);
    unsigned sent = 0;

    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (sent < 10000000 &&
           (raw_send_message(fd, LOCAL_READ, PORT_PPI_DATA, 4, 0) || errno == EAGAIN)) {
        sent++;
    }
    assert_true(sent > 0 && sent < 10000000);
    assert_still_serves(f);
    close(fd);
    assert_descriptors(f->descriptors);
}

#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, local_fixture_set_up, local_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_and_ports_reach_the_handler),
        TEST(test_memory_bounds_of_a_request),
        TEST(test_what_no_register_takes_is_answered_and_ignored),
        TEST(test_several_clients_have_memory_of_their_own),
        TEST(test_messages_sent_ahead_are_served_in_order),
        TEST(test_one_client_too_many_is_refused),
        TEST(test_bad_messages_are_refused),
        TEST(test_every_wrong_length_is_refused),
        TEST(test_an_empty_message_hangs_up),
        TEST(test_ports_without_memory_are_refused),
        TEST(test_seals),
        TEST(test_memory_sizes),
        TEST(test_descriptors_that_are_no_memory),
        TEST(test_extra_descriptors_are_refused_and_closed),
        TEST(test_descriptors_out_of_place_are_refused_and_closed),
        TEST(test_a_client_that_leaves_midway),
        TEST(test_a_client_that_takes_no_answers_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
