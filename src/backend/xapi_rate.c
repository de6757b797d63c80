// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bucket is one number, the time at which it is full again: each token taken moves it by an
 * interval. A token that would put it more than `burst` intervals ahead has to be waited for.
 */
#include "backend/xapi_rate.h"

int64_t xapi_rate_take(struct xapi_rate *rate, int64_t now)
{
    int64_t from = rate->full_at > now ? rate->full_at : now;
    int64_t beyond = from + rate->interval - now - rate->burst * rate->interval;

    rate->full_at = from + rate->interval;
    return beyond > 0 ? beyond : 0;
}
