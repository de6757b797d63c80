// SPDX-License-Identifier: BSD-2-Clause
/*
 * The ports over a socket, for tests and for VMMs other than Xen: docs/PROTOCOL.md, "The local
 * transport".
 *
 * A client connects (AF_UNIX, SOCK_SEQPACKET), passes the guest's memory as a memfd that can't
 * shrink, and then rings ports, one message and one answer each. Up to LOCAL_CLIENTS_MAX may be
 * connected, as a machine has several vCPUs.
 */
#ifndef TRANSPORT_LOCAL_H
#define TRANSPORT_LOCAL_H

#include "transport/transport.h"

#define LOCAL_CLIENTS_MAX 8u

/* A message: four u32le: operation, port, size in bytes (1, 2, 4), value. An answer: two u32le:
 * result, value. */
#define LOCAL_MESSAGE_SIZE 16u
#define LOCAL_ANSWER_SIZE 8u

enum local_operation {
    LOCAL_MEMORY = 1, /* comes with exactly one descriptor; the other fields are 0 */
    LOCAL_WRITE = 2,
    LOCAL_READ = 3, /* the value is 0 in the message, the port's in the answer */
};

/* Every result but LOCAL_SERVED is the last thing a client hears: the daemon hangs up. */
enum local_result {
    LOCAL_SERVED = 0,
    LOCAL_BAD_MESSAGE = 1, /* wrong length, operation or size, or a descriptor out of place */
    LOCAL_NO_MEMORY = 2,   /* a port was rung before memory was passed */
    LOCAL_NOT_SEALED = 3,  /* the descriptor has no F_SEAL_SHRINK */
    LOCAL_NOT_MEMORY = 4,  /* no memfd of whole pages, 64 KiB at least, that can be mapped */
    LOCAL_FULL = 5,        /* LOCAL_CLIENTS_MAX are connected already */
};

/*
 * Makes the socket at path, mode 0600, and listens. A socket that is left over there is replaced;
 * one on which somebody listens, or anything else at path, is an error. NULL: err says why. close
 * removes the socket if path (in a chroot, too) still leads to it.
 */
struct transport *local_open(const char *path, struct err *err);

#endif
