// SPDX-License-Identifier: BSD-2-Clause
/*
 * The JSON of virt-firmware and QEMU: {"version": 2, "variables": [{"name", "guid", "attr", "data",
 * "time", "digest"}]}, with bytes in hexadecimal.
 */
#include "tools/format.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "tools/hex.h"
#include "tools/tree.h"

static bool detect(struct span bytes)
{
    size_t i = 0;

    while (i < bytes.len && strchr(" \t\r\n", bytes.data[i]) != NULL) {
        i++;
    }
    return i < bytes.len && bytes.data[i] == '{';
}

/* An optional member of exactly so many bytes; empty text counts as none. */
static bool read_optional(const json_t *object, const char *member, uint8_t *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, member));
    size_t len;

    return text == NULL || *text == '\0' || (hex_read(text, out, size, &len) && len == size);
}

static bool read_variable(const json_t *object, struct variable *out, uint8_t *name, uint8_t *data)
{
    const char *name_text = json_string_value(json_object_get(object, "name"));
    const char *guid_text = json_string_value(json_object_get(object, "guid"));
    const char *data_text = json_string_value(json_object_get(object, "data"));
    json_t *attributes = json_object_get(object, "attr");
    uint8_t time[EFI_TIME_SIZE] = {0};
    size_t data_len;

    *out = (struct variable){0};
    if (name_text == NULL || guid_text == NULL || data_text == NULL ||
        !json_is_integer(attributes) || json_integer_value(attributes) < 0 ||
        json_integer_value(attributes) > UINT32_MAX || !guid_parse(&out->guid, guid_text) ||
        !hex_read(data_text, data, strlen(data_text) / 2, &data_len) ||
        !read_optional(object, "time", time, sizeof(time)) ||
        !read_optional(object, "digest", out->owner, OWNER_SIZE)) {
        return false;
    }
    struct reader reader = reader_of(span_of(time, sizeof(time)));
    out->name = span_of(name, efi_name_parse(name, WIRE_NAME_MAX, name_text));
    out->data = span_of(data, data_len);
    out->attributes = (uint32_t)json_integer_value(attributes);
    return reader_time(&reader, &out->time);
}

static bool take_variable(struct document *out, const json_t *object, size_t index, struct err *err)
{
    const char *data_text = json_string_value(json_object_get(object, "data"));
    uint8_t name[WIRE_NAME_MAX];
    struct variable variable;
    auto_free uint8_t *data = malloc(data_text == NULL ? 1 : strlen(data_text) / 2 + 1);

    if (data == NULL) {
        return err_set(err, "out of memory");
    }
    if (!read_variable(object, &variable, name, data)) {
        return err_set(err, "variables[%zu] is not a variable (name, guid, attr, data)", index);
    }
    return document_add(out, &variable) || err_set(err, "out of memory");
}

static bool decode(struct document *out, struct span bytes, struct err *err)
{
    json_error_t why;
    auto_tree json_t *root = json_loadb((const char *)bytes.data, bytes.len, 0, &why);
    const json_t *variables = json_object_get(root, "variables");

    if (root == NULL) {
        return err_set(err, "it is not JSON: line %d: %s", why.line, why.text);
    }
    if (!json_is_array(variables)) {
        return err_set(err, "the JSON has no array \"variables\"");
    }
    for (size_t i = 0; i < json_array_size(variables); i++) {
        if (!take_variable(out, json_array_get(variables, i), i, err)) {
            return false;
        }
    }
    return true;
}

static json_t *hex(struct span bytes)
{
    static const char digits[] = "0123456789abcdef";
    auto_free char *text = malloc(bytes.len * 2 + 1);

    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    return json_stringn(text, bytes.len * 2);
}

static bool any_set(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return true;
        }
    }
    return false;
}

/* True where there is nothing to add, too. */
static bool add_hex(json_t *object, const char *member, struct span bytes)
{
    return !any_set(bytes.data, bytes.len) || json_object_set_new(object, member, hex(bytes)) == 0;
}

/* NULL without memory. */
static json_t *make_variable(const struct variable *variable)
{
    char name[WIRE_NAME_MAX * 3];
    char guid[GUID_TEXT_SIZE];
    uint8_t time[EFI_TIME_SIZE];
    struct writer writer = writer_of(time, sizeof(time));

    writer_time(&writer, &variable->time);
    json_t *object = json_pack("{s:s, s:s, s:I, s:o}", "name",
                               efi_name_format(name, sizeof(name), variable->name), "guid",
                               guid_format(guid, &variable->guid), "attr",
                               (json_int_t)variable->attributes, "data", hex(variable->data));
    if (object != NULL && (!add_hex(object, "time", span_of(time, sizeof(time))) ||
                           !add_hex(object, "digest", span_of(variable->owner, OWNER_SIZE)))) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* A name of unpaired surrogates or control characters isn't what its text reads back as. */
static bool name_survives(const struct variable *variable)
{
    char text[WIRE_NAME_MAX * 3];
    uint8_t bytes[WIRE_NAME_MAX];
    size_t len =
        efi_name_parse(bytes, sizeof(bytes), efi_name_format(text, sizeof(text), variable->name));

    return span_equal(variable->name, span_of(bytes, len));
}

/* False without memory. */
static bool add_variable(json_t *variables, const struct variable *variable, struct notes *notes)
{
    char name[128];

    if ((variable->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
        return true;
    }
    if (!name_survives(variable)) {
        notes_add(notes, "the variable %s is left out: its name can't be written as text",
                  efi_name_format(name, sizeof(name), variable->name));
        return true;
    }
    return json_array_append_new(variables, make_variable(variable)) == 0;
}

static json_t *make_root(const struct document *document, struct notes *notes)
{
    auto_tree json_t *root = json_pack("{s:i, s:[]}", "version", 2, "variables");
    json_t *variables = json_object_get(root, "variables");

    if (root == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < store_count(document->store); i++) {
        if (!add_variable(variables, store_at(document->store, i), notes)) {
            return NULL;
        }
    }
    return take_ptr(root);
}

struct text {
    uint8_t *bytes;
    size_t len, capacity;
    bool failed;
};

/* json_dumps goes on when it can't append an object's key: so the failure is kept here. */
static int append(const char *part, size_t len, void *self)
{
    struct text *text = self;

    if (text->len + len > text->capacity) {
        size_t capacity = 2 * (text->len + len);
        uint8_t *larger = realloc(text->bytes, capacity);

        if (larger == NULL) {
            text->failed = true;
            return -1;
        }
        text->bytes = larger;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->len, part, len);
    text->len += len;
    return 0;
}

static uint8_t *encode(const struct document *document, struct span old, struct notes *notes,
                       size_t *len, struct err *err)
{
    struct text text = {0};

    (void)old;
    format_note_volatile(document, notes);
    auto_tree json_t *root = make_root(document, notes);
    if (root == NULL || json_dump_callback(root, append, &text, JSON_INDENT(4)) != 0 ||
        append("\n", 1, &text) != 0 || text.failed) {
        err_set(err, "out of memory");
        free(text.bytes);
        return NULL;
    }
    *len = text.len;
    return text.bytes;
}

const struct format FORMAT_JSON = {"json", detect, decode, encode};
