// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

enum wait_end {
    WAIT_READY,
    WAIT_LATE,    /* the deadline */
    WAIT_LEAVING, /* the daemon has to leave */
    WAIT_BROKEN,  /* errno */
};

int64_t xapi_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int milliseconds_until(int64_t time)
{
    int64_t left = time - xapi_now();

    return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* A round of poll: WAIT_READY, WAIT_BROKEN, or WAIT_LATE for "look at the clock". fd may be -1. */
static enum wait_end wait_round(struct xapi_waiter *waiter, int fd, short events, int64_t until)
{
    struct pollfd fds[2] = {
        {.fd = fd, .events = events},
        {.fd = waiter->leave_by == INT64_MAX ? waiter->abort_fd : -1, .events = POLLIN},
    };
    int count = poll(fds, 2, milliseconds_until(until));

    if (count < 0 && errno != EINTR) {
        return WAIT_BROKEN;
    }
    if (count > 0 && fds[1].revents != 0) {
        waiter->leave_by = xapi_now() + XAPI_LEAVE_MS;
    }
    return count > 0 && fds[0].revents != 0 ? WAIT_READY : WAIT_LATE;
}

/* The clock is looked at first: a server that always has a byte ready is no reason to go on. */
static enum wait_end wait_until(struct xapi_waiter *waiter, int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t until = deadline < waiter->leave_by ? deadline : waiter->leave_by;

        if (xapi_now() >= until) {
            return until == deadline ? WAIT_LATE : WAIT_LEAVING;
        }
        enum wait_end end = wait_round(waiter, fd, events, until);
        if (end != WAIT_LATE) {
            return end;
        }
    }
}

static bool say_leaving(struct err *err)
{
    return err_set(err, "given up, because the daemon has to end");
}

bool xapi_wait_for(struct xapi_waiter *waiter, int fd, short events, int64_t deadline,
                   struct err *err)
{
    switch (wait_until(waiter, fd, events, deadline)) {
    case WAIT_READY:
        return true;
    case WAIT_LATE:
        return err_set(err, "no answer in time");
    case WAIT_LEAVING:
        return say_leaving(err);
    case WAIT_BROKEN:
        break;
    }
    return err_errno(err, "poll");
}

bool xapi_wait_ms(struct xapi_waiter *waiter, int64_t ms, struct err *err)
{
    return wait_until(waiter, -1, 0, xapi_now() + ms) != WAIT_LEAVING || say_leaving(err);
}
