// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VARS format (docs/FORMAT.md): what XAPI keeps in VM.NVRAM (in base64), the file store on
 * disk, and suspend images.
 */
#ifndef BACKEND_VARS_H
#define BACKEND_VARS_H

#include "base/err.h"
#include "service/service.h"

#define VARS_HEADER_SIZE 292u
#define VARS_COUNT_MAX 1024u
#define VARS_BLOB_MAX (4u << 20) /* a longer one isn't read */

/* What decoding gives its caller, piece by piece. */
struct vars_sink {
    void *self;
    /* A good record; its spans point into the blob. False: no memory, decoding ends. */
    bool (*variable)(void *self, const struct variable *variable);
    /* The device state of a version 2 blob. */
    void (*device)(void *self, const struct device_state *state);
    /* A record that is left out, and why. guid and name are valid when name.len is not 0. */
    void (*rejected)(void *self, const struct guid *guid, struct span name, const char *reason);
};

/*
 * Reads a blob of version 0 to 2. False, with err set and whatever had been decoded given to the
 * sink: not a VARS blob, a version above 2, more than VARS_COUNT_MAX records, records that run past
 * the end, bytes behind the last, or no memory.
 */
bool vars_decode(struct span blob, const struct vars_sink *sink, struct err *err);

/*
 * Writes version 2. The blob is allocated, the caller frees it; NULL without memory or with more
 * than VARS_COUNT_MAX variables, with err set.
 */
uint8_t *vars_encode_store(const struct store *store, size_t *len,
                           struct err *err); /* VARS_NON_VOLATILE */
uint8_t *vars_encode_service(const struct service *service, size_t *len,
                             struct err *err); /* VARS_EVERYTHING */

#endif
