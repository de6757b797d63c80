// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a tool gives up before it looks at a VM's variables: the same steps, in the same order, as
 * the daemon's sandbox takes, without its limits for a long life.
 */
#ifndef TOOLS_PRIVILEGES_H
#define TOOLS_PRIVILEGES_H

#include "base/err.h"

#include <sys/types.h>

struct privileges {
    bool namespaces;    /* leave the mount, IPC, network and UTS namespaces */
    const char *chroot; /* NULL: none */
    bool has_uid, has_gid;
    uid_t uid;
    gid_t gid;
};

/* False with err set: the tool must end. */
bool privileges_drop(const struct privileges *privileges, struct err *err);

#endif
