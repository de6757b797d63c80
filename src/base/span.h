// SPDX-License-Identifier: BSD-2-Clause
/*
 * A read-only run of bytes: a pointer and a length that travel together.
 *
 * A span owns nothing. Who hands one out says how long it stays valid.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data;
    size_t len; /* bytes */
};

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){.data = data, .len = len};
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Orders by bytes; of two spans where one begins the other, the shorter comes first. */
static inline int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
