// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the daemon and the process that verifies for it say to each other over a stream socket:
 * docs/SECURITY.md. One request, one answer, and never a second request before the answer.
 *
 *     request:  u32 length of what follows
 *               u32 sequence, u32 operation, u32 length of the PKCS #7 message, u32 length of the
 *               content, u32 count of certificates, u32 length of each
 *               the PKCS #7 message, the content, the certificates
 *     answer:   u32 sequence of the request, u32 0 or 1, 32 bytes owner
 *
 * All little-endian. Both sides read it as something hostile.
 */
#ifndef CRYPTO_VERIFIER_MESSAGE_H
#define CRYPTO_VERIFIER_MESSAGE_H

#include "base/reader.h"
#include "base/writer.h"
#include "crypto/verifier.h"

/* More than PK and a full KEK have of keys that are good enough. */
#define VERIFIER_CERTIFICATES_MAX 128u

#define VERIFIER_LENGTH_SIZE 4u
#define VERIFIER_HEAD_SIZE (VERIFIER_LENGTH_SIZE + 5 * 4u) /* without the certificates' lengths */
#define VERIFIER_HEAD_MAX (VERIFIER_HEAD_SIZE + VERIFIER_CERTIFICATES_MAX * 4u)
#define VERIFIER_ANSWER_SIZE (2 * 4u + SHA256_SIZE)

/* Of what follows the length: a SetVariable's name and data, and the certificates of two variables,
 * have room. */
#define VERIFIER_REQUEST_MAX (192u << 10)

enum verifier_operation {
    VERIFIER_TRUSTED = 1,     /* verify_trusted */
    VERIFIER_OWNER = 2,       /* verify_owner; no certificates */
    VERIFIER_CERTIFICATE = 3, /* check_certificate: of the only one, nothing else */
};

struct verifier_request {
    uint32_t sequence;
    enum verifier_operation operation;
    struct span pkcs7;
    struct span content;
    struct span certificates[VERIFIER_CERTIFICATES_MAX];
    size_t certificate_count;
};

struct verifier_answer {
    uint32_t sequence;
    bool yes;
    uint8_t owner[SHA256_SIZE]; /* zeros, unless verify_owner said yes */
};

/*
 * Writes all of a request but the bytes that its spans have, which go behind it in their order.
 * content's len is what counts here, its data isn't looked at. False when the request is too large.
 */
MUST_CHECK bool verifier_write_head(struct writer *out, const struct verifier_request *request);

/* Reads what follows the length. The spans lie in bytes. False for what verifier_write_head
 * wouldn't write, and when a byte is left over. */
MUST_CHECK bool verifier_read_request(struct verifier_request *out, struct span bytes);

void verifier_write_answer(struct writer *out, const struct verifier_answer *answer);

/* False for what verifier_write_answer wouldn't write. */
MUST_CHECK bool verifier_read_answer(struct verifier_answer *out, struct span bytes);

#endif
