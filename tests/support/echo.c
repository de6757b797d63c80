// SPDX-License-Identifier: BSD-2-Clause
#include "support/echo.h"

#include "base/cleanup.h"
#include "transport/local.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

struct echo {
    struct transport *transport;
    pthread_t thread;
    int stop;
    atomic_uint requests, accesses;
    uint32_t last;
};

static size_t echo_request(void *self, struct span request, uint8_t *reply)
{
    struct echo *echo = self;

    atomic_fetch_add(&echo->requests, 1);
    memcpy(reply, request.data, request.len);
    return request.len;
}

static uint32_t echo_read(void *self, uint32_t port, unsigned size)
{
    struct echo *echo = self;

    (void)port;
    (void)size;
    atomic_fetch_add(&echo->accesses, 1);
    return echo->last;
}

static void echo_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    struct echo *echo = self;

    (void)port;
    (void)size;
    atomic_fetch_add(&echo->accesses, 1);
    echo->last = value;
}

static void *echo_run(void *self)
{
    struct echo *echo = self;
    const struct port_handler handler = {
        .self = echo, .request = echo_request, .port_read = echo_read, .port_write = echo_write};
    struct pollfd waiting[] = {
        {.fd = echo->transport->ops->fd(echo->transport), .events = POLLIN},
        {.fd = echo->stop, .events = POLLIN},
    };
    struct err err;

    while (poll(waiting, 2, -1) >= 0 && waiting[1].revents == 0) {
        if (echo->transport->ops->serve(echo->transport, &handler, &err) != TRANSPORT_OK) {
            break;
        }
    }
    return NULL;
}

struct echo *echo_start(const char *path, struct err *err)
{
    struct echo *echo = calloc(1, sizeof(*echo));

    if (echo == NULL) {
        abort();
    }
    echo->stop = eventfd(0, EFD_CLOEXEC);
    echo->transport = local_open(path, err);
    if (echo->transport == NULL || pthread_create(&echo->thread, NULL, echo_run, echo) != 0) {
        close(echo->stop);
        free(echo);
        return NULL;
    }
    return echo;
}

void echo_stop(struct echo *echo)
{
    if (eventfd_write(echo->stop, 1) != 0) {
        abort();
    }
    pthread_join(echo->thread, NULL);
    echo->transport->ops->close(echo->transport);
    close(echo->stop);
    free(echo);
}

unsigned echo_requests(const struct echo *echo)
{
    return atomic_load(&echo->requests);
}

unsigned echo_accesses(const struct echo *echo)
{
    return atomic_load(&echo->accesses);
}
