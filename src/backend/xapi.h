// SPDX-License-Identifier: BSD-2-Clause
/*
 * The backend "xapidb": the VARS blob, in base64, as XAPI's VM.NVRAM["EFI-variables"], reached over
 * XAPI's own socket or the guard's that serves one VM.
 */
#ifndef BACKEND_XAPI_H
#define BACKEND_XAPI_H

#include "backend/backend.h"

#define XAPI_SOCKET_DEFAULT "/var/lib/xcp/xapi"

#define XAPI_CALL_MS 120000     /* a request may take so long */
#define XAPI_RECONNECT_MS 10000 /* a server that restarts may be away so long */
#define XAPI_LOGOUT_MS 1000     /* closing may take so long */

/*
 * So many saves are made at once; each further one waits until half a second has passed for it. So
 * a guest can't load the pool's database more than that, and reads, which need no save, never wait.
 */
#define XAPI_SAVE_BURST 100
#define XAPI_SAVE_INTERVAL_MS 500

struct xapi_config {
    const char *socket; /* see struct xapi_connection about chroot */
    const char *uuid;   /* the VM's */
    /*
     * A descriptor that polls readable from when the daemon shall leave (a signalfd, say), never
     * read from; -1: there is none. Whatever is under way then gets 4 s more.
     */
    int abort_fd;
    int64_t call_ms, reconnect_ms, save_burst; /* 0: the above */
};

/*
 * Makes no connection: that is the first load's or save's affair. NULL, with err set: no memory, or
 * a path that is too long for a socket.
 */
struct backend *xapi_backend_open(const struct xapi_config *config, struct err *err);

#endif
