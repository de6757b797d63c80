// SPDX-License-Identifier: BSD-2-Clause
/*
 * The algorithms that signatures may be made with: SHA-256, SHA-384 and SHA-512, with RSA
 * (PKCS #1 v1.5) or ECDSA. Nothing weaker has a name here, so nothing weaker can be asked for.
 */
#ifndef CRYPTO_ALGORITHM_H
#define CRYPTO_ALGORITHM_H

#include "crypto/der.h"

enum digest {
    DIGEST_NONE, /* one that isn't known or isn't good enough: nothing verifies with it */
    DIGEST_SHA256,
    DIGEST_SHA384,
    DIGEST_SHA512,
    DIGEST_COUNT,
};

#define DIGEST_SIZE_MAX 64u

enum key_type {
    KEY_UNKNOWN, /* one that nothing verifies with */
    KEY_RSA,
    KEY_EC_P256,
    KEY_EC_P384,
};

struct public_key {
    enum key_type type;
    struct span encoded;           /* what subjectPublicKey holds; the key's identity */
    struct span modulus, exponent; /* of RSA: highest byte first, no leading zeros */
};

/* What made a signature. digest is DIGEST_NONE where the identifier doesn't tell (rsaEncryption).
 */
struct signature_algorithm {
    bool known;
    bool ecdsa;
    enum digest digest;
};

/*
 * Each reads an AlgorithmIdentifier (RFC 5280, 4.1.1.2). False when it is malformed; an algorithm
 * that isn't known is not an error here, but DIGEST_NONE or !known.
 */
MUST_CHECK bool algorithm_read_digest(struct reader *reader, enum digest *out);
MUST_CHECK bool algorithm_read_signature(struct reader *reader, struct signature_algorithm *out);

/*
 * Reads a SubjectPublicKeyInfo. False when it is malformed. A key that is well-formed but of
 * another kind, or RSA of less than 2048 or more than 4096 bits, is KEY_UNKNOWN.
 */
MUST_CHECK bool public_key_read(struct reader *reader, struct public_key *out);

static inline bool public_key_is_ec(const struct public_key *key)
{
    return key->type == KEY_EC_P256 || key->type == KEY_EC_P384;
}

#endif
