// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XAPI's socket may say: an HTTP head, an XML-RPC reply behind it (or alone), and base64 in
 * that.
 */
#include "backend/xapi_call.h"
#include "backend/xapi_http.h"
#include "base/base64.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* What is decoded, encodes to the same text: it had no other. */
static void read_base64(struct span text)
{
    size_t capacity = base64_decoded_size(text.len);
    auto_free uint8_t *bytes = malloc(capacity + 1);
    auto_free uint8_t *again = malloc(text.len + 1);
    struct writer decoded = writer_of(bytes, capacity), encoded = writer_of(again, text.len);

    if (base64_decode(&decoded, text)) {
        base64_encode(&encoded, writer_span(&decoded));
        require(writer_ok(&encoded) && span_equal(writer_span(&encoded), text));
    }
}

static void read_value(const struct xapi_value *value)
{
    for (; value != NULL; value = value->next) {
        read_base64(value->text);
        require(value->kind == XAPI_STRUCT || value->kind == XAPI_ARRAY || value->first == NULL);
        require(value->kind != XAPI_STRUCT || value->first == NULL ||
                xapi_value_member(value, value->first->name) == value->first);
        read_value(value->first);
    }
}

static void read_reply(struct span xml)
{
    struct xapi_reply reply;

    if (xapi_reply_parse(&reply, xml, NULL)) {
        require(reply.success || reply.failure[0] != '\0');
        read_value(reply.root);
        xapi_reply_free(&reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size < XAPI_HTTP_HEAD_MAX ? size : XAPI_HTTP_HEAD_MAX);
    struct xapi_http_head head;

    if (xapi_http_parse_head(&head, bytes, NULL) == XAPI_HTTP_HEAD) {
        require(head.head_len <= bytes.len && head.body_len <= XAPI_HTTP_REPLY_MAX);
        read_reply(span_of(data + head.head_len, size - head.head_len));
    }
    read_reply(span_of(data, size));
    read_base64(span_of(data, size));
    return 0;
}
