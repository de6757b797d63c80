// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local transport's listening socket in the file system.
 */
#ifndef TRANSPORT_LOCAL_SOCKET_H
#define TRANSPORT_LOCAL_SOCKET_H

#include "base/err.h"

#include <sys/types.h>
#include <sys/un.h>

struct local_socket {
    int fd; /* listening, non-blocking; -1 when there is none */
    struct sockaddr_un address;
    dev_t device; /* which file is ours */
    ino_t inode;
};

/* See local_open. False: err says why, and nothing is left behind. */
bool local_socket_listen(struct local_socket *out, const char *path, struct err *err);

/* Closes it and removes the file, unless somebody has put another one in its place. */
void local_socket_close(struct local_socket *listener);

#endif
