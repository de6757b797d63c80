// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/writer.h"
#include "transport/xen_store.h"

/* A connection whose other end says what was written to it before it is asked. */
struct fixture {
    struct xen_store store;
    int peer;
};

static struct fixture fixture_new(void)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    return (struct fixture){.store = {.fd = ends[0]}, .peer = ends[1]};
}

static void fixture_end(struct fixture *fixture)
{
    xen_store_close(&fixture->store);
    close(fixture->peer);
}

static struct writer message(uint8_t *bytes, size_t capacity, uint32_t type, const void *payload,
                             size_t len)
{
    struct writer writer = writer_of(bytes, capacity);

    writer_u32le(&writer, type);
    writer_zeros(&writer, 8);
    writer_u32le(&writer, (uint32_t)len);
    writer_bytes(&writer, span_of(payload, len));
    return writer;
}

static void say(const struct fixture *fixture, uint32_t type, const void *payload, size_t len)
{
    uint8_t bytes[8192];
    struct writer writer = message(bytes, sizeof(bytes), type, payload, len);

    assert_int_equal(write(fixture->peer, bytes, writer.len), writer.len);
}

static void hear(const struct fixture *fixture, uint32_t type, const void *payload, size_t len)
{
    uint8_t expected[8192], got[8192];
    struct writer writer = message(expected, sizeof(expected), type, payload, len);

    assert_int_equal(recv(fixture->peer, got, sizeof(got), MSG_DONTWAIT), writer.len);
    assert_memory_equal(got, expected, writer.len);
}

static enum xen_store_read read_key(struct fixture *fixture, char value[64], struct err *err)
{
    return xen_store_read(&fixture->store, "/local/domain/7/key", value, 64, err);
}

static void test_a_value_is_read(void **state)
{
    struct fixture fixture = fixture_new();
    char value[64];

    (void)state;
    say(&fixture, XS_READ, "true", 4);
    assert_int_equal(read_key(&fixture, value, NULL), XEN_STORE_VALUE);
    assert_string_equal(value, "true");
    hear(&fixture, XS_READ, "/local/domain/7/key", 20);
    say(&fixture, XS_READ, "", 0);
    assert_int_equal(read_key(&fixture, value, NULL), XEN_STORE_VALUE);
    assert_string_equal(value, "");
    fixture_end(&fixture);
}

static void test_a_key_that_is_not_there_is_no_failure(void **state)
{
    struct fixture fixture = fixture_new();
    struct err err;
    char value[64];

    (void)state;
    say(&fixture, XS_ERROR, "ENOENT", 7);
    assert_int_equal(read_key(&fixture, value, &err), XEN_STORE_ABSENT);
    say(&fixture, XS_ERROR, "EACCES", 7);
    assert_int_equal(read_key(&fixture, value, &err), XEN_STORE_FAILED);
    assert_non_null(strstr(err.text, "Permission denied"));
    say(&fixture, XS_ERROR, "EWHATEVER", 10);
    assert_int_equal(read_key(&fixture, value, &err), XEN_STORE_FAILED);
    say(&fixture, XS_ERROR, "ENOENT is cut", 3);
    assert_int_equal(read_key(&fixture, value, &err), XEN_STORE_FAILED);
    fixture_end(&fixture);
}

static void test_a_value_that_does_not_fit_is_a_failure(void **state)
{
    char payload[XENSTORE_PAYLOAD_MAX], value[64];

    (void)state;
    memset(payload, 'x', sizeof(payload));
    for (size_t len = 63; len <= sizeof(payload); len = len < 65 ? len + 1 : len * 4) {
        struct fixture fixture = fixture_new();
        say(&fixture, XS_READ, payload, len);
        assert_int_equal(read_key(&fixture, value, NULL),
                         len == 63 ? XEN_STORE_VALUE : XEN_STORE_FAILED);
        fixture_end(&fixture);
    }
}

static void test_events_may_come_before_the_reply(void **state)
{
    struct fixture fixture = fixture_new();
    char value[64];

    (void)state;
    say(&fixture, XS_WATCH_EVENT, "@releaseDomain\0uefistored", 26);
    say(&fixture, XS_WATCH_EVENT, "@releaseDomain\0uefistored", 26);
    say(&fixture, XS_READ, "1", 1);
    assert_int_equal(read_key(&fixture, value, NULL), XEN_STORE_VALUE);
    assert_string_equal(value, "1");
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_FIRED);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_QUIET);
    fixture_end(&fixture);
}

