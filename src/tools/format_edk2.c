// SPDX-License-Identifier: BSD-2-Clause
/*
 * edk2's variable store in a firmware volume: OVMF_VARS.fd, as QEMU and libvirt users have it.
 *
 *     EFI_FIRMWARE_VOLUME_HEADER   u8 zero[16], GUID of the file system, u64 length, "_FVH",
 *                                  u32 attributes, u16 header length, ...
 *     VARIABLE_STORE_HEADER        GUID, u32 size, u8 format, u8 state, 6 reserved
 *     records                      each at a multiple of 4 from the volume's start
 *
 *     record: u16 0x55aa, u8 state, u8 0, u32 attributes, u64 count, EFI_TIME, u32 key index,
 *             u32 name size, u32 data size, GUID, name with its terminator, data
 *
 * A record is deleted by clearing bits of its state. While it is replaced, the old one is in
 * transition: it counts only when the new one isn't there. The signers of private authenticated
 * variables are in the variable certdb, by the same digest that this project calls the owner.
 */
#include "tools/format.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "base/reader.h"
#include "tools/format_certdb.h"

#define VOLUME_SIZE_4M 0x84000u /* of OVMF_VARS_4M.fd, the layout of a new file */
#define STORE_END_4M 0x40000u
#define WORKING_BLOCK_4M 0x41000u
#define VOLUME_HEADER_SIZE 0x48u
#define VOLUME_ATTRIBUTES 0x0004feffu
#define STORE_HEADER_SIZE 28u
#define STORE_FORMATTED 0x5au
#define STORE_HEALTHY 0xfeu
#define RECORD_START 0x55aau
#define RECORD_HEAD_SIZE 60u
#define RECORD_ADDED 0x3fu
#define RECORD_IN_TRANSITION 0x3eu
#define ALIGNMENT 4u

static const struct guid nv_data =
    GUID_INIT(0xfff12b8d, 0x7696, 0x4c8b, 0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50);
static const struct guid authenticated_store =
    GUID_INIT(0xaaf32c78, 0x947b, 0x439a, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92);
static const struct guid plain_store =
    GUID_INIT(0xddcf3616, 0x3275, 0x4164, 0x98, 0xb6, 0xfe, 0x85, 0x70, 0x7f, 0xfe, 0x7d);

/* Where the variables are in a volume. */
struct layout {
    bool authenticated;
    size_t records; /* offset of the first record */
    size_t end;     /* of the store */
};

/* ------------------------------------------------------------------------------------ reading */

static bool read_volume_header(struct reader *reader, uint16_t *header_len)
{
    struct guid guid;
    uint64_t length;
    uint32_t signature;
    uint32_t attributes;

    return reader_skip(reader, 16) && reader_guid(reader, &guid) && guid_equal(&guid, &nv_data) &&
           reader_u64le(reader, &length) && reader_u32le(reader, &signature) &&
           signature == 0x4856465fu && reader_u32le(reader, &attributes) &&
           reader_u16le(reader, header_len);
}

static bool detect(struct span bytes)
{
    struct reader reader = reader_of(bytes);
    uint16_t header_len;

    return read_volume_header(&reader, &header_len);
}

static bool read_layout(struct layout *out, struct span bytes, struct err *err)
{
    struct reader reader = reader_of(bytes);
    struct guid guid;
    uint16_t header_len;
    uint32_t size;

    if (!read_volume_header(&reader, &header_len)) {
        return err_set(err, "it is not a firmware volume with variables (OVMF_VARS.fd)");
    }
    reader = reader_of(bytes);
    if (!reader_skip(&reader, header_len) || !reader_guid(&reader, &guid) ||
        !reader_u32le(&reader, &size)) {
        return err_set(err, "the firmware volume ends within its headers");
    }
    out->authenticated = guid_equal(&guid, &authenticated_store);
    if (!out->authenticated && !guid_equal(&guid, &plain_store)) {
        return err_set(err, "the firmware volume has a variable store of an unknown kind");
    }
    out->records = header_len + STORE_HEADER_SIZE;
    out->end = header_len + (size_t)size;
    return (out->records <= out->end && out->end <= bytes.len) ||
           err_set(err, "the variable store is larger than the file: was that cut?");
}

