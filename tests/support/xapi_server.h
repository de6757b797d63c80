// SPDX-License-Identifier: BSD-2-Clause
/* tests/xapi/server.py for a test in C. */
#ifndef SUPPORT_XAPI_SERVER_H
#define SUPPORT_XAPI_SERVER_H

#include "support/folder.h"

/*
 * The path of the socket of a server that keeps its state in the folder: the one that is there, or
 * a new one, in place of that of another folder. It ends with the test program.
 */
const char *xapi_server_in(const struct folder *folder);

/* What that server has met since it started. Ends the test program where it doesn't say. */
struct xapi_server_counts {
    unsigned connections, requests;
};
struct xapi_server_counts xapi_server_count(void);

#endif
