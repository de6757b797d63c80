// SPDX-License-Identifier: BSD-2-Clause
/*
 * A call to XAPI and its answer, as XML-RPC. Bytes in, bytes out, no I/O.
 */
#ifndef BACKEND_XAPI_CALL_H
#define BACKEND_XAPI_CALL_H

#include "backend/xapi_value.h"

#define XAPI_REQUEST_MAX (300u << 10) /* bytes of a request's body: the guard refuses more */

struct xapi_param {
    enum {
        XAPI_PARAM_STRING,
        XAPI_PARAM_INT,    /* its decimal digits */
        XAPI_PARAM_BASE64, /* a string: the bytes in base64 */
    } kind;
    struct span bytes;
};

static inline struct xapi_param xapi_param_string(const char *text)
{
    return (struct xapi_param){XAPI_PARAM_STRING, span_of(text, strlen(text))};
}

/*
 * A methodCall, allocated, for the caller to free. NULL, with err set: no memory, or longer than
 * XAPI_REQUEST_MAX.
 */
uint8_t *xapi_call_encode(size_t *len, const char *method, const struct xapi_param *params,
                          size_t count, struct err *err);

struct xapi_reply {
    bool success;                   /* the Status */
    const struct xapi_value *value; /* of a success, may be NULL */
    char code[64];                  /* of a failure: ErrorDescription's first part; may be empty */
    char failure[256];              /* all of it, in printable ASCII */
    struct xapi_value *root;        /* owns the above */
};

/* False, with err set: no answer to a call, or no memory. An XML-RPC fault is a failure. */
bool xapi_reply_parse(struct xapi_reply *out, struct span xml, struct err *err);

/* Zeroed is fine. */
void xapi_reply_free(struct xapi_reply *reply);

#endif
