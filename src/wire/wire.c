// SPDX-License-Identifier: BSD-2-Clause
#include "wire/wire.h"

#include "base/reader.h"

/*
 * The fields of each command, in the order they lie in the buffer behind version and command. A
 * counted field is a u64 length and that many bytes; GetNextVariableName alone has a capacity in
 * front of its name.
 */
enum field {
    FIELD_END,
    FIELD_NAME,       /* u64 length in bytes, UTF-16LE */
    FIELD_DATA,       /* u64 length in bytes, bytes */
    FIELD_GUID,       /* 16 bytes */
    FIELD_CAPACITY,   /* u64 */
    FIELD_ATTRIBUTES, /* u32 */
    FIELD_AT_RUNTIME, /* u8 */
};

static const uint8_t command_fields[][6] = {
    [WIRE_GET_VARIABLE] = {FIELD_NAME, FIELD_GUID, FIELD_CAPACITY, FIELD_AT_RUNTIME},
    [WIRE_SET_VARIABLE] = {FIELD_NAME, FIELD_GUID, FIELD_DATA, FIELD_ATTRIBUTES, FIELD_AT_RUNTIME},
    [WIRE_GET_NEXT_VARIABLE_NAME] = {FIELD_CAPACITY, FIELD_NAME, FIELD_GUID, FIELD_AT_RUNTIME},
    [WIRE_QUERY_VARIABLE_INFO] = {FIELD_ATTRIBUTES},
    [WIRE_NOTIFY_SECURE_BOOT_FAILURE] = {FIELD_END},
};

#define COMMAND_COUNT (sizeof(command_fields) / sizeof(command_fields[0]))

/* UEFI 2.10, 8.2: sizes are counted in bytes; the limits are the project's (docs/PROTOCOL.md). */
static efi_status read_name(struct reader *reader, struct span *name)
{
    uint64_t len;

    if (!reader_u64le(reader, &len) || len > WIRE_NAME_MAX || len % 2 != 0 ||
        !reader_span(reader, name, len)) {
        return EFI_INVALID_PARAMETER;
    }
    return EFI_SUCCESS;
}

static efi_status read_data(struct reader *reader, struct span *data)
{
    uint64_t len;

    if (!reader_u64le(reader, &len)) {
        return EFI_INVALID_PARAMETER;
    }
    if (len > WIRE_DATA_MAX) {
        return EFI_OUT_OF_RESOURCES;
    }
    return reader_span(reader, data, len) ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
}

static efi_status read_field(struct reader *reader, enum field field, struct request *out)
{
    bool ok = false;
    uint8_t flag;

    switch (field) {
    case FIELD_NAME:
        return read_name(reader, &out->name);
    case FIELD_DATA:
        return read_data(reader, &out->data);
    case FIELD_GUID:
        ok = reader_guid(reader, &out->guid);
        break;
    case FIELD_CAPACITY:
        ok = reader_u64le(reader, &out->capacity);
        break;
    case FIELD_ATTRIBUTES:
        ok = reader_u32le(reader, &out->attributes);
        break;
    case FIELD_AT_RUNTIME:
        ok = reader_u8(reader, &flag);
        out->at_runtime = ok && flag != 0;
        break;
    case FIELD_END:
        break;
    }
    return ok ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
}

/* Reads version and command; false when they aren't there or the version isn't ours. */
static bool read_head(struct reader *reader, uint32_t *command)
{
    uint32_t version;

    return reader_u32le(reader, &version) && version == WIRE_VERSION &&
           reader_u32le(reader, command);
}

efi_status wire_decode_request(struct request *out, struct span buffer)
{
    struct reader reader = reader_of(buffer);

    *out = (struct request){0};
    if (!read_head(&reader, &out->command)) {
        return EFI_DEVICE_ERROR;
    }
    if (out->command >= COMMAND_COUNT) {
        return EFI_SUCCESS;
    }
    for (const uint8_t *field = command_fields[out->command]; *field != FIELD_END; field++) {
        efi_status status = read_field(&reader, (enum field) * field, out);
        if (status != EFI_SUCCESS) {
            return status;
        }
    }
    return EFI_SUCCESS;
}

/* What a field takes, given what is there of it: a counted field whose length isn't there takes the
 * length's 8 bytes. */
static size_t field_extent(enum field field, struct reader *reader)
{
    static const uint8_t sizes[] = {
        [FIELD_GUID] = 16, [FIELD_CAPACITY] = 8, [FIELD_ATTRIBUTES] = 4, [FIELD_AT_RUNTIME] = 1};
    uint64_t len;

    if (field != FIELD_NAME && field != FIELD_DATA) {
        return sizes[field];
    }
    if (!reader_u64le(reader, &len)) {
        return sizeof(len);
    }
    /* A length over its limit makes the request invalid whatever comes behind it. */
    return len <= (field == FIELD_NAME ? WIRE_NAME_MAX : WIRE_DATA_MAX) ? (size_t)len : 0;
}

size_t wire_request_extent(struct span prefix)
{
    struct reader reader = reader_of(prefix);
    uint32_t command;

    if (!read_head(&reader, &command) || command >= COMMAND_COUNT) {
        return 8;
    }
    for (const uint8_t *field = command_fields[command]; *field != FIELD_END; field++) {
        size_t extent = field_extent((enum field) * field, &reader);
        if (!reader_skip(&reader, extent)) {
            return prefix.len - reader.rest.len + extent;
        }
    }
    return prefix.len - reader.rest.len;
}

void wire_reply_status(struct writer *reply, efi_status status)
{
    writer_u64le(reply, status);
}

void wire_reply_get(struct writer *reply, uint32_t attributes, struct span data)
{
    writer_u64le(reply, EFI_SUCCESS);
    writer_u32le(reply, attributes);
    writer_u64le(reply, data.len);
    writer_bytes(reply, data);
}

void wire_reply_next(struct writer *reply, struct span name, const struct guid *guid)
{
    writer_u64le(reply, EFI_SUCCESS);
    writer_u64le(reply, name.len);
    writer_bytes(reply, name);
    writer_guid(reply, guid);
}

void wire_reply_query(struct writer *reply, uint64_t maximum_storage, uint64_t remaining_storage,
                      uint64_t maximum_variable_size)
{
    writer_u64le(reply, EFI_SUCCESS);
    writer_u64le(reply, maximum_storage);
    writer_u64le(reply, remaining_storage);
    writer_u64le(reply, maximum_variable_size);
}

void wire_reply_too_small(struct writer *reply, uint64_t needed)
{
    writer_u64le(reply, EFI_BUFFER_TOO_SMALL);
    writer_u64le(reply, needed);
}
