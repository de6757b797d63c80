// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client of xenstore, as far as the daemon needs one: read, write, one watch.
 *
 * libxenstore does more than the daemon can use. xentoolcore_restrict_all cuts its connections off,
 * and a watch starts a thread. This one speaks the wire protocol (xen/io/xs_wire.h, a stable part
 * of Xen's interface) over one descriptor that is opened before the sandbox, works in it, and can
 * be polled.
 */
#ifndef TRANSPORT_XEN_STORE_H
#define TRANSPORT_XEN_STORE_H

#include <stddef.h>

#include "base/err.h"

struct xen_store {
    int fd;     /* -1: closed */
    bool fired; /* the watch did, and xen_store_fired wasn't asked since */
};

enum xen_store_read {
    XEN_STORE_VALUE,
    XEN_STORE_ABSENT, /* there is no such key */
    XEN_STORE_FAILED, /* err says why */
};

/* Connects to xenstored's socket ($XENSTORED_PATH, or where it is by custom), or through the
 * kernel. */
bool xen_store_open(struct xen_store *store, struct err *err);
void xen_store_close(struct xen_store *store);

/* value: size bytes, NUL-terminated; a value that doesn't fit has failed. */
enum xen_store_read xen_store_read(struct xen_store *store, const char *path, char *value,
                                   size_t size, struct err *err);
bool xen_store_write(struct xen_store *store, const char *path, const char *value, struct err *err);

/* From now on the descriptor polls readable when something happened at path. */
bool xen_store_watch(struct xen_store *store, const char *path, struct err *err);

enum xen_store_event {
    XEN_STORE_QUIET,
    XEN_STORE_FIRED,
    XEN_STORE_LOST, /* the connection ended: there is nothing to wait for any more */
};

/* Has the watch fired since this was last asked? Takes one message that is waiting, and doesn't
 * block. */
enum xen_store_event xen_store_event(struct xen_store *store);

#endif
