// SPDX-License-Identifier: BSD-2-Clause
/* Recordings: what is written is read back, and whatever else is in a file is refused. */
#include "transport/record.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "support/alloc_fault.h"
#include "support/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka needs the above before it
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define FILE_MAX 400000u

struct fixture {
    char path[40];
    uint8_t bytes[FILE_MAX];
    unsigned served;
};

/* A handler with answers that can be told apart: the request's bytes backwards, the port's number.
 */
static size_t serve_request(void *self, struct span request, uint8_t *reply)
{
    struct fixture *f = self;

    f->served++;
    for (size_t i = 0; i < request.len; i++) {
        reply[i] = request.data[request.len - 1 - i];
    }
    return request.len;
}

static uint32_t serve_read(void *self, uint32_t port, unsigned size)
{
    struct fixture *f = self;

    f->served++;
    return port << 8 | size;
}

static void serve_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    struct fixture *f = self;

    (void)port;
    (void)size;
    (void)value;
    f->served++;
}

static struct port_handler handler_of(struct fixture *f)
{
    return (struct port_handler){
        .self = f, .request = serve_request, .port_read = serve_read, .port_write = serve_write};
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    log_set_level(LOG_LEVEL_ERROR);
    snprintf(f->path, sizeof(f->path), "/tmp/record_test.XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    free(f);
    return 0;
}

static struct span file_bytes(struct fixture *f)
{
    auto_close int fd = open(f->path, O_RDONLY);
    ssize_t len = read(fd, f->bytes, sizeof(f->bytes));

    assert_true(len >= 0 && (size_t)len < sizeof(f->bytes));
    return span_of(f->bytes, (size_t)len);
}

static struct recorder *open_recorder(struct fixture *f, const struct port_handler *inner)
{
    struct err err;
    struct recorder *recorder = record_open(f->path, inner, &err);

    assert_non_null(recorder);
    return recorder;
}

/* A recording with one event of each kind. */
static struct span sample(struct fixture *f)
{
    struct port_handler inner = handler_of(f);
    struct recorder *recorder = open_recorder(f, &inner);
    const struct port_handler *handler = record_handler(recorder);
    uint8_t reply[WIRE_BUFFER_SIZE];

    assert_int_equal(handler->request(handler->self, span_of("abc", 3), reply), 3);
    assert_memory_equal(reply, "cba", 3);
    handler->port_write(handler->self, PORT_PPI_INDEX, 4, 0x12345678);
    assert_int_equal(handler->port_read(handler->self, PORT_PPI_DATA, 2), 0x10802);
    record_close(recorder);
    assert_int_equal(f->served, 3);
    return file_bytes(f);
}

static struct record_event next_event(struct reader *reader)
{
    struct record_event event;

