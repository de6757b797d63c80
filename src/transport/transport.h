// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a guest's port accesses reach the daemon: from Xen (transport/xen.h), or from a client on
 * this machine (transport/local.h).
 *
 * A transport copies a request out of the guest's memory into private memory before anything looks
 * at it, each byte once, and copies the reply back. Nobody else ever holds a pointer into guest
 * memory.
 */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "base/err.h"
#include "base/span.h"

/* What serves the accesses: the daemon binds it to a struct service. */
struct port_handler {
    void *self;
    /* See service_handle. request is private to the transport, reply is WIRE_BUFFER_SIZE bytes. */
    size_t (*request)(void *self, struct span request, uint8_t *reply);
    uint32_t (*port_read)(void *self, uint32_t port, unsigned size);
    void (*port_write)(void *self, uint32_t port, unsigned size, uint32_t value);
};

enum transport_result {
    TRANSPORT_OK,
    TRANSPORT_GONE,   /* the VM is gone: leave cleanly */
    TRANSPORT_FAILED, /* err says why: leave with an error */
};

struct transport;

struct transport_ops {
    /* A descriptor that polls readable when serve has something to do; the same for the transport's
     * life. */
    int (*fd)(struct transport *transport);

    /* Serves what is waiting, without blocking for more. An access is either served whole or not
     * begun. */
    enum transport_result (*serve)(struct transport *transport, const struct port_handler *handler,
                                   struct err *err);

    /* Tells who waits for it that the daemon serves (Xen: the key varstored-pid in xenstore). */
    bool (*announce)(struct transport *transport, struct err *err);

    /* Detaches from the guest, which finds nobody behind the ports afterwards. */
    void (*close)(struct transport *transport);
};

/* An implementation has this as its first member. Its open function is its own, as its arguments
 * are. */
struct transport {
    const struct transport_ops *ops;
};

/* Where a transport keeps the one copy of the request and the reply. Private memory, touched only
 * as far as used. */
struct request_buffers {
    _Alignas(64) uint8_t request[65536];
    _Alignas(64) uint8_t reply[65536];
};

/*
 * One request, from guest memory to guest memory. guest: len bytes mapped shared with the guest, at
 * least 8 and at most WIRE_BUFFER_SIZE, on a boundary of 8, which it may change at any moment.
 * Gives the number of bytes of the reply that were written to guest. Should the process be killed
 * in the middle, then guest holds the request unchanged, or the reply, or the status DEVICE_ERROR.
 */
size_t transport_serve_buffer(struct request_buffers *buffers, volatile uint8_t *guest, size_t len,
                              const struct port_handler *handler);

/* Of a buffer whose request a killed daemon had begun: does it hold a reply? It begins with a
 * status, and none has the lower half of a request's version. */
bool transport_was_answered(const volatile uint8_t *guest);

/* One access to a port other than PORT_REQUEST; reads give the value. */
uint32_t transport_serve_port(const struct port_handler *handler, uint32_t port, unsigned size,
                              bool write, uint32_t value);

#endif
