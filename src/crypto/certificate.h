// SPDX-License-Identifier: BSD-2-Clause
/*
 * X.509 certificates (RFC 5280, 4.1): the fields that a decision about a signature depends on, as
 * spans of the certificate's own bytes. Nothing is allocated and no key is decoded: taking a
 * certificate apart costs less than a microsecond, where libcrypto's d2i_X509 costs five RSA
 * operations, so certificates need not be kept decoded.
 */
#ifndef CRYPTO_CERTIFICATE_H
#define CRYPTO_CERTIFICATE_H

#include "crypto/algorithm.h"

struct certificate {
    struct span whole;
    struct span tbs;     /* tbsCertificate with tag and length: what the signature covers */
    struct span serial;  /* the INTEGER's content, whatever its sign */
    struct span issuer;  /* Name with tag and length */
    struct span subject; /* Name with tag and length */
    struct public_key key;
    struct signature_algorithm algorithm;
    struct span signature;
    bool may_issue; /* basicConstraints cA, and keyUsage keyCertSign if there is a keyUsage */
    uint32_t path_len_max; /* certificates between this one and the last of a chain */
    bool unknown_critical; /* it has a critical extension that isn't understood here */
};

/* False unless der is exactly one certificate. */
MUST_CHECK bool certificate_parse(struct certificate *out, struct span der);

#define COMMON_NAME_MAX 512u /* bytes of UTF-8 */

/*
 * The first commonName of a certificate's subject in UTF-8: the bytes written, or 0 when there is
 * none, or it contains a NUL, is of no string type that can be converted, or is too long.
 */
size_t certificate_common_name(const struct certificate *certificate, uint8_t out[COMMON_NAME_MAX]);

#endif
