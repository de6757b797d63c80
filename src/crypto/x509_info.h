// SPDX-License-Identifier: BSD-2-Clause
/* What people want to know of a certificate. */
#ifndef CRYPTO_X509_INFO_H
#define CRYPTO_X509_INFO_H

#include "base/span.h"

struct x509_info {
    char subject[256]; /* "CN=..., O=..." */
    char issuer[256];
    char common_name[128];
    char serial[80];     /* hexadecimal */
    char not_before[12]; /* "2026-06-24" */
    char not_after[12];
    char key[32];         /* "RSA 2048" */
    char fingerprint[65]; /* SHA-256 of the whole, hexadecimal */
    bool expired;         /* by this machine's clock */
};

/* False when it isn't a certificate. */
bool x509_info_read(struct x509_info *out, struct span der);

/* SHA-256, in hexadecimal. */
void x509_info_digest(char out[65], struct span bytes);

#endif
