// SPDX-License-Identifier: BSD-2-Clause
/*
 * Waiting that always ends: at a deadline, and soon after the daemon is asked to leave.
 *
 * Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef BACKEND_XAPI_WAIT_H
#define BACKEND_XAPI_WAIT_H

#include "base/err.h"

#include <stdint.h>

/* From the request to leave, waits together may take this: SIGKILL follows after 10 s. */
#define XAPI_LEAVE_MS 4000

struct xapi_waiter {
    int abort_fd;     /* polls readable from when the daemon shall leave; -1: there is none */
    int64_t leave_by; /* once it was seen to: no wait is longer than until then */
};

static inline struct xapi_waiter xapi_waiter_of(int abort_fd)
{
    return (struct xapi_waiter){.abort_fd = abort_fd, .leave_by = INT64_MAX};
}

int64_t xapi_now(void);

/* Until fd has one of the events (as in poll), or an error. False, with err set: it is too late. */
bool xapi_wait_for(struct xapi_waiter *waiter, int fd, short events, int64_t deadline,
                   struct err *err);

/* For ms milliseconds. False, with err set: the daemon shall leave before that. */
bool xapi_wait_ms(struct xapi_waiter *waiter, int64_t ms, struct err *err);

#endif
