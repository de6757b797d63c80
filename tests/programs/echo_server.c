// SPDX-License-Identifier: BSD-2-Clause
/*
 * echo_server PATH: the local transport with nothing behind it. A request is answered with its own
 * bytes. What a benchmark measures with it is the cost of the transport alone.
 */
#include "transport/local.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static size_t echo(void *self, struct span request, uint8_t *reply)
{
    (void)self;
    memcpy(reply, request.data, request.len);
    return request.len;
}

static uint32_t echo_read(void *self, uint32_t port, unsigned size)
{
    (void)self;
    (void)size;
    return port;
}

static void echo_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    (void)self;
    (void)port;
    (void)size;
    (void)value;
}

int main(int argc, char **argv)
{
    const struct port_handler handler = {
        .request = echo, .port_read = echo_read, .port_write = echo_write};
    struct err err = {0};
    struct transport *transport = argc == 2 ? local_open(argv[1], &err) : NULL;

    if (transport == NULL) {
        fprintf(stderr, "usage: echo_server PATH\n%s\n", err.text);
        return 2;
    }
    struct pollfd waiting = {.fd = transport->ops->fd(transport), .events = POLLIN};
    while (poll(&waiting, 1, -1) >= 0 &&
           transport->ops->serve(transport, &handler, &err) == TRANSPORT_OK) {
    }
    transport->ops->close(transport);
    fprintf(stderr, "echo_server: %s\n", err.text);
    return 1;
}
