// SPDX-License-Identifier: BSD-2-Clause
/*
 * The two operations that are libcrypto's: a digest, and the check of a signature with a public
 * key.
 *
 * Nothing of libcrypto is touched before the first of them. What it then fetches is kept, as is
 * each key that has been used, for as long as it is among the last KEY_CACHE_SIZE: a key is found
 * again by its own bytes, so there is nothing to forget when PK or KEK change.
 */
#ifndef CRYPTO_PRIMITIVES_H
#define CRYPTO_PRIMITIVES_H

#include "crypto/algorithm.h"

#define KEY_CACHE_SIZE 8u /* PK, the certificates of a KEK, and those between them and a signer */

struct primitives;

struct primitives *primitives_new(void); /* NULL without memory */
void primitives_free(struct primitives *primitives);

/* The parts' digest, as if they lay one behind the other. Gives its size in bytes, or 0 when
 * libcrypto fails. */
size_t primitives_digest(struct primitives *primitives, enum digest digest,
                         uint8_t out[DIGEST_SIZE_MAX], const struct span *parts, size_t count);

/* Is signature one of hash (the digest's size) by key? False for a key that can't be used, too. */
bool primitives_verify(struct primitives *primitives, const struct public_key *key,
                       enum digest digest, struct span hash, struct span signature);

#endif
