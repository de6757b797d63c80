// SPDX-License-Identifier: BSD-2-Clause
/*
 * xen_echo DOMAIN: the Xen transport with nothing behind it. A request is answered with its own
 * bytes, each complemented; a port reads what was last written to it.
 */
#include "transport/xen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/wire.h"

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static size_t echo(void *self, struct span request, uint8_t *reply)
{
    (void)self;
    for (size_t i = 0; i < request.len; i++) {
        reply[i] = (uint8_t)~request.data[i];
    }
    return request.len;
}

static uint32_t echo_read(void *self, uint32_t port, unsigned size)
{
    const uint32_t *ports = self;

    (void)size;
    return ports[port - PORT_BASE];
}

static void echo_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    uint32_t *ports = self;

    (void)size;
    ports[port - PORT_BASE] = value;
}

static enum transport_result serve(struct transport *transport, struct err *err)
{
    uint32_t ports[PORT_COUNT] = {0};
    const struct port_handler handler = {
        .self = ports, .request = echo, .port_read = echo_read, .port_write = echo_write};
    struct pollfd wait = {.fd = transport->ops->fd(transport), .events = POLLIN};
    enum transport_result result = TRANSPORT_OK;

    while (result == TRANSPORT_OK && !stopped) {
        if (poll(&wait, 1, -1) > 0) {
            result = transport->ops->serve(transport, &handler, err);
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct transport *transport = argc == 2 ? xen_open((uint32_t)atoi(argv[1]), &err) : NULL;
    enum transport_result result = TRANSPORT_FAILED;

    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    if (transport == NULL) {
        fprintf(stderr, "usage: xen_echo DOMAIN\n%s\n", err.text);
        return 2;
    }
    if (xen_restrict(transport, &err) && xen_attach(transport, &err) &&
        transport->ops->announce(transport, &err)) {
        result = serve(transport, &err);
    }
    transport->ops->close(transport);
    fprintf(stderr, "xen_echo: %s\n", result == TRANSPORT_GONE ? "the domain is gone" : err.text);
    return result == TRANSPORT_FAILED ? 1 : 0;
}
