// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest of a Xen domain, through an IOREQ server on the ports 0x100 to 0x10b.
 *
 * A daemon goes through these in order, each once:
 *
 *     xen_open           as root: the handles, and the connection to xenstore
 *     xen_read_settings  what the toolstack wants
 *     xen_restrict       the handles serve this domain only; first step of the sandbox
 *     (the rest of the sandbox, loading the VM's state)
 *     xen_attach         the guest's accesses come here from now on
 *     transport->ops->announce
 *     sandbox_seal(xen_store_fd()): xenstore can be listened to, but no longer written
 */
#ifndef TRANSPORT_XEN_H
#define TRANSPORT_XEN_H

#include <stdint.h>

#include "transport/transport.h"

/* What /local/domain/D/platform says. */
struct xen_settings {
    bool secure_boot;         /* secureboot is "true" */
    bool enforce;             /* auth-enforce is not "false" */
    bool require_secure_boot; /* secureboot-enforce is "true": no start without Secure Boot */
};

/* Opens everything that needs root or a path. NULL with err set. */
struct transport *xen_open(uint32_t domain, struct err *err);

/* Reads the settings. A key that isn't there is no error, any other failure is. */
bool xen_read_settings(struct transport *transport, struct xen_settings *out, struct err *err);

/* Restricts the handles to the domain, whatever the process does afterwards. self: the transport,
 * so that it fits struct sandbox_config. */
bool xen_restrict(void *self, struct err *err);

/*
 * Takes over the IOREQ server that a daemon left behind which was killed, with the request that it
 * left unanswered, or creates one. A server that another process still serves is an error.
 */
bool xen_attach(struct transport *transport, struct err *err);

/* After xen_attach: was the server taken over, so that the VM is running already? */
bool xen_adopted(const struct transport *transport);

/* The connection to xenstore. */
int xen_store_fd(const struct transport *transport);

#endif
