// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_value.h"

#include "base/cleanup.h"
#include "support/alloc_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define RESPONSE(value)                                                                            \
    "<?xml version=\"1.0\"?><methodResponse><params><param>" value                                 \
    "</param></params></methodResponse>"
#define MEMBER(name, value) "<member><name>" name "</name>" value "</member>"

/* From a block of its own size, so that a step beyond its end is seen. */
static struct xapi_value *parse_bytes(const char *text, size_t len)
{
    auto_free uint8_t *copy = malloc(len > 0 ? len : 1);
    bool is_fault;
    struct err err = {.text = ""};

    assert_non_null(copy);
    memcpy(copy, text, len);
    struct xapi_value *value = xapi_value_parse(span_of(copy, len), &is_fault, &err);
    assert_true((value == NULL) == (err.text[0] != '\0'));
    return value;
}

static void assert_text(const struct xapi_value *value, const char *text)
{
    assert_non_null(value);
    assert_int_equal(value->kind, XAPI_TEXT);
    assert_true(span_equal(value->text, span_of(text, strlen(text))));
}

static void assert_single(const char *xml, const char *text)
{
    struct xapi_value *value = parse_bytes(xml, strlen(xml));

    assert_text(value, text);
    xapi_value_free(value);
}

static void assert_bad(const char *xml)
{
    struct xapi_value *value = parse_bytes(xml, strlen(xml));

    if (value != NULL) {
        fail_msg("taken: %s", xml);
    }
}

static void reads_strings_with_and_without_type(void **state)
{
    (void)state;
    assert_single(RESPONSE("<value>text</value>"), "text");
    assert_single(RESPONSE("<value><string>text</string></value>"), "text");
    assert_single(RESPONSE("<value>\n <string>text</string>\n </value>"), "text");
    assert_single(RESPONSE("<value> kept </value>"), " kept ");
    assert_single(RESPONSE("<value/>"), "");
    assert_single(RESPONSE("<value><string/></value>"), "");
    assert_single(RESPONSE("<value>a&lt;b&amp;&#65;&gt;</value>"), "a<b&A>");
    assert_single(RESPONSE("<value><![CDATA[a<b]]></value>"), "a<b");
    assert_single(RESPONSE("<value>a<!-- no -->b</value>"), "ab");
    assert_single(RESPONSE("<value>\xc3\xa9</value>"), "\xc3\xa9");
}

static void reads_other_scalars_as_text(void **state)
{
    (void)state;
    assert_single(RESPONSE("<value><int>5</int></value>"), "5");
    assert_single(RESPONSE("<value><i4>5</i4></value>"), "5");
    assert_single(RESPONSE("<value><boolean>1</boolean></value>"), "1");
    assert_single(RESPONSE("<value><double>1.5</double></value>"), "1.5");
}

static const char document[] = RESPONSE(
    "<value>\n<struct>" MEMBER("Status", "<value>Success</value>") MEMBER(
        "Value", "<value><struct>" MEMBER("a", "<value><string>1</string></value>")
                     MEMBER("b", "<value><nil/></value>") "</struct></value>")
        MEMBER("List",
               "<value><array><data><value>x</value> <value><string>y</string></value>"
               "<value><array><data/></array></value></data></array></value>") "</struct></value>");

static void reads_what_is_nested(void **state)
{
    struct xapi_value *root = parse_bytes(document, strlen(document));
    const struct xapi_value *map = xapi_value_member(root, "Value");
    const struct xapi_value *list = xapi_value_member(root, "List");

    (void)state;
    assert_text(xapi_value_member(root, "Status"), "Success");
    assert_text(xapi_value_member(map, "a"), "1");
    assert_int_equal(xapi_value_member(map, "b")->kind, XAPI_NIL);
    assert_null(xapi_value_member(map, "Status"));
    assert_null(xapi_value_member(list, "a"));
    assert_int_equal(list->kind, XAPI_ARRAY);
    assert_text(list->first, "x");
    assert_text(list->first->next, "y");
    assert_int_equal(list->last->kind, XAPI_ARRAY);
    assert_null(list->last->first);
    assert_null(list->last->next);
    xapi_value_free(root);
}

static void tells_a_fault(void **state)
{
    static const char xml[] = "<methodResponse><fault><value><struct>" MEMBER(
        "faultString", "<value>no</value>") "</struct></value></fault></methodResponse>";
    bool is_fault = false;
    struct xapi_value *root = xapi_value_parse(span_of(xml, strlen(xml)), &is_fault, NULL);

    (void)state;
    assert_true(is_fault);
    assert_text(xapi_value_member(root, "faultString"), "no");
    xapi_value_free(root);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(document); len++) {
        assert_null(parse_bytes(document, len));
    }
}

