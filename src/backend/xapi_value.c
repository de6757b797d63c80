// SPDX-License-Identifier: BSD-2-Clause
/*
 * Expat says when an element begins and ends; a stack of the open ones says whether it may. A
 * <value> begins a node of the tree; text is collected until the element that it belongs to ends.
 */
#include "backend/xapi_value.h"

#include "base/cleanup.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>

enum element {
    OUTSIDE,
    RESPONSE,
    PARAMS,
    PARAM,
    FAULT,
    VALUE,
    SCALAR,
    NIL,
    STRUCT,
    MEMBER,
    NAME,
    ARRAY,
    DATA,
};

#define IN(element) (1u << (element))

/* The elements of XML-RPC, and what each may lie in. */
static const struct {
    const char *name;
    enum element element;
    unsigned parents;
} grammar[] = {
    {"methodResponse", RESPONSE, IN(OUTSIDE)},
    {"params", PARAMS, IN(RESPONSE)},
    {"param", PARAM, IN(PARAMS)},
    {"fault", FAULT, IN(RESPONSE)},
    {"value", VALUE, IN(PARAM) | IN(FAULT) | IN(MEMBER) | IN(DATA)},
    {"string", SCALAR, IN(VALUE)},
    {"int", SCALAR, IN(VALUE)},
    {"i4", SCALAR, IN(VALUE)},
    {"i8", SCALAR, IN(VALUE)},
    {"boolean", SCALAR, IN(VALUE)},
    {"double", SCALAR, IN(VALUE)},
    {"dateTime.iso8601", SCALAR, IN(VALUE)},
    {"base64", SCALAR, IN(VALUE)},
    {"nil", NIL, IN(VALUE)},
    {"struct", STRUCT, IN(VALUE)},
    {"member", MEMBER, IN(STRUCT)},
    {"name", NAME, IN(MEMBER)},
    {"array", ARRAY, IN(VALUE)},
    {"data", DATA, IN(ARRAY)},
};

struct frame {
    enum element element;
    bool typed; /* a VALUE that has had its type's element */
};

struct parser {
    XML_Parser expat;
    struct frame frames[XAPI_VALUE_DEPTH_MAX + 1]; /* the first is OUTSIDE */
    size_t depth;
    struct xapi_value *root, *current;
    unsigned count;
    bool is_fault;
    char *name; /* of the member whose value has not come yet */
    uint8_t *text;
    size_t text_len, text_capacity;
    const char *problem; /* NULL: none so far */
};

static void stop(struct parser *parser, const char *problem)
{
    if (parser->problem == NULL) {
        parser->problem = problem;
        XML_StopParser(parser->expat, XML_FALSE);
    }
}

static struct frame *top(struct parser *parser)
{
    return &parser->frames[parser->depth];
}