    assert_true(record_read_event(reader, &event));
    return event;
}

static void test_round_trip(void **state)
{
    struct reader reader = reader_of(sample(*state));

    assert_true(record_read_head(&reader));
    struct record_event event = next_event(&reader);
    assert_int_equal(event.kind, RECORD_REQUEST);
    assert_true(span_equal(event.bytes, span_of("abc", 3)));
    event = next_event(&reader);
    assert_int_equal(event.kind, RECORD_REPLY);
    assert_true(span_equal(event.bytes, span_of("cba", 3)));
    event = next_event(&reader);
    assert_int_equal(event.kind, RECORD_PORT_WRITE);
    assert_int_equal(event.port, PORT_PPI_INDEX);
    assert_int_equal(event.size, 4);
    assert_int_equal(event.value, 0x12345678);
    event = next_event(&reader);
    assert_int_equal(event.kind, RECORD_PORT_READ);
    assert_int_equal(event.port, PORT_PPI_DATA);
    assert_int_equal(event.size, 2);
    assert_int_equal(event.value, 0x10802);
    assert_true(reader_end(&reader));
}

/* The bytes that docs/PROTOCOL.md promises. */
static void test_format(void **state)
{
    static const uint8_t expected[] = {
        'U', 'E',  'F', 'I', 'R',  'E',  'C',  '1',  /* */
        1,   3,    0,   0,   0,    'a',  'b',  'c',  /* request */
        2,   3,    0,   0,   0,    'c',  'b',  'a',  /* reply */
        3,   0x04, 1,   4,   0x78, 0x56, 0x34, 0x12, /* write */
        4,   0x08, 1,   2,   0x02, 0x08, 0x01, 0,    /* read */
    };

    assert_true(span_equal(sample(*state), span_of(expected, sizeof(expected))));
}

static size_t count_events(struct span bytes)
{
    struct reader reader = reader_of(bytes);
    struct record_event event;
    size_t count = 0;

    if (!record_read_head(&reader)) {
        return 0;
    }
    while (record_read_event(&reader, &event)) {
        count++;
    }
    return count;
}

static void test_every_truncation(void **state)
{
    struct span whole = sample(*state);

    for (size_t len = 0; len < whole.len; len++) {
        auto_free uint8_t *copy = malloc(len + 1); /* so that reading beyond is found */
        memcpy(copy, whole.data, len);
        size_t whole_events = len < 16 ? 0 : (len - 8) / 8;
        assert_int_equal(count_events(span_of(copy, len)), whole_events);
    }
}

static void test_events_that_are_none(void **state)
{
    static const uint8_t bad[][8] = {
        {0, 0, 0, 0, 0, 0, 0, 0},             /* unknown kinds */
        {5, 0, 0, 0, 0, 0, 0, 0},             /* */
        {255, 0, 0, 0, 0, 0, 0, 0},           /* */
        {1, 4, 0, 0, 0, 'a', 'b', 'c'},       /* longer than what is there */
        {1, 255, 255, 255, 255, 'a', 'b', 0}, /* */
        {3, 8, 1, 0, 0, 0, 0, 0},             /* sizes that no access has */
        {3, 8, 1, 3, 0, 0, 0, 0},             /* */
        {4, 8, 1, 8, 0, 0, 0, 0},             /* */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reader reader = reader_of(span_of(bad[i], sizeof(bad[i])));
        struct record_event event;
        assert_false(record_read_event(&reader, &event));
        assert_int_equal(reader.rest.len, sizeof(bad[i]));
    }
}

static void test_a_reply_above_the_buffer_is_none(void **state)
{
    auto_free uint8_t *bytes = calloc(1, WIRE_BUFFER_SIZE + 6);
    struct record_event event;

    (void)state;
    memcpy(bytes, (uint8_t[]){2, 1, 0, 1, 0}, 5);
    struct reader reader = reader_of(span_of(bytes, WIRE_BUFFER_SIZE + 6));
    assert_false(record_read_event(&reader, &event));
    memcpy(bytes, (uint8_t[]){2, 0, 0, 1, 0}, 5);
    assert_true(record_read_event(&reader, &event));
    assert_int_equal(event.bytes.len, WIRE_BUFFER_SIZE);
}

/* A request is in the file when it is served, so that one that kills the daemon is found. */
static size_t look_into_file(void *self, struct span request, uint8_t *reply)
{
    struct fixture *f = self;

    (void)request;
    (void)reply;
    assert_int_equal(file_bytes(f).len, 8 + 5 + 3);
    f->served++;
    return 0;
}

static void test_request_is_written_before_it_is_served(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = {.self = f, .request = look_into_file};
    struct recorder *recorder = open_recorder(f, &inner);
    uint8_t reply[8];

    const struct port_handler *handler = record_handler(recorder);
    handler->request(handler->self, span_of("abc", 3), reply);
    assert_int_equal(f->served, 1);
    record_close(recorder);
}

static void test_largest_request(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = handler_of(f);
    struct recorder *recorder = open_recorder(f, &inner);
    struct client *client = client_over(record_handler(recorder));
    auto_free uint8_t *data = calloc(1, WIRE_DATA_MAX);
    struct record_event event;

    client_set(client, &EFI_GLOBAL_VARIABLE, EFI_NAME("Large"), 7, span_of(data, WIRE_DATA_MAX));
    client_close(client);
    record_close(recorder);
    struct reader reader = reader_of(file_bytes(f));
    assert_true(record_read_head(&reader));
    assert_true(record_read_event(&reader, &event));
    assert_int_equal(event.bytes.len, 8 + 8 + 10 + 16 + 8 + WIRE_DATA_MAX + 4 + 1);
    assert_true(record_read_event(&reader, &event));
    assert_true(reader_end(&reader));
}

static void test_what_lies_behind_a_request_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = handler_of(f);
    struct recorder *recorder = open_recorder(f, &inner);
    const struct port_handler *handler = record_handler(recorder);
    const uint8_t query[100] = {1, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 'j', 'u', 'n', 'k'};
    uint8_t reply[sizeof(query)];
    struct record_event event;

    assert_int_equal(handler->request(handler->self, span_of(query, sizeof(query)), reply), 100);
    record_close(recorder);
    struct reader reader = reader_of(file_bytes(f));
    assert_true(record_read_head(&reader));
    assert_true(record_read_event(&reader, &event));
    assert_true(span_equal(event.bytes, span_of(query, 12)));
}

/* A full disk ends the recording, not the service. */
static void test_a_file_that_cannot_grow(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = handler_of(f);
    struct recorder *recorder = open_recorder(f, &inner);
    struct rlimit before;
    uint8_t reply[8];

    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){20, before.rlim_max}), 0);
    const struct port_handler *handler = record_handler(recorder);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(handler->request(handler->self, span_of("abc", 3), reply), 3);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(handler->request(handler->self, span_of("abc", 3), reply), 3);
    assert_int_equal(f->served, 4);
    record_close(recorder);
    assert_true(file_bytes(f).len <= 20);
    assert_int_equal(count_events(file_bytes(f)), 1);
}

static void test_the_file_is_private_and_made_anew(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    size_t len = sample(f).len;
    f->served = 0;
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_int_equal(sample(f).len, len);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_a_path_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = handler_of(f);
    struct err err = {0};

    assert_null(record_open("/nonexistent/file", &inner, &err));
    assert_non_null(strstr(err.text, "/nonexistent/file"));
}

static void test_without_memory(void **state)
{
    struct fixture *f = *state;
    struct port_handler inner = handler_of(f);
    struct err err = {0};

    alloc_fault_arm(0);
    struct recorder *recorder = record_open(f->path, &inner, &err);
    assert_true(alloc_fault_disarm());
    assert_null(recorder);
    assert_non_null(strstr(err.text, "no memory"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_format),
        TEST(test_every_truncation),
        TEST(test_events_that_are_none),
        TEST(test_a_reply_above_the_buffer_is_none),
        TEST(test_request_is_written_before_it_is_served),
        TEST(test_largest_request),
        TEST(test_what_lies_behind_a_request_is_left_out),
        TEST(test_a_file_that_cannot_grow),
        TEST(test_the_file_is_private_and_made_anew),
        TEST(test_a_path_that_cannot_be_made),
        TEST(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
