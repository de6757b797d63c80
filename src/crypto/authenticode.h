// SPDX-License-Identifier: BSD-2-Clause
/*
 * Authenticode signatures as firmware checks them (UEFI 2.10, 32.5.1): for the tools, which tell
 * what firmware will do. The daemon never does.
 */
#ifndef CRYPTO_AUTHENTICODE_H
#define CRYPTO_AUTHENTICODE_H

#include "crypto/algorithm.h"

struct authenticode {
    struct span whole;        /* the ContentInfo, without padding behind it */
    struct span content;      /* SpcIndirectDataContent without tag and length: what is signed */
    enum digest digest;       /* DIGEST_NONE: one that isn't known here */
    struct span image_digest; /* of the image, as the signature has it */
    struct span certificates; /* carried, one behind the other */
    struct span signers;      /* SignerInfo, one behind the other */
};

/* False when it isn't one. */
MUST_CHECK bool authenticode_parse(struct authenticode *out, struct span pkcs7);

/* Does the signature lead to this certificate (DER)? Dates and key purposes are not looked at. */
bool authenticode_signed_by(const struct authenticode *signature, struct span certificate);

/* The next of the carried certificates. */
MUST_CHECK bool authenticode_next_certificate(struct reader *certificates, struct span *der);

/* The certificate of the next signer, of those carried; begin with a reader of signers. False at
 * the end, and for a signer whose certificate isn't carried: then the reader isn't at its end. */
MUST_CHECK bool authenticode_next_signer(const struct authenticode *signature,
                                         struct reader *signers, struct span *der);

#endif
