// SPDX-License-Identifier: BSD-2-Clause
/*
 * Making signatures, keys and certificates: for the tools. The daemon never does.
 */
#ifndef CRYPTO_PKCS7_SIGN_H
#define CRYPTO_PKCS7_SIGN_H

#include "base/err.h"
#include "base/span.h"

/*
 * A detached PKCS #7 SignedData of content, bare, as UEFI 2.10, 8.2.2 wants it: SHA-256, without
 * signed attributes, with the signer's certificate. Key and certificate in PEM. Allocated, for the
 * caller to free; NULL with err set.
 */
uint8_t *pkcs7_sign(struct span key_pem, struct span certificate_pem, struct span content,
                    size_t *len, struct err *err);

/*
 * A new RSA key and a certificate for it, signed by itself, in PEM; each allocated, for the caller
 * to free. False with err set.
 */
bool pkcs7_make_key(const char *common_name, unsigned days, char **key_pem, char **certificate_pem,
                    struct err *err);

/* The first certificate of a file, PEM or DER, as DER: allocated, for the caller to free; NULL with
 * err set. */
uint8_t *certificate_load(struct span file, size_t *len, struct err *err);

#endif