struct record {
    struct variable variable;
    uint8_t state;
};

/* The part of the head that authenticated stores have. */
static bool read_authentication(struct reader *reader, struct variable *variable)
{
    uint64_t count;
    uint32_t key_index;

    return reader_u64le(reader, &count) && reader_time(reader, &variable->time) &&
           reader_u32le(reader, &key_index);
}

static bool read_record(struct reader *reader, bool authenticated, struct record *out)
{
    struct variable *variable = &out->variable;
    uint16_t start;
    uint8_t reserved;
    uint32_t name_size;
    uint32_t data_size;

    *out = (struct record){0};
    if (!reader_u16le(reader, &start) || start != RECORD_START || !reader_u8(reader, &out->state) ||
        !reader_u8(reader, &reserved) || !reader_u32le(reader, &variable->attributes) ||
        (authenticated && !read_authentication(reader, variable)) ||
        !reader_u32le(reader, &name_size) || !reader_u32le(reader, &data_size) ||
        !reader_guid(reader, &variable->guid) || !reader_span(reader, &variable->name, name_size) ||
        !reader_span(reader, &variable->data, data_size)) {
        return false;
    }
    if (variable->name.len >= 2) {
        variable->name.len -= 2; /* the terminator */
    }
    return true;
}

static bool align(struct reader *reader, const uint8_t *base)
{
    size_t at = (size_t)(reader->rest.data - base);

    return reader_skip(reader, (ALIGNMENT - at % ALIGNMENT) % ALIGNMENT);
}

/* Is there another record? The rest of a store is 0xff. */
static bool has_record(const struct reader *reader)
{
    return reader->rest.len >= 2 && !(reader->rest.data[0] == 0xff && reader->rest.data[1] == 0xff);
}

static bool take_record(struct document *out, const struct record *record)
{
    const struct variable *variable = &record->variable;

    if (record->state == RECORD_ADDED) {
        return document_add(out, variable);
    }
    if (record->state != RECORD_IN_TRANSITION ||
        store_get(out->store, &variable->guid, variable->name) != NULL) {
        return true;
    }
    return document_add(out, variable);
}

/* The old one of a pair may come first or last: those in transition count in a second round. */
static bool decode_round(struct document *out, struct span bytes, const struct layout *layout,
                         uint8_t state, struct err *err)
{
    struct reader reader = reader_of(span_of(bytes.data, layout->end));
    struct record record;

    if (!reader_skip(&reader, layout->records)) {
        return false;
    }
    while (has_record(&reader)) {
        size_t at = (size_t)(reader.rest.data - bytes.data);

        if (!read_record(&reader, layout->authenticated, &record)) {
            return err_set(err, "the variable store is damaged at 0x%zx", at);
        }
        if (record.state == state && !take_record(out, &record)) {
            return err_set(err, "out of memory");
        }
        if (!align(&reader, bytes.data)) {
            break;
        }
    }
    return true;
}

static bool decode(struct document *out, struct span bytes, struct err *err)
{
    struct layout layout = {0};

    return read_layout(&layout, bytes, err) &&
           decode_round(out, bytes, &layout, RECORD_ADDED, err) &&
           decode_round(out, bytes, &layout, RECORD_IN_TRANSITION, err) &&
           (certdb_take(out) || err_set(err, "out of memory"));
}

/* ------------------------------------------------------------------------------------ writing */

static void write_record(struct writer *writer, const struct variable *variable)
{
    writer_u16le(writer, RECORD_START);
    writer_u8(writer, RECORD_ADDED);
    writer_u8(writer, 0);
    writer_u32le(writer, variable->attributes);
    writer_u64le(writer, 0);
    writer_time(writer, &variable->time);
    writer_u32le(writer, 0);
    writer_u32le(writer, (uint32_t)variable->name.len + 2);
    writer_u32le(writer, (uint32_t)variable->data.len);
    writer_guid(writer, &variable->guid);
    writer_bytes(writer, variable->name);
    writer_u16le(writer, 0);
    writer_bytes(writer, variable->data);
    while (writer->len % ALIGNMENT != 0 && writer_ok(writer)) {
        writer_u8(writer, 0xff);
    }
}

