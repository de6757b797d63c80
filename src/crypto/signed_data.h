// SPDX-License-Identifier: BSD-2-Clause
/*
 * PKCS #7 SignedData (RFC 2315, 9; as CMS: RFC 5652, 5), as UEFI 2.10, 8.2.2 has it: detached
 * content of type data, one signer, named by issuer and serial number.
 */
#ifndef CRYPTO_SIGNED_DATA_H
#define CRYPTO_SIGNED_DATA_H

#include "crypto/algorithm.h"

struct signed_data {
    struct span certificates;   /* the certificates carried, one behind the other; may be empty */
    struct span issuer;         /* of the signer's certificate: Name with tag and length */
    struct span serial;         /* INTEGER's content */
    enum digest digest;         /* never DIGEST_NONE */
    bool ecdsa;                 /* else RSA */
    struct span attributes;     /* the signed attributes as they lie there, tag [0]; empty: none */
    struct span message_digest; /* the attribute messageDigest; empty without signed attributes */
    struct span signature;
};

/*
 * False unless der is exactly one SignedData, bare or in a ContentInfo, of version 1, without
 * content or revocation lists, with exactly one signer, whose algorithms are known and good enough
 * and fit each other. A second signer is refused, valid or not: UEFI has one, and "who signed this"
 * has one answer.
 */
MUST_CHECK bool signed_data_parse(struct signed_data *out, struct span der);

#endif
