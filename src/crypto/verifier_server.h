// SPDX-License-Identifier: BSD-2-Clause
/* The other side of crypto/remote_verifier.h: answers for a verifier. */
#ifndef CRYPTO_VERIFIER_SERVER_H
#define CRYPTO_VERIFIER_SERVER_H

#include "crypto/verifier.h"

/*
 * Serves requests that come on the stream socket fd with the verifier, until the other side closes
 * it. False when it says something that isn't a request, or there is no memory for one. A request
 * that takes longer than seconds to verify ends the process (SIGALRM).
 */
bool verifier_serve(int fd, struct verifier *verifier, unsigned seconds);

#endif
