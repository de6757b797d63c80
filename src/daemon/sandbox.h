// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is taken from the process before it looks at anything that a guest wrote, so that who takes
 * the process over has nothing: docs/SECURITY.md.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <sys/types.h>

#include "base/err.h"

/* What the daemon goes on using, beside its open descriptors: picks the system calls. */
enum sandbox_use {
    SANDBOX_USE_XEN = 1,       /* the transport is Xen's */
    SANDBOX_USE_LOCAL = 2,     /* the transport is the local one: a socket that it accepts from */
    SANDBOX_USE_SOCKET = 4,    /* connects to an AF_UNIX socket (XAPI) */
    SANDBOX_USE_FILES = 8,     /* opens, replaces and flushes files (the file backend) */
    SANDBOX_USE_VERIFIER = 16, /* not the daemon, but the process that checks signatures for it */
};

struct sandbox_config {
    /* Restricts the hypervisor's handles to the VM: see xen_restrict. NULL: there are none. */
    bool (*restrict_handles)(void *self, struct err *err);
    void *self;

    const char *chroot; /* NULL: none */
    bool namespaces;    /* new mount, IPC, network and UTS namespaces */
    bool strict;        /* refused namespaces are an error; else a warning */
    bool drop;          /* become uid and gid; not allowed to be 0 */
    uid_t uid;
    gid_t gid;
    bool records;  /* a recording may grow beyond what the toolstack allows */
    unsigned uses; /* enum sandbox_use; the system calls of the rest end the process */
};

/*
 * Locks the process in. Everything that needs a privilege or a path outside has to be open before.
 * False with err set: the process must end, it may be half locked in. In a process with one thread.
 */
bool sandbox_enter(const struct sandbox_config *config, struct err *err);

/* From now on, sending or writing to fd ends the process; reading and polling it go on. */
bool sandbox_seal(int fd, struct err *err);

#endif
