// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier as seen from a process that has no libcrypto: asks another process, which runs
 * verifier_serve(), over a socket.
 *
 * Fails closed and for good: when the other process is gone, is silent for too long, or
 * answers anything but what was asked, the socket is closed, one line is logged, and that check
 * and each later one is refused. A message that is too large to be asked about is refused alone.
 */
#ifndef CRYPTO_REMOTE_VERIFIER_H
#define CRYPTO_REMOTE_VERIFIER_H

#include "base/err.h"
#include "crypto/verifier.h"

struct remote_verifier_config {
    int fd;              /* a connected AF_UNIX stream socket */
    unsigned timeout_ms; /* how long an answer may take */
    int hurry_fd;        /* once this is readable: no longer than hurry_ms more; or -1 */
    unsigned hurry_ms;
};

/*
 * The socket is the verifier's from here on, success or not. NULL: err says why. Afterwards sendto,
 * poll, recvfrom and close are all that is called.
 */
struct verifier *remote_verifier_new(const struct remote_verifier_config *config, struct err *err);

#endif
