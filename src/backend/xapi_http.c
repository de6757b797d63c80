// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_http.h"

#include <stdio.h>
#include <strings.h>

#define NO_LENGTH SIZE_MAX

void xapi_http_encode_head(struct writer *out, size_t body_len)
{
    char head[256];
    int len = snprintf(head, sizeof(head),
                       "POST / HTTP/1.1\r\n"
                       "Host: localhost\r\n"
                       "User-Agent: uefistored\r\n"
                       "Content-Type: text/xml\r\n"
                       "Content-Length: %zu\r\n"
                       "Connection: keep-alive\r\n"
                       "\r\n",
                       body_len);

    writer_bytes(out, span_of(head, (size_t)len));
}

/* A line without its end. False: the end is not there yet. */
static bool read_line(struct reader *reader, struct span *line)
{
    const struct span rest = reader->rest;
    const uint8_t *end = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;

    if (end == NULL || !reader_span(reader, line, (uint64_t)(end - rest.data) + 1)) {
        return false;
    }
    line->len--;
    if (line->len > 0 && line->data[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

static bool is_blank(uint8_t character)
{
    return character == ' ' || character == '\t';
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[0])) {
        text = span_of(text.data + 1, text.len - 1);
    }
    return text;
}

static bool says(struct span text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* 1 to 9 digits and nothing else */
static bool parse_number(size_t *out, struct span text)
{
    size_t number = 0;

    if (text.len == 0 || text.len > 9) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (size_t)(text.data[i] - '0');
    }
    *out = number;
    return true;
}

/* "HTTP/1.1 200 OK": RFC 9112, section 4. HTTP/1.0 closes unless it says otherwise. */
static bool parse_status(struct xapi_http_head *out, struct span line, struct err *err)
{
    struct reader reader = reader_of(line);
    struct span version, code;
    size_t status;

    if (!reader_span(&reader, &version, 9) || !reader_span(&reader, &code, 3) ||
        memcmp(version.data, "HTTP/1.", 7) != 0 || version.data[8] != ' ' ||
        (!reader_end(&reader) && reader.rest.data[0] != ' ') || !parse_number(&status, code)) {
        return err_set(err, "the answer is not HTTP");
    }
    if (status != 200) {
        return err_set(err, "the answer has the HTTP status %zu", status);
    }
    out->keep_alive = version.data[7] != '0';
    return true;
}

static bool parse_length(struct xapi_http_head *out, struct span value, struct err *err)
{
    size_t length;

    if (!parse_number(&length, value) || (out->body_len != NO_LENGTH && out->body_len != length)) {
        return err_set(err, "the answer has a bad Content-Length");
    }
    if (length > XAPI_HTTP_REPLY_MAX) {
        return err_set(err, "the answer is too long: %zu bytes, with a limit of %u", length,
                       XAPI_HTTP_REPLY_MAX);
    }
    out->body_len = length;
    return true;
}

static bool parse_field(struct xapi_http_head *out, struct span line, struct err *err)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);

    if (colon == NULL) {
        return err_set(err, "the answer has a header line without a colon");
    }
    struct span name = span_of(line.data, (size_t)(colon - line.data));
    struct span value = trim(span_of(colon + 1, line.len - name.len - 1));
    if (says(name, "Content-Length")) {
        return parse_length(out, value, err);
    }
    if (says(name, "Transfer-Encoding")) {
        return err_set(err, "the answer has a Transfer-Encoding instead of a Content-Length");
    }
    if (says(name, "Connection")) {
        out->keep_alive = says(value, "keep-alive") || (out->keep_alive && !says(value, "close"));
    }
    return true;
}

/* The head is incomplete, unless it is already longer than one may be. */
static enum xapi_http_parse want_more(struct span bytes, struct err *err)
{
    if (bytes.len >= XAPI_HTTP_HEAD_MAX) {
        err_set(err, "the answer's HTTP head is longer than %u bytes", XAPI_HTTP_HEAD_MAX);
        return XAPI_HTTP_BAD;
    }
    return XAPI_HTTP_MORE;
}

enum xapi_http_parse xapi_http_parse_head(struct xapi_http_head *out, struct span bytes,
                                          struct err *err)
{
    struct reader reader = reader_of(bytes);
    struct span line;

    *out = (struct xapi_http_head){.body_len = NO_LENGTH};
    if (!read_line(&reader, &line)) {
        return want_more(bytes, err);
    }
    if (!parse_status(out, line, err)) {
        return XAPI_HTTP_BAD;
    }
    for (;;) {
        if (!read_line(&reader, &line)) {
            return want_more(bytes, err);
        }
        if (line.len == 0) {
            break;
        }
        if (!parse_field(out, line, err)) {
            return XAPI_HTTP_BAD;
        }
    }
    if (out->body_len == NO_LENGTH) {
        err_set(err, "the answer has no Content-Length");
        return XAPI_HTTP_BAD;
    }
    out->head_len = bytes.len - reader.rest.len;
    return XAPI_HTTP_HEAD;
}
