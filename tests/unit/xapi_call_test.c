// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_call.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "support/alloc_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define RESPONSE(members)                                                                          \
    "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct>" members                \
    "</struct></value></param></params></methodResponse>"
#define MEMBER(name, value) "<member><name>" name "</name><value>" value "</value></member>"
#define FAILURE(description)                                                                       \
    RESPONSE(MEMBER("ErrorDescription", description) MEMBER("Status", "Failure"))

static bool parse(struct xapi_reply *reply, const char *xml)
{
    return xapi_reply_parse(reply, span_of(xml, strlen(xml)), NULL);
}

static void assert_failure(const char *xml, const char *code, const char *failure)
{
    struct xapi_reply reply;

    assert_true(parse(&reply, xml));
    assert_false(reply.success);
    assert_string_equal(reply.code, code);
    assert_string_equal(reply.failure, failure);
    xapi_reply_free(&reply);
}

static void encodes_a_call(void **state)
{
    const struct xapi_param params[] = {
        xapi_param_string("a<b>&c"),
        {XAPI_PARAM_INT, span_of("5", 1)},
        {XAPI_PARAM_BASE64, span_of("foobar", 6)},
        xapi_param_string(""),
    };
    size_t len;
    auto_free uint8_t *bytes = xapi_call_encode(&len, "VM.do", params, 4, NULL);
    static const char expected[] =
        "<?xml version=\"1.0\"?><methodCall><methodName>VM.do</methodName><params>"
        "<param><value><string>a&lt;b&gt;&amp;c</string></value></param>"
        "<param><value><int>5</int></value></param>"
        "<param><value><string>Zm9vYmFy</string></value></param>"
        "<param><value><string></string></value></param>"
        "</params></methodCall>";

    (void)state;
    assert_non_null(bytes);
    assert_true(span_equal(span_of(bytes, len), span_of(expected, strlen(expected))));
}

/* The largest body is what the guard takes, to the byte. */
static void a_request_has_a_limit(void **state)
{
    auto_free uint8_t *blob = calloc(1, XAPI_REQUEST_MAX + 1);
    size_t len, fixed;
    struct xapi_param params[] = {{XAPI_PARAM_BASE64, span_of(blob, 0)}, xapi_param_string("")};
    auto_free char *padding = calloc(1, 64);
    auto_free uint8_t *least = xapi_call_encode(&fixed, "m", params, 2, NULL);

    (void)state;
    assert_non_null(least);
    size_t room = XAPI_REQUEST_MAX - fixed;
    params[0].bytes.len = room / 4 * 3;
    memset(padding, 'x', room % 4 + 1);
    params[1].bytes = span_of(padding, room % 4);
    auto_free uint8_t *largest = xapi_call_encode(&len, "m", params, 2, NULL);
    assert_non_null(largest);
    assert_int_equal(len, XAPI_REQUEST_MAX);
    params[1].bytes.len++;
    assert_null(xapi_call_encode(&len, "m", params, 2, NULL));
    params[0].bytes.len = XAPI_REQUEST_MAX + 1;
    assert_null(xapi_call_encode(&len, "m", params, 1, NULL));
}

static void reads_a_success(void **state)
{
    struct xapi_reply reply;

    (void)state;
    assert_true(parse(&reply, RESPONSE(MEMBER("Status", "Success") MEMBER("Value", "x"))));
    assert_true(reply.success);
    assert_true(span_equal(reply.value->text, span_of("x", 1)));
    xapi_reply_free(&reply);
    assert_true(parse(
        &reply, RESPONSE(MEMBER("Value", "<nil/>") MEMBER("Status", "<string>Success</string>"))));
    assert_true(reply.success);
    assert_int_equal(reply.value->kind, XAPI_NIL);
    xapi_reply_free(&reply);
    assert_true(parse(&reply, RESPONSE(MEMBER("Status", "Success"))));
    assert_null(reply.value);
    xapi_reply_free(&reply);
}

static void reads_every_form_of_failure(void **state)
{
    (void)state;
    assert_failure(FAILURE("<array><data><value>SESSION_INVALID</value><value><string>OpaqueRef:1"
                           "</string></value></data></array>"),
                   "SESSION_INVALID", "SESSION_INVALID, OpaqueRef:1");
    assert_failure(FAILURE("<string>went wrong</string>"), "went wrong", "went wrong");
    assert_failure(FAILURE("went wrong"), "went wrong", "went wrong");
    assert_failure(FAILURE("<nil/>"), "", "no reason given");
    assert_failure(FAILURE("<array><data/></array>"), "", "no reason given");
    assert_failure(FAILURE("<struct/>"), "", "no reason given");
    assert_failure(RESPONSE(MEMBER("Status", "Failure")), "", "no reason given");
    assert_failure(
        "<methodResponse><fault><value><struct>" MEMBER("faultCode", "<int>1</int>")
            MEMBER("faultString", "no such call") "</struct></value></fault></methodResponse>",
        "no such call", "no such call");
}

static void a_failure_is_fit_for_a_log_line(void **state)
{
    struct xapi_reply reply;
    char xml[1024];

    (void)state;
    assert_failure(FAILURE("a\nb\tc\xc3\xa9&#x7f;"), "a?b?c???", "a?b?c???");
    snprintf(xml, sizeof(xml), FAILURE("%0600d"), 0);
    assert_true(parse(&reply, xml));
    assert_int_equal(strlen(reply.code), sizeof(reply.code) - 1);
    assert_int_equal(strlen(reply.failure), sizeof(reply.failure) - 1);
    xapi_reply_free(&reply);
}

static void refuses_what_has_no_status(void **state)
{
    struct xapi_reply reply;

    (void)state;
    assert_false(parse(&reply, RESPONSE("")));
    assert_false(parse(&reply, RESPONSE(MEMBER("Value", "Success"))));
    assert_false(parse(&reply, RESPONSE(MEMBER("status", "Success"))));
    assert_false(parse(&reply, RESPONSE(MEMBER("Status", "success"))));
    assert_false(parse(&reply, RESPONSE(MEMBER("Status", "Success "))));
    assert_false(parse(&reply, RESPONSE(MEMBER("Status", "<nil/>"))));
    assert_false(parse(&reply, RESPONSE(MEMBER("Status", "<array><data/></array>"))));
    assert_false(parse(&reply, "<methodResponse><params><param><value>Success</value></param>"
                               "</params></methodResponse>"));
}

static void reports_failed_allocations(void **state)
{
    static const char xml[] = RESPONSE(MEMBER("Status", "Success") MEMBER("Value", "x"));
    const struct xapi_param param = xapi_param_string("x");
    struct xapi_reply reply;
    size_t len;
    bool failed;
    long n = 0;

    (void)state;
    do {
        alloc_fault_arm(n++);
        bool parsed = parse(&reply, xml);
        failed = alloc_fault_disarm();
        assert_true(parsed != failed);
        xapi_reply_free(&reply);
    } while (failed);
    alloc_fault_arm(0);
    assert_null(xapi_call_encode(&len, "m", &param, 1, NULL));
    assert_true(alloc_fault_disarm());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_a_call),
        cmocka_unit_test(a_request_has_a_limit),
        cmocka_unit_test(reads_a_success),
        cmocka_unit_test(reads_every_form_of_failure),
        cmocka_unit_test(a_failure_is_fit_for_a_log_line),
        cmocka_unit_test(refuses_what_has_no_status),
        cmocka_unit_test(reports_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
