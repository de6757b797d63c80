// SPDX-License-Identifier: BSD-2-Clause
/* The certificates that XAPI keeps of a pool: an archive of .auth files, in base64. */
#ifndef TOOLS_POOL_H
#define TOOLS_POOL_H

#include "base/err.h"
#include "base/span.h"

struct pool;

/* Logs in to XAPI and finds the pool. NULL with err set. */
struct pool *pool_open(const char *socket, struct err *err);
void pool_close(struct pool *pool); /* NULL is fine */

/* For people; "" where XAPI doesn't say. Valid as long as the pool. */
const char *pool_uuid(const struct pool *pool);

/* The archive in force: the pool's own, or where there is none, what the hosts come with.
 * Allocated, for the caller to free; *len 0 when there is neither. NULL with err set. */
uint8_t *pool_get_certificates(struct pool *pool, size_t *len, struct err *err);

/* An empty archive: none of the pool's own any more. */
bool pool_set_certificates(struct pool *pool, struct span archive, struct err *err);

#endif
