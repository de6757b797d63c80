// SPDX-License-Identifier: BSD-2-Clause
/*
 * The variables of one VM, in memory: sorted by (GUID, name), changed in transactions.
 *
 * What a look-up or a step of a walk costs doesn't depend on how many there are. Nothing is
 * remembered between the steps of a walk, so a guest that changes variables while it walks can't
 * confuse anything. Within a transaction, reads see the changes made so far.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/efi.h"

/* The quota (QueryVariableInfo): all variables together, and one variable's data; bytes. */
#define STORE_SIZE_MAX 131072u
#define STORE_DATA_MAX 57344u
#define STORE_VARIABLE_OVERHEAD 128u /* what a variable costs beside its name and data */

#define OWNER_SIZE 32 /* SHA-256 */

/* A variable. One that the store gives out is immutable, and valid until the variable is next
 * changed or deleted. */
struct variable {
    struct guid guid;
    struct span name; /* UTF-16LE, no terminator, 1 byte at least */
    struct span data; /* 1 byte at least */
    uint32_t attributes;
    struct efi_time time;      /* of a time-based authenticated variable, else zero */
    uint8_t owner[OWNER_SIZE]; /* of a private authenticated variable, else zero: see auth/auth.h */
};

struct store;

/* An empty store, or NULL when there is no memory. reserved: bytes of the quota that are taken by
 * what isn't stored. */
struct store *store_new(size_t reserved);
void store_free(struct store *store); /* NULL is fine */

/* NULL when there is none. */
const struct variable *store_get(const struct store *store, const struct guid *guid,
                                 struct span name);

/* The first variable whose (GUID, name) is greater, whether or not there is one with this; NULL at
 * the end. */
const struct variable *store_after(const struct store *store, const struct guid *guid,
                                   struct span name);

/* By position in the order, for going over all: 0 to store_count() - 1. */
size_t store_count(const struct store *store);
const struct variable *store_at(const struct store *store, size_t position);

/* Orders keys as the store does. */
int store_key_compare(const struct guid *a_guid, struct span a_name, const struct guid *b_guid,
                      struct span b_name);

/* What the variables cost of STORE_SIZE_MAX, the reserved part included. It may be above: blobs in
 * the field are. */
size_t store_used(const struct store *store);

/* Name and data plus the overhead. */
size_t variable_cost(size_t name_len, size_t data_len);

/*
 * Transactions. A begin gives a mark; commit and abort take it back. They nest: an inner commit
 * leaves its changes to the outer transaction, and what an outer abort undoes includes them.
 */
size_t store_begin(struct store *store);

/* Creates or replaces. The variable is copied. False: no memory, and nothing changed. No quota is
 * checked here. */
bool store_put(struct store *store, const struct variable *variable);

/* False: no memory, and nothing changed. What isn't there is gone already: true. */
bool store_delete(struct store *store, const struct guid *guid, struct span name);

/*
 * May what was changed since the mark be kept? EFI_SUCCESS, or EFI_OUT_OF_RESOURCES where a
 * variable that was put is over STORE_DATA_MAX or the whole is over STORE_SIZE_MAX and larger than
 * at the mark.
 */
efi_status store_check_quota(const struct store *store, size_t mark);

/* Does one of the variables that were changed since the mark match, as it was or as it is? */
bool store_changed(const struct store *store, size_t mark,
                   bool (*matches)(const struct variable *variable));

void store_commit(struct store *store, size_t mark); /* can't fail */
void store_abort(struct store *store, size_t mark);  /* all is as it was at the mark; can't fail */

#endif
