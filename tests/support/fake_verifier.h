// SPDX-License-Identifier: BSD-2-Clause
/*
 * A verifier without cryptography. A certificate is "cert-" and a name; a signature is the name of
 * its signer and nothing more. So a table can say who signs and who is trusted.
 */
#ifndef SUPPORT_FAKE_VERIFIER_H
#define SUPPORT_FAKE_VERIFIER_H

#include "crypto/verifier.h"

struct fake_verifier {
    struct verifier base;
    bool believe_all;     /* every signature is valid for everybody */
    uint8_t content[256]; /* what the last message was to be signed over, cut to fit */
    size_t content_len;
    unsigned asked; /* how often a signature was to be checked */
};

void fake_verifier_init(struct fake_verifier *fake);

/* The owner that verify_owner finds for this signer. */
void fake_owner(uint8_t owner[SHA256_SIZE], const char *signer);

#endif
