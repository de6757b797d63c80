// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bounded reader of little-endian bytes, the only way anything untrusted is parsed.
 *
 * Every call either gives its value and moves on, or returns false and changes nothing. Values come
 * through out parameters so that a result can't be used unchecked by mistake.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/efi.h"

struct reader {
    struct span rest; /* what is not read yet */
};

#define MUST_CHECK __attribute__((warn_unused_result))

static inline struct reader reader_of(struct span bytes)
{
    return (struct reader){.rest = bytes};
}

/* The next len bytes, valid as long as the bytes read from. len may be any number a file or guest
 * names. */
MUST_CHECK bool reader_span(struct reader *reader, struct span *out, uint64_t len);
MUST_CHECK bool reader_skip(struct reader *reader, uint64_t len);
MUST_CHECK bool reader_copy(struct reader *reader, void *out, size_t len);
MUST_CHECK bool reader_u8(struct reader *reader, uint8_t *out);
MUST_CHECK bool reader_u16le(struct reader *reader, uint16_t *out);
MUST_CHECK bool reader_u32le(struct reader *reader, uint32_t *out);
MUST_CHECK bool reader_u64le(struct reader *reader, uint64_t *out);
MUST_CHECK bool reader_guid(struct reader *reader, struct guid *out);
MUST_CHECK bool reader_time(struct reader *reader, struct efi_time *out); /* 16 bytes, any values */

/* Has everything been read? */
static inline bool reader_end(const struct reader *reader)
{
    return reader->rest.len == 0;
}

#endif
