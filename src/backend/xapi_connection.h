// SPDX-License-Identifier: BSD-2-Clause
/*
 * The connection to XAPI's socket: opened when it is needed, kept as long as the server keeps it.
 */
#ifndef BACKEND_XAPI_CONNECTION_H
#define BACKEND_XAPI_CONNECTION_H

#include "backend/xapi_wait.h"
#include "base/span.h"

struct xapi_connection {
    /*
     * Looked up at each connect, as the server may be another one behind the same path: so a path
     * below the root directory that the process has then.
     */
    const char *path;
    struct xapi_waiter *waiter;
    int64_t
        reconnect_ms; /* so long a server that was there before may be away, while it restarts */
    int fd;           /* -1: not connected */
    bool was_connected;
    int64_t deadline; /* of the exchange that is under way */
};

static inline struct xapi_connection xapi_connection_of(const char *path, int64_t reconnect_ms,
                                                        struct xapi_waiter *waiter)
{
    return (struct xapi_connection){
        .path = path, .waiter = waiter, .reconnect_ms = reconnect_ms, .fd = -1};
}

/*
 * Sends a request's body and gives the answer's, allocated, for the caller to free. Where the
 * connection breaks before the answer is there, tries once more on a new one: so the request may
 * reach the server twice. False, with err set: it could not be done before the deadline.
 */
bool xapi_connection_exchange(struct xapi_connection *connection, struct span request,
                              uint8_t **body, size_t *len, int64_t deadline, struct err *err);

void xapi_connection_close(struct xapi_connection *connection);

#endif
