// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_call.h"

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/writer.h"

#define FRAME_SIZE 256u     /* what a methodCall has around its parameters, and more than that */
#define PARAM_SIZE 64u      /* the same for a parameter */
#define ESCAPED_SIZE_MAX 5u /* "&amp;" */

static void write_text(struct writer *out, const char *text)
{
    writer_bytes(out, span_of(text, strlen(text)));
}

static void write_escaped(struct writer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '&':
            write_text(out, "&amp;");
            break;
        case '<':
            write_text(out, "&lt;");
            break;
        case '>':
            write_text(out, "&gt;");
            break;
        default:
            writer_u8(out, text.data[i]);
        }
    }
}

static void write_param(struct writer *out, const struct xapi_param *param)
{
    const char *type = param->kind == XAPI_PARAM_INT ? "int>" : "string>";

    write_text(out, "<param><value><");
    write_text(out, type);
    if (param->kind == XAPI_PARAM_BASE64) {
        base64_encode(out, param->bytes);
    } else {
        write_escaped(out, param->bytes);
    }
    write_text(out, "</");
    write_text(out, type);
    write_text(out, "</value></param>");
}

/* An upper bound, and not far above the limit even for bytes that are. */
static size_t encoded_size(const struct xapi_param *params, size_t count)
{
    size_t size = FRAME_SIZE;

    for (size_t i = 0; i < count && size <= XAPI_REQUEST_MAX; i++) {
        size_t len = params[i].bytes.len;
        if (len > XAPI_REQUEST_MAX) {
            return XAPI_REQUEST_MAX;
        }
        size += PARAM_SIZE + (params[i].kind == XAPI_PARAM_BASE64 ? base64_encoded_size(len)
                                                                  : len * ESCAPED_SIZE_MAX);
    }
    return size < XAPI_REQUEST_MAX ? size : XAPI_REQUEST_MAX;
}

uint8_t *xapi_call_encode(size_t *len, const char *method, const struct xapi_param *params,
                          size_t count, struct err *err)
{
    size_t capacity = encoded_size(params, count);
    auto_free uint8_t *bytes = malloc(capacity);

    if (bytes == NULL) {
        err_set(err, "no memory for a request");
        return NULL;
    }
    struct writer out = writer_of(bytes, capacity);
    write_text(&out, "<?xml version=\"1.0\"?><methodCall><methodName>");
    write_text(&out, method);
    write_text(&out, "</methodName><params>");
    for (size_t i = 0; i < count; i++) {
        write_param(&out, &params[i]);
    }
    write_text(&out, "</params></methodCall>");
    if (!writer_ok(&out)) {
        err_set(err, "the request would be longer than the %u bytes that XAPI takes",
                XAPI_REQUEST_MAX);
        return NULL;
    }
    *len = out.len;
    return take_ptr(bytes);
}

static bool is_text(const struct xapi_value *value, const char *text)
{
    return value != NULL && value->kind == XAPI_TEXT &&
           span_equal(value->text, span_of(text, strlen(text)));
}

/* Text from outside, made fit for a log line, behind what is there. */
static void append_printable(char *out, size_t size, struct span text)
{
    size_t len = strlen(out);

    for (size_t i = 0; i < text.len && len + 1 < size; i++) {
        uint8_t character = text.data[i];
        out[len++] = character >= ' ' && character <= '~' ? (char)character : '?';
    }
    out[len] = '\0';
}

/* An ErrorDescription is a list of texts, one text, or nil. */
static void describe_failure(struct xapi_reply *reply, const struct xapi_value *description)
{
    const struct xapi_value *part = description;

    if (part != NULL && part->kind == XAPI_ARRAY) {
        part = part->first;
    }
    if (part != NULL && part->kind == XAPI_TEXT) {
        append_printable(reply->code, sizeof(reply->code), part->text);
    }
    for (; part != NULL; part = part == description ? NULL : part->next) {
        const char *comma = reply->failure[0] != '\0' ? ", " : "";
        append_printable(reply->failure, sizeof(reply->failure), span_of(comma, strlen(comma)));
        append_printable(reply->failure, sizeof(reply->failure), part->text);
    }
    if (reply->failure[0] == '\0') {
        strcpy(reply->failure, "no reason given");
    }
}

bool xapi_reply_parse(struct xapi_reply *out, struct span xml, struct err *err)
{
    bool is_fault = false;

    *out = (struct xapi_reply){.root = xapi_value_parse(xml, &is_fault, err)};
    if (out->root == NULL) {
        return false;
    }
    const struct xapi_value *status = xapi_value_member(out->root, "Status");
    if (is_fault) {
        describe_failure(out, xapi_value_member(out->root, "faultString"));
    } else if (is_text(status, "Success")) {
        out->success = true;
        out->value = xapi_value_member(out->root, "Value");
    } else if (is_text(status, "Failure")) {
        describe_failure(out, xapi_value_member(out->root, "ErrorDescription"));
    } else {
        xapi_reply_free(out);
        return err_set(err, "the answer has no Status of Success or Failure");
    }
    return true;
}

void xapi_reply_free(struct xapi_reply *reply)
{
    xapi_value_free(reply->root);
    *reply = (struct xapi_reply){0};
}
