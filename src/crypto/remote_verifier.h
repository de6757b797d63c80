// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier as seen from a process that has no libcrypto: asks another process, which runs
 * verifier_serve(), over a socket.
 *
 * Fails closed and for good: when the other process is gone, is silent for longer than the timeout,
 * or answers anything but what was asked, the socket is closed, one line is logged, and that check
 * and each later one is refused. A message that is too large to be asked about is refused alone.
 */
#ifndef CRYPTO_REMOTE_VERIFIER_H
#define CRYPTO_REMOTE_VERIFIER_H

#include "base/err.h"
#include "crypto/verifier.h"

/*
 * fd: a connected AF_UNIX stream socket, which is the verifier's from here on, success or not.
 * timeout_ms: how long an answer may take; a request that is longer in the sending is refused.
 * NULL: err says why. Afterwards recvfrom, sendto and close are all that is called.
 */
struct verifier *remote_verifier_new(int fd, unsigned timeout_ms, struct err *err);

#endif
