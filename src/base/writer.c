// SPDX-License-Identifier: BSD-2-Clause
#include "base/writer.h"

/* Room for len more bytes, or NULL with the error stuck. */
static uint8_t *writer_room(struct writer *writer, size_t len)
{
    if (writer->overflow || len > writer->capacity - writer->len) {
        writer->overflow = true;
        return NULL;
    }
    uint8_t *room = writer->data + writer->len;
    writer->len += len;
    return room;
}

void writer_bytes(struct writer *writer, struct span bytes)
{
    uint8_t *room = writer_room(writer, bytes.len);

    if (room != NULL && bytes.len > 0) {
        memcpy(room, bytes.data, bytes.len);
    }
}

void writer_zeros(struct writer *writer, size_t len)
{
    uint8_t *room = writer_room(writer, len);

    if (room != NULL && len > 0) {
        memset(room, 0, len);
    }
}

/* size bytes, at most 8, of value, lowest first */
static void writer_number(struct writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    writer_bytes(writer, span_of(bytes, size));
}

void writer_u8(struct writer *writer, uint8_t value)
{
    writer_number(writer, value, 1);
}

void writer_u16le(struct writer *writer, uint16_t value)
{
    writer_number(writer, value, 2);
}

void writer_u32le(struct writer *writer, uint32_t value)
{
    writer_number(writer, value, 4);
}

void writer_u64le(struct writer *writer, uint64_t value)
{
    writer_number(writer, value, 8);
}

void writer_guid(struct writer *writer, const struct guid *guid)
{
    writer_bytes(writer, span_of(guid->bytes, GUID_SIZE));
}

void writer_time(struct writer *writer, const struct efi_time *time)
{
    writer_u16le(writer, time->year);
    writer_u8(writer, time->month);
    writer_u8(writer, time->day);
    writer_u8(writer, time->hour);
    writer_u8(writer, time->minute);
    writer_u8(writer, time->second);
    writer_u8(writer, time->pad1);
    writer_u32le(writer, time->nanosecond);
    writer_u16le(writer, (uint16_t)time->timezone);
    writer_u8(writer, time->daylight);
    writer_u8(writer, time->pad2);
}