static void refuses_what_is_no_response(void **state)
{
    (void)state;
    assert_bad("");
    assert_bad("text");
    assert_bad("<html><body/></html>");
    assert_bad("<value>x</value>");
    assert_bad("<methodResponse/>");
    assert_bad("<methodResponse><params/></methodResponse>");
    assert_bad("<methodResponse><params><param/></params></methodResponse>");
    assert_bad("<methodCall><params><param><value>x</value></param></params></methodCall>");
    assert_bad(RESPONSE("<value>x</value>") "x");
    assert_bad(RESPONSE("<value>x</value>") RESPONSE("<value>x</value>"));
    assert_bad(RESPONSE("x<value>x</value>"));
    assert_bad(RESPONSE("<value>x</value><value>y</value>"));
    assert_bad(RESPONSE("<value>x</value></param><param><value>y</value>"));
    assert_bad(RESPONSE("<value>x<string>y</string></value>"));
    assert_bad(RESPONSE("<value><string>x</string>y</value>"));
    assert_bad(RESPONSE("<value><string>x</string><string>y</string></value>"));
    assert_bad(RESPONSE("<value><string>x<string>y</string></string></value>"));
    assert_bad(RESPONSE("<value><string>x</value></string>"));
    assert_bad(RESPONSE("<value><blob>x</blob></value>"));
    assert_bad(RESPONSE("<value><array><value>x</value></array></value>"));
    assert_bad(RESPONSE("<value><struct>x</struct></value>"));
    assert_bad(RESPONSE("<value>\xff</value>"));
    assert_bad(RESPONSE("<value>&nbsp;</value>"));
    assert_bad(RESPONSE("<value>&#0;</value>"));
}

static void refuses_members_that_are_not_a_name_and_a_value(void **state)
{
    (void)state;
    assert_bad(RESPONSE("<value><struct><member><value>x</value></member></struct></value>"));
    assert_bad(RESPONSE("<value><struct><member><name>a</name></member></struct></value>"));
    assert_bad(RESPONSE("<value><struct><member><name>a</name><name>b</name><value>x</value>"
                        "</member></struct></value>"));
    assert_bad(RESPONSE("<value><struct><member><name>a</name><value>x</value><value>y</value>"
                        "</member></struct></value>"));
    assert_bad(RESPONSE("<value><struct>" MEMBER("a", "<value>x</value>")
                            MEMBER("a", "<value>x</value>") "</struct></value>"));
}

/* An entity that grows when it is expanded, one that reads a file, and one that does nothing. */
static void refuses_every_document_type(void **state)
{
    (void)state;
    assert_bad(
        "<!DOCTYPE methodResponse [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;\">]>" //
        "<methodResponse><params><param><value>&c;</value></param></params></methodResponse>");
    assert_bad(
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>"
        "<methodResponse><params><param><value>&e;</value></param></params></methodResponse>");
    assert_bad("<!DOCTYPE methodResponse>"
               "<methodResponse><params><param><value>x</value></param></params></methodResponse>");
}

static char *repeat(const char *begin, const char *middle, const char *end, size_t count)
{
    char *text = NULL;
    size_t len;
    FILE *stream = open_memstream(&text, &len);

    assert_non_null(stream);
    for (size_t i = 0; i < count; i++) {
        fputs(begin, stream);
    }
    fputs(middle, stream);
    for (size_t i = 0; i < count; i++) {
        fputs(end, stream);
    }
    fclose(stream);
    return text;
}

static bool parses_repeated(const char *begin, const char *middle, const char *end, size_t count)
{
    auto_free char *inner = repeat(begin, middle, end, count);
    auto_free char *xml = NULL;

    assert_true(asprintf(&xml, RESPONSE("<value><array><data>%s</data></array></value>"), inner) >
                0);
    struct xapi_value *value = parse_bytes(xml, strlen(xml));
    bool parsed = value != NULL;
    xapi_value_free(value);
    return parsed;
}

static void depth_has_a_limit(void **state)
{
    (void)state; /* 6 elements lie around what is repeated, each time 3, and innermost one */
    assert_true(parses_repeated("<value><array><data>", "<value>x</value>",
                                "</data></array></value>", (XAPI_VALUE_DEPTH_MAX - 7) / 3));
    assert_false(parses_repeated("<value><array><data>", "<value>x</value>",
                                 "</data></array></value>", (XAPI_VALUE_DEPTH_MAX - 7) / 3 + 1));
    assert_false(parses_repeated("<value><array><data>", "<value>x</value>",
                                 "</data></array></value>", 100000));
}

static void count_has_a_limit(void **state)
{
    (void)state;
    assert_true(parses_repeated("<value/>", "", "", XAPI_VALUE_COUNT_MAX - 1));
    assert_false(parses_repeated("<value/>", "", "", XAPI_VALUE_COUNT_MAX));
}

static void reports_failed_allocations(void **state)
{
    bool failed;
    long n = 0;

    (void)state;
    do {
        bool is_fault;
        alloc_fault_arm(n++);
        struct xapi_value *value =
            xapi_value_parse(span_of(document, strlen(document)), &is_fault, NULL);
        failed = alloc_fault_disarm();
        assert_true((value != NULL) != failed);
        xapi_value_free(value);
    } while (failed);
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_strings_with_and_without_type),
        cmocka_unit_test(reads_other_scalars_as_text),
        cmocka_unit_test(reads_what_is_nested),
        cmocka_unit_test(tells_a_fault),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(refuses_what_is_no_response),
        cmocka_unit_test(refuses_members_that_are_not_a_name_and_a_value),
        cmocka_unit_test(refuses_every_document_type),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(count_has_a_limit),
        cmocka_unit_test(reports_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
