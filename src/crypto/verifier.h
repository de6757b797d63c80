// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the authentication policy needs of cryptography, as an interface: the OpenSSL implementation
 * is crypto/openssl_verifier.h, tests bring their own.
 */
#ifndef CRYPTO_VERIFIER_H
#define CRYPTO_VERIFIER_H

#include "base/efi.h"

#define SHA256_SIZE 32

/* A PKCS#7 SignedData in DER (bare, or in a ContentInfo) and the detached content that it should
 * sign. */
struct signed_message {
    struct span pkcs7;
    const struct span *parts; /* signed as if they lay one behind the other */
    size_t part_count;
};

struct verifier;

struct verifier_ops {
    /*
     * Is the message signed, with SHA-256 or better and RSA of 2048 bits or more, by one of the
     * trusted certificates (X.509 in DER) or by a signer whose chain, completed from the
     * certificates in the message, ends at one of them? Validity dates are not looked at. False for
     * whatever is malformed.
     */
    bool (*verify_trusted)(struct verifier *verifier, const struct signed_message *message,
                           const struct span *trusted, size_t trusted_count);

    /*
     * Is the message signed by the signer's certificate that it carries itself? Then owner is
     * SHA-256(signer's common name | tbsCertificate of the top-level certificate of the carried
     * chain).
     */
    bool (*verify_owner)(struct verifier *verifier, const struct signed_message *message,
                         uint8_t owner[SHA256_SIZE]);

    /* Is this one DER X.509 certificate with a key that signatures may be made with here? */
    bool (*check_certificate)(struct verifier *verifier, struct span certificate);

    void (*free)(struct verifier *verifier);
};

/* An implementation has this as its first member. */
struct verifier {
    const struct verifier_ops *ops;
};

static inline void verifier_free(struct verifier *verifier)
{
    if (verifier != NULL) {
        verifier->ops->free(verifier);
    }
}

#endif
