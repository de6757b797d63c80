// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier, with digests and keys from OpenSSL's libcrypto. What it accepts:
 *
 * - one signer, with SHA-256, SHA-384 or SHA-512 and RSA (PKCS #1 v1.5) of 2048 to 4096 bits;
 *   ECDSA on P-256 and P-384 where the caller wants it: firmware in use takes RSA only;
 * - a signer that is one of the trusted certificates, or one that the message carries and from
 *   which signatures lead to a trusted certificate, over others that the message carries. Those
 *   signatures are of the same strength. A certificate that issued another is a CA by its
 *   basicConstraints (and keyUsage, where it has one) and within its path length. No
 *   certificate on the way, the trusted one aside, has a critical extension that isn't known here;
 * - at most 16 carried certificates and 32 signature checks in one message, so that no message
 *   costs more than some milliseconds.
 *
 * It doesn't look at dates, at key purposes, or at the trusted certificate's own signature: being
 * in PK or KEK is what makes it trusted.
 */
#ifndef CRYPTO_OPENSSL_VERIFIER_H
#define CRYPTO_OPENSSL_VERIFIER_H

#include "crypto/verifier.h"

enum openssl_verifier_keys {
    OPENSSL_VERIFIER_RSA,
    OPENSSL_VERIFIER_RSA_AND_ECDSA,
};

/* NULL without memory. Nothing of libcrypto runs before the first signature is checked, and then no
 * file is opened. */
struct verifier *openssl_verifier_new(enum openssl_verifier_keys keys);

#endif
