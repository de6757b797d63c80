// SPDX-License-Identifier: BSD-2-Clause
/* PE images and their signatures, with a db and dbx in front: u16 length each. */
#include "tools/image_check.h"

#include <stdlib.h>

/*
 * libcrypto 3.0's PKCS7_verify loses a BIO when a signature's digest algorithm can't be had. The
 * stack that a leak is known by ends in libcrypto; what of ours would leak is seen by
 * image_check_test.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libcrypto.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span take(struct reader *reader)
{
    struct span database = span_of(NULL, 0);
    uint16_t len;

    if (!reader_u16le(reader, &len) || !reader_span(reader, &database, len)) {
        return span_of(NULL, 0);
    }
    return database;
}

static void check_image(struct span bytes, struct span db, struct span dbx)
{
    static struct image_check check;
    struct pe_image image;

    if (!pe_parse(&image, bytes, NULL) || !image_check_run(&check, &image, db, dbx, NULL)) {
        return;
    }
    if (db.len == 0 && image_finding_allows(check.result.finding)) {
        abort();
    }
}

/* A signature by itself, so that damage to it isn't hidden behind the headers. */
static void check_signature(struct span bytes, struct span certificate)
{
    struct authenticode signature;
    struct span der;

    if (authenticode_parse(&signature, bytes)) {
        struct reader signers = reader_of(signature.signers);

        while (authenticode_next_signer(&signature, &signers, &der)) {
            (void)authenticode_signed_by(&signature, der);
        }
        (void)authenticode_signed_by(&signature, certificate);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_of(span_of(data, size));
    struct span db = take(&reader);
    struct span dbx = take(&reader);

    check_image(reader.rest, db, dbx);
    check_signature(reader.rest, db);
    return 0;
}
