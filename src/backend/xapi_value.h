// SPDX-License-Identifier: BSD-2-Clause
/*
 * XML-RPC values: what XAPI answers with, as a tree. The XML is read by expat.
 */
#ifndef BACKEND_XAPI_VALUE_H
#define BACKEND_XAPI_VALUE_H

#include "base/err.h"
#include "base/span.h"

#define XAPI_VALUE_DEPTH_MAX 32u   /* XML elements within one another */
#define XAPI_VALUE_COUNT_MAX 4096u /* values in one document */

enum xapi_kind {
    XAPI_TEXT, /* <string>, no type at all, or any other scalar: as it is written */
    XAPI_STRUCT,
    XAPI_ARRAY,
    XAPI_NIL,
};

struct xapi_value {
    enum xapi_kind kind;
    char *name;               /* of a struct's member, else NULL */
    struct span text;         /* XAPI_TEXT: UTF-8 */
    struct xapi_value *first; /* XAPI_STRUCT, XAPI_ARRAY: what it holds, in its order */
    struct xapi_value *last;
    struct xapi_value *next;   /* its sibling */
    struct xapi_value *parent; /* what it is held by */
};

/*
 * The value that a methodResponse holds: its one parameter's, or its fault's (is_fault). To be
 * freed. NULL, with err set: not well-formed, not an XML-RPC response, a struct with two members of
 * one name, a document type (so there are no entities to expand), beyond the limits above, or no
 * memory.
 */
struct xapi_value *xapi_value_parse(struct span xml, bool *is_fault, struct err *err);
void xapi_value_free(struct xapi_value *value); /* NULL is fine */

/* A struct's member; NULL: there is none, or value is no struct. */
const struct xapi_value *xapi_value_member(const struct xapi_value *value, const char *name);

#endif
