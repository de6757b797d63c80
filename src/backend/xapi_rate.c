// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bucket is one number, the time at which it is full again: each token taken moves it by an
 * interval, and it lies at most `burst` intervals ahead of a token that need not be waited for.
 */
#include "backend/xapi_rate.h"

/* How far beyond the burst the bucket would be, in milliseconds, if a token were taken now. */
static int64_t excess(const struct xapi_rate *rate, int64_t now)
{
    int64_t from = rate->full_at > now ? rate->full_at : now;
    int64_t ahead = from + rate->interval - now - rate->burst * rate->interval;

    return ahead > 0 ? ahead : 0;
}

int64_t xapi_rate_take(struct xapi_rate *rate, int64_t now)
{
    int64_t wait = excess(rate, now);

    rate->full_at = (rate->full_at > now ? rate->full_at : now) + rate->interval;
    return wait;
}

bool xapi_rate_try(struct xapi_rate *rate, int64_t now)
{
    return excess(rate, now) == 0 && xapi_rate_take(rate, now) == 0;
}
