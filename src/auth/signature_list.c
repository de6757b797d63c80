// SPDX-License-Identifier: BSD-2-Clause
#include "auth/signature_list.h"

/* UEFI 2.10, 32.4.1.2. X.509 certificates given by a digest come with a time of revocation. The one
 * type whose data may have any size is the X.509 certificate itself. */
#define TYPE(size, ...)                                                                            \
    {                                                                                              \
        GUID_INIT(__VA_ARGS__), (size), (size) == 0                                                \
    }

static const struct signature_type types[] = {
    /* SHA-1 */
    TYPE(20, 0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31, 0xbd),
    /* SHA-224 */
    TYPE(28, 0x0b6e5233, 0xa65c, 0x44c9, 0x94, 0x07, 0xd9, 0xab, 0x83, 0xbf, 0xc8, 0xbd),
    /* SHA-256 */
    TYPE(32, 0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28),
    /* SHA-384 */
    TYPE(48, 0xff3e5307, 0x9fd0, 0x48c9, 0x85, 0xf1, 0x8a, 0xd5, 0x6c, 0x70, 0x1e, 0x01),
    /* SHA-512 */
    TYPE(64, 0x093e0fae, 0xa6c4, 0x4f50, 0x9f, 0x1b, 0xd4, 0x1e, 0x2b, 0x89, 0xc1, 0x9a),
    /* RSA-2048: a modulus */
    TYPE(256, 0x3c5766e8, 0x269c, 0x4e34, 0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3, 0xb6),
    /* RSA-2048 signature of a SHA-1 digest */
    TYPE(256, 0x67f8444f, 0x8743, 0x48f1, 0xa3, 0x28, 0x1e, 0xaa, 0xb8, 0x73, 0x60, 0x80),
    /* RSA-2048 signature of a SHA-256 digest */
    TYPE(256, 0xe2b36190, 0x879b, 0x4a3d, 0xad, 0x8d, 0xf2, 0xe7, 0xbb, 0xa3, 0x27, 0x84),
    /* X.509 */
    TYPE(0, 0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72),
    /* SHA-256 of a tbsCertificate */
    TYPE(32 + EFI_TIME_SIZE, 0x3bd2a492, 0x96c0, 0x4079, 0xb4, 0x20, 0xfc, 0xf9, 0x8e, 0xf1, 0x03,
         0xed),
    /* SHA-384 of a tbsCertificate */
    TYPE(48 + EFI_TIME_SIZE, 0x7076876e, 0x80c2, 0x4ee6, 0xaa, 0xd2, 0x28, 0xb3, 0x49, 0xa6, 0x86,
         0x5b),
    /* SHA-512 of a tbsCertificate */
    TYPE(64 + EFI_TIME_SIZE, 0x446dbf63, 0x2502, 0x4cda, 0xbc, 0xfa, 0x24, 0x65, 0xd2, 0xb0, 0xfe,
         0x9d),
};

#undef TYPE

static const struct signature_type *find_type(const struct guid *guid)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (guid_equal(guid, &types[i].guid)) {
            return &types[i];
        }
    }
    return NULL;
}

/* None of the types has a header. */
static bool sizes_fit(const struct signature_type *type, uint32_t list_size, uint32_t header_size,
                      uint32_t entry_size)
{
    if (header_size != 0 || list_size < SIGNATURE_LIST_HEADER_SIZE || entry_size <= GUID_SIZE ||
        (type->data_size != 0 && entry_size != GUID_SIZE + type->data_size)) {
        return false;
    }
    uint32_t entries_size = list_size - SIGNATURE_LIST_HEADER_SIZE;
    return entries_size >= entry_size && entries_size % entry_size == 0;
}

bool signature_list_read(struct reader *reader, struct signature_list *out)
{
    struct reader at = *reader;
    struct guid guid;
    uint32_t list_size;
    uint32_t header_size;
    uint32_t entry_size;
    struct span entries;

    if (!reader_guid(&at, &guid) || !reader_u32le(&at, &list_size) ||
        !reader_u32le(&at, &header_size) || !reader_u32le(&at, &entry_size)) {
        return false;
    }
    const struct signature_type *type = find_type(&guid);
    if (type == NULL || !sizes_fit(type, list_size, header_size, entry_size) ||
        !reader_span(&at, &entries, list_size - SIGNATURE_LIST_HEADER_SIZE)) {
        return false;
    }
    *out = (struct signature_list){
        .type = type,
        .whole = span_of(reader->rest.data, list_size),
        .entries = entries,
        .entry_size = entry_size,
    };
    *reader = at;
    return true;
}

size_t signature_database_count(struct span database)
{
    struct reader reader = reader_of(database);
    struct signature_list list;
    size_t count = 0;

    while (!reader_end(&reader)) {
        if (!signature_list_read(&reader, &list)) {
            return SIZE_MAX;
        }
        count += list.entries.len / list.entry_size;
    }
    return count;
}

bool signature_walk_next(struct signature_walk *walk, struct signature_entry *out)
{
    if (reader_end(&walk->entries)) {
        if (reader_end(&walk->lists)) {
            return false;
        }
        if (!signature_list_read(&walk->lists, &walk->list)) {
            walk->malformed = true;
            return false;
        }
        walk->entries = reader_of(walk->list.entries);
    }
    out->type = walk->list.type;
    return reader_span(&walk->entries, &out->whole, walk->list.entry_size);
}

int signature_entry_compare(const struct signature_entry *a, const struct signature_entry *b)
{
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    return span_compare(a->whole, b->whole);
}
