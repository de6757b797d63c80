// SPDX-License-Identifier: BSD-2-Clause
#include "base/reader.h"

bool reader_span(struct reader *reader, struct span *out, uint64_t len)
{
    if (len > reader->rest.len) {
        return false;
    }
    *out = span_of(reader->rest.data, (size_t)len);
    if (len > 0) {
        reader->rest.data += len;
        reader->rest.len -= (size_t)len;
    }
    return true;
}

bool reader_skip(struct reader *reader, uint64_t len)
{
    struct span skipped;

    return reader_span(reader, &skipped, len);
}

bool reader_copy(struct reader *reader, void *out, size_t len)
{
    struct span bytes;

    if (!reader_span(reader, &bytes, len)) {
        return false;
    }
    if (len > 0) {
        memcpy(out, bytes.data, len);
    }
    return true;
}

/* size bytes, at most 8, as one little-endian number */
static bool reader_number(struct reader *reader, uint64_t *out, size_t size)
{
    struct span bytes;
    uint64_t value = 0;

    if (!reader_span(reader, &bytes, size)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes.data[i] << (8 * i);
    }
    *out = value;
    return true;
}

bool reader_u8(struct reader *reader, uint8_t *out)
{
    return reader_copy(reader, out, 1);
}

bool reader_u16le(struct reader *reader, uint16_t *out)
{
    uint64_t value;

    if (!reader_number(reader, &value, 2)) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

bool reader_u32le(struct reader *reader, uint32_t *out)
{
    uint64_t value;

    if (!reader_number(reader, &value, 4)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool reader_u64le(struct reader *reader, uint64_t *out)
{
    return reader_number(reader, out, 8);
}

bool reader_guid(struct reader *reader, struct guid *out)
{
    return reader_copy(reader, out->bytes, GUID_SIZE);
}

bool reader_time(struct reader *reader, struct efi_time *out)
{
    struct span bytes;

    if (!reader_span(reader, &bytes, EFI_TIME_SIZE)) {
        return false;
    }
    struct reader fields = reader_of(bytes);
    uint16_t timezone;
    bool ok = reader_u16le(&fields, &out->year) && reader_u8(&fields, &out->month) &&
              reader_u8(&fields, &out->day) && reader_u8(&fields, &out->hour) &&
              reader_u8(&fields, &out->minute) && reader_u8(&fields, &out->second) &&
              reader_u8(&fields, &out->pad1) && reader_u32le(&fields, &out->nanosecond) &&
              reader_u16le(&fields, &timezone) && reader_u8(&fields, &out->daylight) &&
              reader_u8(&fields, &out->pad2);
    if (ok) {
        out->timezone = (int16_t)timezone;
    }
    return ok;
}