/* EFI_FIRMWARE_VOLUME_HEADER: all of its 16-bit words add up to 0. */
static void write_volume_header(struct writer *writer)
{
    writer_zeros(writer, 16);
    writer_guid(writer, &nv_data);
    writer_u64le(writer, VOLUME_SIZE_4M);
    writer_u32le(writer, 0x4856465fu);
    writer_u32le(writer, VOLUME_ATTRIBUTES);
    writer_u16le(writer, VOLUME_HEADER_SIZE);
    writer_u16le(writer, 0xb8af); /* the checksum */
    writer_u16le(writer, 0);
    writer_u8(writer, 0);
    writer_u8(writer, 2); /* revision */
    writer_u32le(writer, VOLUME_SIZE_4M / 0x1000);
    writer_u32le(writer, 0x1000);
    writer_u64le(writer, 0);
}

static void write_store_header(struct writer *writer, uint32_t size)
{
    writer_guid(writer, &authenticated_store);
    writer_u32le(writer, size);
    writer_u8(writer, STORE_FORMATTED);
    writer_u8(writer, STORE_HEALTHY);
    writer_zeros(writer, 6);
}

/* An empty store as OVMF has it, ready for its fault-tolerant writes. */
static uint8_t *make_volume(void)
{
    static const uint8_t working_block[] = {
        0x2b, 0x29, 0x58, 0x9e, 0x68, 0x7c, 0x7d, 0x49, 0xa0, 0xce, 0x65,
        0x00, 0xfd, 0x9f, 0x1b, 0x95, 0x2c, 0xaf, 0x2c, 0x64, 0xfe, 0xff,
        0xff, 0xff, 0xe0, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    uint8_t *volume = malloc(VOLUME_SIZE_4M);

    if (volume != NULL) {
        struct writer writer = writer_of(volume, STORE_END_4M);

        memset(volume, 0xff, VOLUME_SIZE_4M);
        write_volume_header(&writer);
        write_store_header(&writer, STORE_END_4M - VOLUME_HEADER_SIZE);
        memcpy(volume + WORKING_BLOCK_4M, working_block, sizeof(working_block));
    }
    return volume;
}

static uint8_t *copy_volume(struct span old)
{
    uint8_t *volume = malloc(old.len);

    if (volume != NULL) {
        memcpy(volume, old.data, old.len);
    }
    return volume;
}

static bool write_records(struct writer *writer, const struct document *document, struct err *err)
{
    struct variable certdb;
    auto_free uint8_t *certdb_data = NULL;

    if (!certdb_make(document, &certdb, &certdb_data)) {
        return err_set(err, "out of memory");
    }
    for (size_t i = 0; i < store_count(document->store); i++) {
        const struct variable *variable = store_at(document->store, i);
        if ((variable->attributes & EFI_VARIABLE_NON_VOLATILE) != 0) {
            write_record(writer, variable);
        }
    }
    if (certdb_data != NULL) {
        write_record(writer, &certdb);
    }
    return writer_ok(writer) ||
           err_set(err, "the variables don't fit into a store of %zu bytes", writer->capacity);
}

static uint8_t *encode(const struct document *document, struct span old, struct notes *notes,
                       size_t *len, struct err *err)
{
    struct layout layout = {0};

    *len = old.len > 0 ? old.len : VOLUME_SIZE_4M;
    auto_free uint8_t *volume = old.len > 0 ? copy_volume(old) : make_volume();
    if (volume == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (!read_layout(&layout, span_of(volume, *len), err)) {
        return NULL;
    }
    if (!layout.authenticated) {
        err_set(err, "the firmware volume has no room for authenticated variables: give another "
                     "--template, or none");
        return NULL;
    }
    format_note_volatile(document, notes);
    memset(volume + layout.records, 0xff, layout.end - layout.records);
    struct writer writer = writer_of(volume, layout.end);
    writer.len = layout.records;
    return write_records(&writer, document, err) ? take_ptr(volume) : NULL;
}

const struct format FORMAT_EDK2 = {"edk2", detect, decode, encode};
