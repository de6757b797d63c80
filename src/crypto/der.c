// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/der.h"

bool der_next_is(const struct reader *reader, uint8_t tag)
{
    return reader->rest.len > 0 && reader->rest.data[0] == tag;
}

/* X.690, 8.1.3 and 10.1: the definite form, in as few bytes as it takes. */
static bool read_length(struct reader *reader, uint32_t *out)
{
    uint8_t first;
    uint32_t len = 0;

    if (!reader_u8(reader, &first)) {
        return false;
    }
    if (first < 0x80) {
        *out = first;
        return true;
    }
    unsigned count = first & 0x7fu;
    if (count < 1 || count > sizeof(len)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        uint8_t byte;
        if (!reader_u8(reader, &byte)) {
            return false;
        }
        len = len << 8 | byte;
    }
    *out = len;
    return len >= 0x80 && len >> 8 * (count - 1) != 0;
}

bool der_read_any(struct reader *reader, struct der_value *out)
{
    struct reader at = *reader;
    uint8_t tag;
    uint32_t len;
    struct span content;

    /* 0x1f: the tag would go on in further bytes. */
    if (!reader_u8(&at, &tag) || (tag & 0x1f) == 0x1f || !read_length(&at, &len) ||
        !reader_span(&at, &content, len)) {
        return false;
    }
    *out = (struct der_value){
        .tag = tag,
        .content = content,
        .whole = span_of(reader->rest.data, reader->rest.len - at.rest.len),
    };
    *reader = at;
    return true;
}

static bool read_tagged(struct reader *reader, uint8_t tag, struct der_value *out)
{
    return der_next_is(reader, tag) && der_read_any(reader, out);
}

bool der_read(struct reader *reader, uint8_t tag, struct span *content)
{
    struct der_value value;

    if (!read_tagged(reader, tag, &value)) {
        return false;
    }
    *content = value.content;
    return true;
}

bool der_enter(struct reader *reader, uint8_t tag, struct reader *inside)
{
    return der_read(reader, tag, &inside->rest);
}

bool der_read_whole(struct reader *reader, uint8_t tag, struct span *whole)
{
    struct der_value value;

    if (!read_tagged(reader, tag, &value)) {
        return false;
    }
    *whole = value.whole;
    return true;
}

bool der_read_unsigned(struct reader *reader, struct span *magnitude)
{
    struct reader at = *reader;
    struct span content;

    if (!der_read(&at, DER_INTEGER, &content) || content.len == 0 ||
        (content.data[0] & 0x80) != 0) {
        return false;
    }
    if (content.data[0] == 0) {
        content = span_of(content.data + 1, content.len - 1);
        /* X.690, 8.3.2: a leading zero is there only to keep the number from being negative. */
        if (content.len > 0 && (content.data[0] & 0x80) == 0) {
            return false;
        }
    }
    *magnitude = content;
    *reader = at;
    return true;
}

bool der_read_small(struct reader *reader, uint32_t *out)
{
    struct reader at = *reader;
    struct span magnitude;
    uint32_t value = 0;

    if (!der_read_unsigned(&at, &magnitude) || magnitude.len > 2) {
        return false;
    }
    for (size_t i = 0; i < magnitude.len; i++) {
        value = value << 8 | magnitude.data[i];
    }
    *out = value;
    *reader = at;
    return true;
}

bool der_read_bits(struct reader *reader, struct span *bytes)
{
    struct reader at = *reader;
    struct reader inside;
    uint8_t unused;

    if (!der_enter(&at, DER_BIT_STRING, &inside) || !reader_u8(&inside, &unused) || unused != 0) {
        return false;
    }
    *bytes = inside.rest;
    *reader = at;
    return true;
}
