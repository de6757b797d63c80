// SPDX-License-Identifier: BSD-2-Clause
#include "support/vars_blob.h"

#include "base/cleanup.h"

#include <assert.h>

const struct guid blob_guid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static bool take_variable(void *self, const struct variable *variable)
{
    struct decoded *decoded = self;

    if (decoded->variables_left-- == 0) {
        return false;
    }
    size_t mark = store_begin(decoded->store);
    assert(store_get(decoded->store, &variable->guid, variable->name) == NULL);
    bool put = store_put(decoded->store, variable);
    store_commit(decoded->store, mark);
    return put;
}

static void take_device(void *self, const struct device_state *state)
{
    struct decoded *decoded = self;

    decoded->device = *state;
    decoded->devices++;
}

static void take_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    struct decoded *decoded = self;

    assert(reason != NULL);
    decoded->rejected++;
    decoded->guid = *guid;
    decoded->name_len = name.len;
    memcpy(decoded->name, name.data, name.len < 64 ? name.len : 64);
    decoded->reason = reason;
}

struct decoded decoded_new(void)
{
    return (struct decoded){.store = store_new(0), .variables_left = -1};
}

void decoded_free(struct decoded *decoded)
{
    store_free(decoded->store);
}

struct vars_sink decoded_sink(struct decoded *decoded)
{
    return (struct vars_sink){.self = decoded,
                              .variable = take_variable,
                              .device = take_device,
                              .rejected = take_rejected};
}

bool decoded_read(struct decoded *decoded, struct span bytes)
{
    struct vars_sink sink = decoded_sink(decoded);
    struct err err = {.text = ""};
    auto_free uint8_t *exact = malloc(bytes.len > 0 ? bytes.len : 1);

    memcpy(exact, bytes.data, bytes.len);
    bool ok = vars_decode(span_of(exact, bytes.len), &sink, &err);
    assert(ok == (err.text[0] == '\0'));
    return ok;
}

void blob_begin(struct blob *blob, uint32_t version, uint64_t count)
{
    blob->writer = writer_of(blob->bytes, sizeof(blob->bytes));
    writer_bytes(&blob->writer, span_of("VARS", 4));
    writer_u32le(&blob->writer, version);
    writer_u64le(&blob->writer, count);
    writer_u64le(&blob->writer, 0xdddddddd);
    if (version >= 2) {
        writer_zeros(&blob->writer, VARS_HEADER_SIZE - 24);
    }
}

void blob_add_full(struct blob *blob, struct span name, size_t data_len, const struct guid *guid,
                   uint32_t attributes, const struct efi_time *time, uint8_t owner)
{
    writer_u64le(&blob->writer, name.len);
    writer_bytes(&blob->writer, name);
    writer_u64le(&blob->writer, data_len);
    for (size_t i = 0; i < data_len; i++) {
        writer_u8(&blob->writer, 0xda);
    }
    writer_guid(&blob->writer, guid);
    writer_u32le(&blob->writer, attributes);
    writer_time(&blob->writer, time);
    for (size_t i = 0; i < OWNER_SIZE; i++) {
        writer_u8(&blob->writer, owner);
    }
    assert(writer_ok(&blob->writer));
}

void blob_add(struct blob *blob, struct span name, size_t data_len, uint32_t attributes)
{
    static const struct efi_time no_time;

    blob_add_full(blob, name, data_len, &blob_guid, attributes, &no_time, 0);
}
