// SPDX-License-Identifier: BSD-2-Clause
/* The VARS format, raw and in base64. */
#include "tools/format.h"

#include "backend/vars.h"
#include "base/base64.h"
#include "base/cleanup.h"

static bool detect_vars(struct span bytes)
{
    return bytes.len >= 4 && memcmp(bytes.data, "VARS", 4) == 0;
}

static bool take_variable(void *self, const struct variable *variable)
{
    return document_add(self, variable);
}

static void take_device(void *self, const struct device_state *state)
{
    struct document *document = self;

    document->device = *state;
}

static void take_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    struct document *document = self;
    char text[128];

    (void)guid;
    notes_add(&document->notes, "the variable %s is left out: %s",
              efi_name_format(text, sizeof(text), name), reason);
}

static bool decode_vars(struct document *out, struct span bytes, struct err *err)
{
    const struct vars_sink sink = {out, take_variable, take_device, take_rejected};

    return vars_decode(bytes, &sink, err);
}

static uint8_t *encode_vars(const struct document *document, struct span old, struct notes *notes,
                            size_t *len, struct err *err)
{
    static const struct device_state none;

    (void)old;
    format_note_volatile(document, notes);
    if (memcmp(&document->device, &none, sizeof(none)) != 0) {
        notes_add(notes,
                  "what a suspended VM has beside its variables (MOR key, physical presence) "
                  "is left out");
    }
    return vars_encode_store(document->store, len, err);
}

const struct format FORMAT_VARS = {"vars", detect_vars, decode_vars, encode_vars};

/* ------------------------------------------------------------------------------------- base64 */

static struct span trimmed(struct span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

/* "VARS" in base64, without the bits that it shares with the next byte. */
static bool detect_base64(struct span bytes)
{
    return bytes.len >= 5 && memcmp(bytes.data, "VkFSU", 5) == 0;
}

static bool decode_base64(struct document *out, struct span bytes, struct err *err)
{
    struct span text = trimmed(bytes);
    size_t capacity = base64_decoded_size(text.len) + 1;
    auto_free uint8_t *blob = malloc(capacity);

    if (blob == NULL) {
        return err_set(err, "out of memory");
    }
    struct writer writer = writer_of(blob, capacity);
    return base64_decode(&writer, text)
               ? decode_vars(out, writer_span(&writer), err)
               : err_set(err, "it is not base64 as XAPI has it (padded, on one line)");
}

static uint8_t *encode_base64(const struct document *document, struct span old, struct notes *notes,
                              size_t *len, struct err *err)
{
    size_t blob_len;
    auto_free uint8_t *blob = encode_vars(document, old, notes, &blob_len, err);

    if (blob == NULL) {
        return NULL;
    }
    *len = base64_encoded_size(blob_len) + 1;
    uint8_t *text = malloc(*len);
    if (text == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    struct writer writer = writer_of(text, *len);
    base64_encode(&writer, span_of(blob, blob_len));
    writer_u8(&writer, '\n');
    return text;
}

const struct format FORMAT_BASE64 = {"base64", detect_base64, decode_base64, encode_base64};