static bool is_space(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void append_text(struct parser *parser, const char *text, size_t len)
{
    if (len > parser->text_capacity - parser->text_len) {
        size_t capacity = parser->text_len + len + parser->text_len / 2;
        uint8_t *grown = realloc(parser->text, capacity);
        if (grown == NULL) {
            stop(parser, "no memory");
            return;
        }
        parser->text = grown;
        parser->text_capacity = capacity;
    }
    memcpy(parser->text + parser->text_len, text, len);
    parser->text_len += len;
}

/* What was collected becomes the caller's. */
static struct span take_text(struct parser *parser)
{
    struct span text = span_of(parser->text, parser->text_len);

    parser->text = NULL;
    parser->text_len = parser->text_capacity = 0;
    return text;
}

static void on_text(void *self, const char *text, int len)
{
    struct parser *parser = self;
    const struct frame *frame = top(parser);

    if (parser->problem != NULL || len <= 0) {
        return;
    }
    if (frame->element == SCALAR || frame->element == NAME ||
        (frame->element == VALUE && !frame->typed)) {
        append_text(parser, text, (size_t)len);
    } else if (!is_space(text, (size_t)len)) {
        stop(parser, "text where none may be");
    }
}

/* Why a value may not begin here, or NULL. */
static const char *value_problem(const struct parser *parser, enum element parent)
{
    const struct xapi_value *holder = parser->current;

    if (holder == NULL && parser->root != NULL) {
        return "more than one value";
    }
    if (parent == MEMBER &&
        (parser->name == NULL || xapi_value_member(holder, parser->name) != NULL)) {
        return "a struct's member without a name of its own";
    }
    return parser->count == XAPI_VALUE_COUNT_MAX ? "too many values" : NULL;
}

/* A new node below the current one, which it becomes itself. */
static void begin_value(struct parser *parser, enum element parent)
{
    struct xapi_value *holder = parser->current;
    const char *problem = value_problem(parser, parent);
    struct xapi_value *value = problem == NULL ? calloc(1, sizeof(*value)) : NULL;

    if (value == NULL) {
        stop(parser, problem != NULL ? problem : "no memory");
        return;
    }
    parser->count++;
    value->name = take_ptr(parser->name);
    value->parent = holder;
    if (holder == NULL) {
        parser->root = value;
    } else if (holder->first == NULL) {
        holder->first = holder->last = value;
    } else {
        holder->last = holder->last->next = value;
    }
    parser->current = value;
}

/* The element that gives the current value its type. */
static void begin_typed(struct parser *parser, enum element element)
{
    struct frame *value = top(parser);

    if (value->typed || !is_space((const char *)parser->text, parser->text_len)) {
        stop(parser, "a value with two contents");
        return;
    }
    value->typed = true;
    parser->text_len = 0;
    parser->current->kind = element == STRUCT  ? XAPI_STRUCT
                            : element == ARRAY ? XAPI_ARRAY
                            : element == NIL   ? XAPI_NIL
                                               : XAPI_TEXT;
}

static void begin_element(struct parser *parser, enum element element)
{
    enum element parent = top(parser)->element;

    if (parser->depth == XAPI_VALUE_DEPTH_MAX) {
        stop(parser, "elements too deep within one another");
        return;
    }
    if (element == VALUE) {
        begin_value(parser, parent);
    } else if (parent == VALUE) {
        begin_typed(parser, element);
    } else if (element == FAULT) {
        parser->is_fault = true;
    }
    parser->frames[++parser->depth] = (struct frame){.element = element};
}

static void on_begin(void *self, const char *name, const char **attributes)
{
    struct parser *parser = self;

    (void)attributes;
    if (parser->problem != NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(grammar) / sizeof(grammar[0]); i++) {
        if (strcmp(grammar[i].name, name) == 0 &&
            (grammar[i].parents & IN(top(parser)->element)) != 0) {
            begin_element(parser, grammar[i].element);
            return;
        }
    }
    stop(parser, "an element that XML-RPC does not have there");
}

static void end_name(struct parser *parser)
{
    if (parser->name != NULL) {
        stop(parser, "a struct's member with two names");
        return;
    }
    append_text(parser, "", 1);
    parser->name = (char *)take_text(parser).data;
}

static void on_end(void *self, const char *name)
{
    struct parser *parser = self;

    (void)name;
    if (parser->problem != NULL) {
        return;
    }
    const struct frame ended = *top(parser);
    parser->depth--;
    if (ended.element == NAME) {
        end_name(parser);
    } else if (ended.element == MEMBER && parser->name != NULL) {
        stop(parser, "a struct's member without a value");
    } else if (ended.element == SCALAR || (ended.element == VALUE && !ended.typed)) {
        parser->current->text = take_text(parser);
    }
    if (ended.element == VALUE) {
        parser->current = parser->current->parent;
    }
}

/* Only a document type can define entities, and XML-RPC has none. */
static void on_doctype(void *self, const char *name, const char *system, const char *public,
                       int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(self, "a document type");
}

static bool parse(struct parser *parser, struct span xml, struct err *err)
{
    XML_SetUserData(parser->expat, parser);
    XML_SetElementHandler(parser->expat, on_begin, on_end);
    XML_SetCharacterDataHandler(parser->expat, on_text);
    XML_SetStartDoctypeDeclHandler(parser->expat, on_doctype);
    if (xml.len > INT_MAX) {
        return err_set(err, "the answer is too long");
    }
    if (XML_Parse(parser->expat, (const char *)xml.data, (int)xml.len, XML_TRUE) != XML_STATUS_OK) {
        return err_set(err, "the answer is not XML-RPC: %s",
                       parser->problem != NULL ? parser->problem
                                               : XML_ErrorString(XML_GetErrorCode(parser->expat)));
    }
    return parser->root != NULL || err_set(err, "the answer is not XML-RPC: no value in it");
}

struct xapi_value *xapi_value_parse(struct span xml, bool *is_fault, struct err *err)
{
    /* Expat's own choice; named here so that a test that makes allocations fail reaches them. */
    static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
    struct parser parser = {.expat = XML_ParserCreate_MM("UTF-8", &memory, NULL)};

    if (parser.expat == NULL) {
        err_set(err, "no memory to read the answer");
        return NULL;
    }
    bool ok = parse(&parser, xml, err);
    XML_ParserFree(parser.expat);
    free(parser.name);
    free(parser.text);
    if (!ok) {
        xapi_value_free(parser.root);
        return NULL;
    }
    *is_fault = parser.is_fault;
    return parser.root;
}

void xapi_value_free(struct xapi_value *value)
{
    while (value != NULL) {
        struct xapi_value *next = value->next;

        xapi_value_free(value->first);
        free(value->name);
        free((void *)value->text.data);
        free(value);
        value = next;
    }
}

const struct xapi_value *xapi_value_member(const struct xapi_value *value, const char *name)
{
    const struct xapi_value *member =
        value != NULL && value->kind == XAPI_STRUCT ? value->first : NULL;

    while (member != NULL && strcmp(member->name, name) != 0) {
        member = member->next;
    }
    return member;
}
