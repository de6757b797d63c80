// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys, certificates, signature lists and signed SetVariables, made by libcrypto's own CMS and
 * X.509 code, for tests and the demo.
 *
 *     struct signing_key *pk = signing_key_new(&(struct signing_key_options){.name = "PK"});
 *     size_t len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(pk));
 *     len = signing_write(data, sizeof(data), pk, NULL, &(struct signing_target){
 *         .guid = &EFI_GLOBAL_VARIABLE, .name = EFI_NAME("PK"), .attributes = AUTH_KEY_ATTRIBUTES,
 *         .time = signing_time(1), .payload = span_of(esl, len)});
 *
 * What fails here ends the program: a test without its fixtures has nothing to say.
 */
#ifndef SUPPORT_SIGNING_H
#define SUPPORT_SIGNING_H

#include "base/efi.h"

struct signing_key; /* a private key and its certificate */

/* Members that are zero take the usual: RSA-2048, SHA-256, self-signed, a CA, serial number 1. */
struct signing_key_options {
    const char *name; /* the subject's common name */
    unsigned bits;
    unsigned exponent;
    const char *curve;                  /* "P-256": ECDSA instead of RSA */
    const char *digest;                 /* of the certificate's signature */
    const struct signing_key *issuer;   /* who signs the certificate */
    const struct signing_key *same_key; /* another certificate for the key of this one */
    bool leaf;                          /* not a CA */
    const char *path_len;               /* "0" */
    const char *key_usage;              /* "critical,digitalSignature" */
    bool unknown_critical;              /* with a critical extension that nobody knows */
    bool extension_twice;               /* with two basicConstraints */
    bool expired;
    long serial;
};

struct signing_key *signing_key_new(const struct signing_key_options *options);
void signing_key_free(struct signing_key *key); /* NULL is fine */

/* The certificate in DER; valid as long as the key. */
struct span signing_certificate(const struct signing_key *key);

/* Writes private key and certificate as PEM. */
void signing_key_save(const struct signing_key *key, const char *key_path, const char *cert_path);

#define SIGNING_CARRIED_MAX 20

/* How a signature is made. Zero: SHA-256, bare SignedData, no signed attributes, the signer's
 * certificate carried. */
struct signing_options {
    const char *digest;
    bool attributes;                                        /* with signed attributes */
    bool content_info;                                      /* in a ContentInfo */
    bool no_certificates;                                   /* carry none */
    bool by_key_id;                                         /* name the signer by key identifier */
    bool attached;                                          /* carry the content */
    const struct signing_key *carried[SIGNING_CARRIED_MAX]; /* further certificates to carry */
    const struct signing_key *second;                       /* a second signer */
};

/* A PKCS #7 signature of the content by key. Gives its length. */
size_t signing_pkcs7(uint8_t *out, size_t capacity, const struct signing_key *key,
                     const struct signing_options *options, struct span content);

/* An RSA signature (PKCS #1 v1.5, SHA-256) of the bytes, as it is. Gives its length. */
size_t signing_raw(uint8_t *out, size_t capacity, const struct signing_key *key, struct span bytes);

/* What is written where. */
struct signing_target {
    const struct guid *guid;
    struct span name;
    uint32_t attributes; /* of the call, with APPEND_WRITE where it has it */
    struct efi_time time;
    struct span payload;
};

/* The data of a SetVariable: descriptor, signature by key, payload. key NULL: an empty signature.
 * options may be NULL. */
size_t signing_write(uint8_t *out, size_t capacity, const struct signing_key *key,
                     const struct signing_options *options, const struct signing_target *target);

/* The same with PKCS #7 made elsewhere. */
size_t signing_wrap(uint8_t *out, size_t capacity, const struct efi_time *time, struct span pkcs7,
                    struct span payload);

/* What the signature of a write covers, written out. */
size_t signing_content(uint8_t *out, size_t capacity, const struct signing_target *target);

/* A time that is the later the greater n. */
struct efi_time signing_time(unsigned n);

/* Signature lists with one owner. Each gives the length. */
size_t signing_esl_certificate(uint8_t *out, size_t capacity, struct span certificate);

/* One list of count SHA-256 entries: the numbers from `first` on, made to look like hashes. */
size_t signing_esl_hashes(uint8_t *out, size_t capacity, unsigned first, unsigned count);

/* The length of such a list. */
size_t signing_esl_hashes_size(unsigned count);

#endif
