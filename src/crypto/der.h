// SPDX-License-Identifier: BSD-2-Clause
/*
 * DER (X.690), as much as certificates and signatures need: definite lengths in their one shortest
 * form, tags of one byte. Whatever else there is is refused, never skipped.
 *
 * As with base/reader.h, a call either gives its value and moves on, or returns false and changes
 * nothing.
 */
#ifndef CRYPTO_DER_H
#define CRYPTO_DER_H

#include "base/reader.h"

#define DER_BOOLEAN 0x01u
#define DER_INTEGER 0x02u
#define DER_BIT_STRING 0x03u
#define DER_OCTET_STRING 0x04u
#define DER_NULL 0x05u
#define DER_OID 0x06u
#define DER_UTC_TIME 0x17u
#define DER_GENERALIZED_TIME 0x18u
#define DER_SEQUENCE 0x30u
#define DER_SET 0x31u
#define DER_CONTEXT(n) (0x80u | (n))             /* [n] IMPLICIT of a primitive type */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0u | (n)) /* [n] of anything else */

struct der_value {
    uint8_t tag;
    struct span content;
    struct span whole; /* with tag and length */
};

/* Is there a next value, and has it this tag? */
bool der_next_is(const struct reader *reader, uint8_t tag);

MUST_CHECK bool der_read_any(struct reader *reader, struct der_value *out);

/* The content of the next value, which has to have this tag. */
MUST_CHECK bool der_read(struct reader *reader, uint8_t tag, struct span *content);

/* The same, to be read piece by piece. */
MUST_CHECK bool der_enter(struct reader *reader, uint8_t tag, struct reader *inside);

/* The next value with tag and length; it has to have this tag. */
MUST_CHECK bool der_read_whole(struct reader *reader, uint8_t tag, struct span *whole);

/* An INTEGER that isn't negative: its bytes, highest first, without leading zeros (none for 0). */
MUST_CHECK bool der_read_unsigned(struct reader *reader, struct span *magnitude);

/* An INTEGER between 0 and 2^16 - 1. */
MUST_CHECK bool der_read_small(struct reader *reader, uint32_t *out);

/* A BIT STRING of whole bytes. */
MUST_CHECK bool der_read_bits(struct reader *reader, struct span *bytes);

#endif
