// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bounded writer of little-endian bytes into memory that the caller owns.
 *
 * What does not fit is not written, and the error sticks: check writer_ok() once, at the end.
 */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include "base/efi.h"

struct writer {
    uint8_t *data;
    size_t capacity; /* bytes at data */
    size_t len;      /* bytes written */
    bool overflow;
};

static inline struct writer writer_of(void *data, size_t capacity)
{
    return (struct writer){.data = data, .capacity = capacity};
}

void writer_bytes(struct writer *writer, struct span bytes);
void writer_zeros(struct writer *writer, size_t len);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16le(struct writer *writer, uint16_t value);
void writer_u32le(struct writer *writer, uint32_t value);
void writer_u64le(struct writer *writer, uint64_t value);
void writer_guid(struct writer *writer, const struct guid *guid);
void writer_time(struct writer *writer, const struct efi_time *time);

static inline bool writer_ok(const struct writer *writer)
{
    return !writer->overflow;
}

/* What has been written so far. */
static inline struct span writer_span(const struct writer *writer)
{
    return span_of(writer->data, writer->len);
}

#endif
