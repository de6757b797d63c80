// SPDX-License-Identifier: BSD-2-Clause
/*
 * The little of HTTP/1.1 (RFC 9112) that XAPI's socket needs: the head of a POST, and the head of
 * its answer. Bytes in, bytes out, no I/O.
 */
#ifndef BACKEND_XAPI_HTTP_H
#define BACKEND_XAPI_HTTP_H

#include "base/err.h"
#include "base/reader.h"
#include "base/writer.h"

/* The most bytes of an answer's head, and of its body: VARS_BLOB_MAX in base64 fits. */
#define XAPI_HTTP_HEAD_MAX 4096u
#define XAPI_HTTP_REPLY_MAX (6u << 20)

/* Writes the head for a body of body_len bytes. */
void xapi_http_encode_head(struct writer *out, size_t body_len);

struct xapi_http_head {
    size_t head_len; /* bytes, with the empty line */
    size_t body_len; /* bytes that follow it */
    bool keep_alive; /* the connection serves another request */
};

enum xapi_http_parse {
    XAPI_HTTP_HEAD,
    XAPI_HTTP_MORE, /* so far it is the beginning of a head */
    XAPI_HTTP_BAD,  /* err says why */
};

/*
 * Reads the head at the beginning of bytes. Header names may be in any case, line ends CR LF or LF.
 * Bad: another status than 200, no Content-Length or one that is not one plain number up to
 * XAPI_HTTP_REPLY_MAX, a transfer coding, a head above XAPI_HTTP_HEAD_MAX bytes.
 */
enum xapi_http_parse xapi_http_parse_head(struct xapi_http_head *out, struct span bytes,
                                          struct err *err);

#endif
