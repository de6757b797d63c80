// SPDX-License-Identifier: BSD-2-Clause
#include "base/base64.h"

#define QUANTUM 4 /* characters, for 3 bytes */
#define NO_DIGIT 64

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* bytes: 1 to 3 of them */
static void encode_quantum(struct writer *out, struct span bytes)
{
    uint32_t bits = 0;
    uint8_t text[QUANTUM];

    for (size_t i = 0; i < 3; i++) {
        bits = bits << 8 | (i < bytes.len ? bytes.data[i] : 0);
    }
    for (size_t i = 0; i < QUANTUM; i++) {
        text[i] = i > bytes.len ? '=' : (uint8_t)digits[bits >> (18 - 6 * i) & 63];
    }
    writer_bytes(out, span_of(text, sizeof(text)));
}

void base64_encode(struct writer *out, struct span bytes)
{
    struct reader reader = reader_of(bytes);
    struct span quantum;

    while (reader_span(&reader, &quantum, 3)) {
        encode_quantum(out, quantum);
    }
    if (!reader_end(&reader)) {
        encode_quantum(out, reader.rest);
    }
}

static uint32_t digit_value(uint8_t character)
{
    if (character >= 'A' && character <= 'Z') {
        return character - 'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - 'a' + 26u;
    }
    if (character >= '0' && character <= '9') {
        return character - '0' + 52u;
    }
    return character == '+' ? 62 : character == '/' ? 63 : NO_DIGIT;
}

/* text: QUANTUM characters, the last up to two of them padding only when they end the text */
static bool decode_quantum(struct writer *out, struct span text, bool last)
{
    size_t count = QUANTUM;
    uint32_t bits = 0;
    uint8_t bytes[3];

    while (last && count > 2 && text.data[count - 1] == '=') {
        count--;
    }
    for (size_t i = 0; i < QUANTUM; i++) {
        uint32_t value = i < count ? digit_value(text.data[i]) : 0;
        if (value == NO_DIGIT) {
            return false;
        }
        bits = bits << 6 | value;
    }
    for (size_t i = 0; i < 3; i++) {
        bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
    }
    size_t len = count - 1;
    writer_bytes(out, span_of(bytes, len));
    return len == 3 || bytes[len] == 0;
}

bool base64_decode(struct writer *out, struct span text)
{
    struct reader reader = reader_of(text);
    struct span quantum;

    while (reader_span(&reader, &quantum, QUANTUM)) {
        if (!decode_quantum(out, quantum, reader_end(&reader))) {
            return false;
        }
    }
    return reader_end(&reader) && writer_ok(out);
}
