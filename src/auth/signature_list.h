// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signature databases (UEFI 2.10, 32.4.1): what PK, KEK, db, dbx and dbt hold.
 *
 * A database is a sequence of EFI_SIGNATURE_LIST:
 *
 *     type GUID | u32 list size | u32 header size | u32 entry size | header | entry | entry ...
 *
 * and an entry is an owner GUID and the signature's data. All entries of a list are of one size.
 */
#ifndef AUTH_SIGNATURE_LIST_H
#define AUTH_SIGNATURE_LIST_H

#include "base/reader.h"

#define SIGNATURE_LIST_HEADER_SIZE 28u

struct signature_type {
    struct guid guid;
    uint32_t data_size; /* bytes behind the owner; 0: any number but 0 */
    bool certificate;   /* the data is an X.509 certificate in DER */
};

struct signature_list {
    const struct signature_type *type;
    struct span whole;
    struct span entries; /* one behind the other */
    uint32_t entry_size; /* owner and data */
};

/*
 * Reads the next list, checking everything about it but the content of its entries: a known type,
 * the sizes that the type requires, one entry at least and a whole number of them.
 */
MUST_CHECK bool signature_list_read(struct reader *reader, struct signature_list *out);

/* The number of entries of well-formed lists that fill the database to its end; SIZE_MAX when they
 * don't. An empty database has none. */
size_t signature_database_count(struct span database);

/* Goes over the entries of a database, list by list. */
struct signature_walk {
    struct reader lists;
    struct reader entries; /* of list */
    struct signature_list list;
    bool malformed; /* the walk ended before the database's end */
};

struct signature_entry {
    const struct signature_type *type;
    struct span whole; /* owner and data */
};

static inline struct signature_walk signature_walk_of(struct span database)
{
    return (struct signature_walk){.lists = reader_of(database)};
}

/* The next entry; false at the end. */
MUST_CHECK bool signature_walk_next(struct signature_walk *walk, struct signature_entry *out);

/* What follows an entry's owner. */
static inline struct span signature_data(struct span entry)
{
    return span_of(entry.data + GUID_SIZE, entry.len - GUID_SIZE);
}

static inline struct span signature_entry_data(const struct signature_entry *entry)
{
    return signature_data(entry->whole);
}

/* Orders by type, then by owner and data; 0: the same signature. */
int signature_entry_compare(const struct signature_entry *a, const struct signature_entry *b);

#endif
