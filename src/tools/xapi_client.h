// SPDX-License-Identifier: BSD-2-Clause
/* Questions to XAPI about a VM or the pool, beside the variables (which are backend/xapi.h's). */
#ifndef TOOLS_XAPI_CLIENT_H
#define TOOLS_XAPI_CLIENT_H

#include "backend/xapi_session.h"
#include "backend/xapi_value.h"

struct xapi_client {
    struct xapi_waiter waiter;
    struct xapi_session session;
};

/* uuid: of the VM that calls are on, or "". Makes no connection yet. The client stays where it is
 * until it is closed. */
void xapi_client_init(struct xapi_client *client, const char *socket, const char *uuid);
void xapi_client_close(struct xapi_client *client); /* zeroed is fine */

/* A value's text, allocated, for the caller to free; NULL when it has none, or without memory. */
char *xapi_client_text(const struct xapi_value *value);

/*
 * May the variables that XAPI has of the VM be changed now? The daemon of a VM that runs or is
 * paused saves its own over them and reads none, and a suspended VM has its own in its image. False
 * with err set: it may not, or XAPI doesn't say.
 */
bool xapi_client_check_halted(struct xapi_client *client, struct err *err);

/*
 * The VM's setting for Secure Boot: platform:secureboot, where "auto" is on when the pool has
 * certificates. False with err set when XAPI doesn't say.
 */
bool xapi_client_secure_boot(struct xapi_client *client, bool *wanted, struct err *err);

/*
 * Goes over the pool's VMs that start by UEFI: no templates, snapshots or hosts. One that goes away
 * meanwhile is passed over. False with err set when XAPI doesn't list them.
 */
typedef void (*xapi_client_take)(void *self, const char *uuid, const char *name, size_t of);
bool xapi_client_each_vm(struct xapi_client *client, xapi_client_take take, void *self,
                         struct err *err);

#endif
