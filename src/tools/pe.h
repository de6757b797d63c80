// SPDX-License-Identifier: BSD-2-Clause
/*
 * PE/COFF images (UEFI 2.10, 32.2.3), as far as their signatures go: what is hashed, and where the
 * signatures are.
 */
#ifndef TOOLS_PE_H
#define TOOLS_PE_H

#include "base/err.h"
#include "base/reader.h"

#define PE_SECTIONS_MAX 96u
#define PE_REGIONS_MAX (PE_SECTIONS_MAX + 4)

struct pe_image {
    uint16_t machine;
    struct span regions[PE_REGIONS_MAX]; /* hashed one behind the other */
    size_t region_count;
    struct span certificates; /* the certificate table; empty: the image isn't signed */
};

/* Spans of bytes. False with err set: not a PE image, or its parts are outside of it. */
bool pe_parse(struct pe_image *out, struct span bytes, struct err *err);

/*
 * The next WIN_CERTIFICATE with a PKCS #7 in the table; others are passed over. False at the end:
 * then *malformed says whether it came too early, because a length doesn't fit or the padding is
 * missing. Firmware takes no image with such a table.
 */
bool pe_next_signature(struct reader *table, struct span *pkcs7, bool *malformed);

#endif
