// SPDX-License-Identifier: BSD-2-Clause
/* VARS blobs made by hand, right or wrong, and what decoding gave. */
#ifndef SUPPORT_VARS_BLOB_H
#define SUPPORT_VARS_BLOB_H

#include "backend/vars.h"
#include "base/writer.h"

/* What a sink got. */
struct decoded {
    struct store *store;
    struct device_state device;
    unsigned devices;
    unsigned rejected;
    struct guid guid; /* of the last one rejected */
    uint8_t name[64];
    size_t name_len;
    const char *reason;
    long variables_left; /* before the sink says that there is no memory; -1: there is */
};

struct decoded decoded_new(void);
void decoded_free(struct decoded *decoded);
struct vars_sink decoded_sink(struct decoded *decoded);

/* Decodes from memory of exactly that size, so that a read beyond it is found, into decoded. */
bool decoded_read(struct decoded *decoded, struct span bytes);

/* A blob that is written piece by piece. */
struct blob {
    struct writer writer;
    uint8_t bytes[1 << 18];
};

/* The header. data_len is rubbish, as nobody may rely on it. */
void blob_begin(struct blob *blob, uint32_t version, uint64_t count);

/* A record under blob_guid with data_len bytes of data. */
void blob_add(struct blob *blob, struct span name, size_t data_len, uint32_t attributes);

/* The same under any GUID, with a time, and with all bytes of the owner the same. */
void blob_add_full(struct blob *blob, struct span name, size_t data_len, const struct guid *guid,
                   uint32_t attributes, const struct efi_time *time, uint8_t owner);

extern const struct guid blob_guid;

#endif
