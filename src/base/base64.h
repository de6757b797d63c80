// SPDX-License-Identifier: BSD-2-Clause
/*
 * Base64 as XAPI keeps a VARS blob: RFC 4648 section 4, padded, on one line.
 *
 * Its own few lines, because OpenSSL stays in crypto/ and its decoder takes texts that this one
 * must not.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/reader.h"
#include "base/writer.h"

/* The length of the text for len bytes. */
static inline size_t base64_encoded_size(size_t len)
{
    return len / 3 * 4 + (len % 3 != 0 ? 4 : 0);
}

void base64_encode(struct writer *out, struct span bytes);

/* Room that is enough for the bytes of a text of len characters. */
static inline size_t base64_decoded_size(size_t len)
{
    return len / 4 * 3;
}

/*
 * Strict: false for a character outside the alphabet (line ends too), missing or misplaced padding,
 * bits that the padding leaves unused and that are not zero, and when out is too small. An empty
 * text is no bytes.
 */
MUST_CHECK bool base64_decode(struct writer *out, struct span text);

#endif
