// SPDX-License-Identifier: BSD-2-Clause
/*
 * Would firmware with these db and dbx start this image? UEFI 2.10, 32.5.3.3, in the order and with
 * the rules of edk2:
 *
 * - an image without signatures is allowed when its SHA-256 is in db and not in dbx;
 * - otherwise signature by signature, of which each can end it: one that leads to a certificate of
 *   dbx; one whose signer's certificate dbx has the digest of (or with a signer that it doesn't
 *   carry, once there is a dbx); the image's hash, by the signature's algorithm, in dbx;
 * - one that leads to a certificate of db is enough, unless dbx has that certificate's digest; and
 *   so is the image's hash in db;
 * - a certificate table that is damaged allows nothing.
 *
 * Dates don't matter. A digest in dbx counts whatever its time of revocation is: firmware looks at
 * that only with a dbt and a signed time stamp.
 */
#ifndef TOOLS_IMAGE_CHECK_H
#define TOOLS_IMAGE_CHECK_H

#include "auth/signature_list.h"
#include "crypto/authenticode.h"
#include "crypto/primitives.h"
#include "tools/pe.h"

#define IMAGE_SIGNATURES_MAX 32u

enum image_finding {
    IMAGE_NOT_FOUND,   /* neither allowed nor forbidden */
    IMAGE_PASSED_OVER, /* a signature that can't be read, or with a digest that firmware hasn't */
    IMAGE_ALLOWED_BY_CERTIFICATE,
    IMAGE_ALLOWED_BY_HASH,
    IMAGE_FORBIDDEN_BY_CERTIFICATE,
    IMAGE_FORBIDDEN_BY_DIGEST, /* of the signer's certificate */
    IMAGE_FORBIDDEN_WITHOUT_SIGNER,
    IMAGE_FORBIDDEN_BY_HASH,
    IMAGE_FORBIDDEN_BY_DAMAGE,
};

/* Which entry of which list of db or dbx: each counted from 1; list 0: there is none. */
struct image_place {
    const char *database;
    size_t list, number;
    struct signature_entry entry;
};

struct image_result {
    enum image_finding finding;
    struct image_place place;
    size_t signature; /* counted from 1; 0: of the image as a whole */
};

struct image_signature {
    struct authenticode authenticode;
    bool matches; /* it is of this image */
    struct image_result result;
};

struct image_check {
    struct image_signature signatures[IMAGE_SIGNATURES_MAX];
    size_t count;
    uint8_t sha256[DIGEST_SIZE_MAX]; /* 32 bytes: the image's Authenticode hash */
    struct image_result result;      /* what decides it */
};

bool image_finding_allows(enum image_finding finding);
bool image_finding_forbids(enum image_finding finding);

/* False with err set: libcrypto failed, or there are too many signatures. The result points into
 * the image's bytes and db and dbx. */
bool image_check_run(struct image_check *out, const struct pe_image *image, struct span db,
                     struct span dbx, struct err *err);

#endif
