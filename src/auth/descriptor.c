// SPDX-License-Identifier: BSD-2-Clause
#include "auth/descriptor.h"

#define WIN_CERT_REVISION 0x0200u
#define WIN_CERT_TYPE_EFI_GUID 0x0ef1u

static const struct guid cert_type_pkcs7 =
    GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);

/* UEFI 2.10, 8.2.2, step 2: Pad1, Nanosecond, TimeZone, Daylight and Pad2 shall be zero. */
static bool time_is_plain(const struct efi_time *time)
{
    return time->pad1 == 0 && time->nanosecond == 0 && time->timezone == 0 && time->daylight == 0 &&
           time->pad2 == 0;
}

static bool read_time(struct descriptor *out, struct reader *reader)
{
    if (!reader_span(reader, &out->time_bytes, EFI_TIME_SIZE)) {
        return false;
    }
    struct reader fields = reader_of(out->time_bytes);
    return reader_time(&fields, &out->time) && time_is_plain(&out->time);
}

/* UEFI 2.10, 32.2.4 (WIN_CERTIFICATE_UEFI_GUID) and 8.2.2, step 1. */
static bool read_certificate(struct descriptor *out, struct reader *reader)
{
    uint32_t length;
    uint16_t revision;
    uint16_t type;
    struct guid cert_type;

    if (!reader_u32le(reader, &length) || !reader_u16le(reader, &revision) ||
        !reader_u16le(reader, &type) || !reader_guid(reader, &cert_type)) {
        return false;
    }
    return revision == WIN_CERT_REVISION && type == WIN_CERT_TYPE_EFI_GUID &&
           guid_equal(&cert_type, &cert_type_pkcs7) && length >= DESCRIPTOR_CERTIFICATE_SIZE &&
           reader_span(reader, &out->pkcs7, length - DESCRIPTOR_CERTIFICATE_SIZE);
}

bool descriptor_parse(struct descriptor *out, struct span data)
{
    struct reader reader = reader_of(data);

    *out = (struct descriptor){0};
    if (!read_time(out, &reader) || !read_certificate(out, &reader)) {
        return false;
    }
    out->payload = reader.rest;
    return true;
}