static void test_events_are_told_once_each(void **state)
{
    struct fixture fixture = fixture_new();

    (void)state;
    say(&fixture, XS_WATCH, "OK", 3);
    assert_true(xen_store_watch(&fixture.store, "@releaseDomain", NULL));
    hear(&fixture, XS_WATCH, "@releaseDomain\0uefistored", 26);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_QUIET);
    say(&fixture, XS_WATCH_EVENT, "@releaseDomain\0uefistored", 26);
    say(&fixture, XS_WATCH_EVENT, "@releaseDomain\0uefistored", 26);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_FIRED);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_FIRED);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_QUIET);
    shutdown(fixture.peer, SHUT_RDWR);
    assert_int_equal(xen_store_event(&fixture.store), XEN_STORE_LOST);
    fixture_end(&fixture);
}

static void test_a_value_is_written(void **state)
{
    struct fixture fixture = fixture_new();
    struct err err;

    (void)state;
    say(&fixture, XS_WRITE, "OK", 3);
    assert_true(xen_store_write(&fixture.store, "/key", "value", &err));
    hear(&fixture, XS_WRITE, "/key\0value", 10);
    say(&fixture, XS_ERROR, "EACCES", 7);
    assert_false(xen_store_write(&fixture.store, "/key", "value", &err));
    fixture_end(&fixture);
}

static void test_a_request_has_a_limit(void **state)
{
    struct fixture fixture = fixture_new();
    char path[XENSTORE_PAYLOAD_MAX + 1];
    struct err err;

    (void)state;
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_false(xen_store_write(&fixture.store, path, "value", &err));
    assert_int_equal(recv(fixture.peer, path, sizeof(path), MSG_DONTWAIT), -1);
    fixture_end(&fixture);
}

static void test_a_reply_that_is_none_is_a_failure(void **state)
{
    struct fixture fixture = fixture_new();
    uint8_t bytes[16];
    char value[64];

    (void)state;
    say(&fixture, XS_WRITE, "OK", 3);
    assert_int_equal(read_key(&fixture, value, NULL), XEN_STORE_FAILED);
    struct writer writer = writer_of(bytes, sizeof(bytes));
    writer_u32le(&writer, XS_READ);
    writer_zeros(&writer, 8);
    writer_u32le(&writer, XENSTORE_PAYLOAD_MAX + 1);
    assert_int_equal(write(fixture.peer, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(read_key(&fixture, value, NULL), XEN_STORE_FAILED);
    fixture_end(&fixture);
}

static void test_every_truncation_is_a_failure(void **state)
{
    uint8_t bytes[64];
    char value[64];
    struct writer whole = message(bytes, sizeof(bytes), XS_READ, "0123456789", 10);

    (void)state;
    for (size_t len = 0; len <= whole.len; len++) {
        struct fixture fixture = fixture_new();
        assert_int_equal(write(fixture.peer, bytes, len), len);
        assert_int_equal(shutdown(fixture.peer, SHUT_WR), 0);
        assert_int_equal(read_key(&fixture, value, NULL),
                         len == whole.len ? XEN_STORE_VALUE : XEN_STORE_FAILED);
        fixture_end(&fixture);
    }
}

static void test_no_xenstored_is_said(void **state)
{
    struct xen_store store;
    char path[512];
    struct err err;

    (void)state;
    setenv("XENSTORED_PATH", "/nonexistent/socket", 1);
    assert_false(xen_store_open(&store, &err));
    assert_non_null(strstr(err.text, "xenstored"));
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    setenv("XENSTORED_PATH", path, 1);
    assert_false(xen_store_open(&store, &err));
    xen_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_read),
        cmocka_unit_test(test_a_key_that_is_not_there_is_no_failure),
        cmocka_unit_test(test_a_value_that_does_not_fit_is_a_failure),
        cmocka_unit_test(test_events_may_come_before_the_reply),
        cmocka_unit_test(test_events_are_told_once_each),
        cmocka_unit_test(test_a_value_is_written),
        cmocka_unit_test(test_a_request_has_a_limit),
        cmocka_unit_test(test_a_reply_that_is_none_is_a_failure),
        cmocka_unit_test(test_every_truncation_is_a_failure),
        cmocka_unit_test(test_no_xenstored_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
