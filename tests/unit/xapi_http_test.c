// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_http.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"

/* Reads text from a block of its own size, so that a step beyond its end is seen. */
static enum xapi_http_parse parse(struct xapi_http_head *head, const char *text, size_t len)
{
    auto_free uint8_t *copy = malloc(len > 0 ? len : 1);
    struct err err;

    assert_non_null(copy);
    memcpy(copy, text, len);
    return xapi_http_parse_head(head, span_of(copy, len), &err);
}

static void assert_head(const char *text, size_t body_len, bool keep_alive)
{
    struct xapi_http_head head;

    assert_int_equal(parse(&head, text, strlen(text)), XAPI_HTTP_HEAD);
    assert_int_equal(head.head_len, strlen(text));
    assert_int_equal(head.body_len, body_len);
    assert_int_equal(head.keep_alive, keep_alive);
}

static void assert_bad(const char *text)
{
    struct xapi_http_head head;

    if (parse(&head, text, strlen(text)) != XAPI_HTTP_BAD) {
        fail_msg("taken: %s", text);
    }
}

static void reads_what_xapi_says(void **state)
{
    (void)state;
    assert_head(OK "content-length: 265\r\ncontent-type: text/xml\r\nConnection: keep-alive\r\n"
                   "cache-control: no-cache, no-store\r\n\r\n",
                265, true);
    assert_head(OK "Content-Length: 0\r\nConnection: close\r\n\r\n", 0, false);
}

static void header_names_are_in_any_case(void **state)
{
    (void)state;
    assert_head(OK "CONTENT-LENGTH: 1\r\nCONNECTION: CLOSE\r\n\r\n", 1, false);
    assert_head(OK "cOnTeNt-lEnGtH:1\r\n\r\n", 1, true);
    assert_head(OK "Content-Length: \t 1 \t \r\n\r\n", 1, true);
}

static void lines_may_end_without_a_carriage_return(void **state)
{
    (void)state;
    assert_head("HTTP/1.1 200 OK\nContent-Length: 7\n\n", 7, true);
}

static void an_old_version_closes_unless_it_says_otherwise(void **state)
{
    (void)state;
    assert_head("HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", 7, false);
    assert_head("HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: Keep-Alive\r\n\r\n", 7, true);
}

static void a_status_line_may_lack_its_phrase(void **state)
{
    (void)state;
    assert_head("HTTP/1.1 200\r\nContent-Length: 7\r\n\r\n", 7, true);
    assert_head("HTTP/1.1 200 \r\nContent-Length: 7\r\n\r\n", 7, true);
}

static void every_prefix_asks_for_more(void **state)
{
    static const char text[] = OK "Content-Length: 265\r\nConnection: keep-alive\r\n\r\nbody";
    struct xapi_http_head head;
    size_t head_len = strlen(text) - strlen("body");

    (void)state;
    for (size_t len = 0; len <= strlen(text); len++) {
        enum xapi_http_parse parsed = parse(&head, text, len);
        assert_int_equal(parsed, len < head_len ? XAPI_HTTP_MORE : XAPI_HTTP_HEAD);
    }
    assert_int_equal(head.head_len, head_len);
}

static void refuses_what_is_no_good_answer(void **state)
{
    (void)state;
    assert_bad("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    assert_bad("HTTP/1.1 100 Continue\r\n\r\n");
    assert_bad("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_bad("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n");
    assert_bad("HTTP/1.1 20\r\nContent-Length: 0\r\n\r\n");
    assert_bad("HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_bad("SSH-2.0-OpenSSH_9.2\r\n");
    assert_bad("\r\n\r\n");
    assert_bad(OK "no colon\r\nContent-Length: 0\r\n\r\n");
    assert_bad(OK "\r\n");
    assert_bad(OK "Transfer-Encoding: chunked\r\n\r\n");
    assert_bad(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
}

static void refuses_bad_lengths(void **state)
{
    static const char *const bad[] = {"",    "-1",    "+1",  "0x10",       "1 1",
                                      "1,1", "1\x01", "1e3", "9999999999", "18446744073709551617"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), OK "Content-Length: %s\r\n\r\n", bad[i]);
        assert_bad(text);
    }
    assert_bad(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n");
    assert_head(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 5, true);
}

static void the_body_has_a_limit(void **state)
{
    char text[128];

    (void)state;
    snprintf(text, sizeof(text), OK "Content-Length: %u\r\n\r\n", XAPI_HTTP_REPLY_MAX);
    assert_head(text, XAPI_HTTP_REPLY_MAX, true);
    snprintf(text, sizeof(text), OK "Content-Length: %u\r\n\r\n", XAPI_HTTP_REPLY_MAX + 1);
    assert_bad(text);
}

static void the_head_has_a_limit(void **state)
{
    static char text[XAPI_HTTP_HEAD_MAX];
    struct xapi_http_head head;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, OK "X: ", strlen(OK "X: "));
    assert_int_equal(parse(&head, text, sizeof(text) - 1), XAPI_HTTP_MORE);
    assert_int_equal(parse(&head, text, sizeof(text)), XAPI_HTTP_BAD);
}

static void writes_a_request(void **state)
{
    uint8_t bytes[256];
    struct writer out = writer_of(bytes, sizeof(bytes));

    (void)state;
    xapi_http_encode_head(&out, 12345);
    writer_u8(&out, 0);
    assert_true(writer_ok(&out));
    assert_string_equal((const char *)bytes, "POST / HTTP/1.1\r\n"
                                             "Host: localhost\r\n"
                                             "User-Agent: uefistored\r\n"
                                             "Content-Type: text/xml\r\n"
                                             "Content-Length: 12345\r\n"
                                             "Connection: keep-alive\r\n"
                                             "\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_xapi_says),
        cmocka_unit_test(header_names_are_in_any_case),
        cmocka_unit_test(lines_may_end_without_a_carriage_return),
        cmocka_unit_test(an_old_version_closes_unless_it_says_otherwise),
        cmocka_unit_test(a_status_line_may_lack_its_phrase),
        cmocka_unit_test(every_prefix_asks_for_more),
        cmocka_unit_test(refuses_what_is_no_good_answer),
        cmocka_unit_test(refuses_bad_lengths),
        cmocka_unit_test(the_body_has_a_limit),
        cmocka_unit_test(the_head_has_a_limit),
        cmocka_unit_test(writes_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
