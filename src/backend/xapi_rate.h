// SPDX-License-Identifier: BSD-2-Clause
/*
 * How often a guest may make XAPI work: a bucket of tokens. A burst empties it, time fills it.
 */
#ifndef BACKEND_XAPI_RATE_H
#define BACKEND_XAPI_RATE_H

#include <stdint.h>

struct xapi_rate {
    int64_t burst;    /* tokens in a full bucket */
    int64_t interval; /* milliseconds that make one token */
    int64_t full_at;  /* when the bucket will be full again, on the clock that `now` is read from */
};

static inline struct xapi_rate xapi_rate_of(int64_t burst, int64_t interval)
{
    return (struct xapi_rate){.burst = burst, .interval = interval, .full_at = INT64_MIN};
}

/* Takes a token. Gives the milliseconds that its owner has to wait first: 0 unless it is empty. */
int64_t xapi_rate_take(struct xapi_rate *rate, int64_t now);

#endif
