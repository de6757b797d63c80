// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a key's variable is, in a time that doesn't depend on how many there are: a hash table
 * beside the store's sorted array. It owns nothing but its slots.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/store.h"

struct index_slot {
    uint32_t hash;
    struct variable *variable; /* NULL: free */
};

/* All zero: empty. */
struct index {
    struct index_slot *slots;
    size_t size; /* of slots: 0 or a power of two */
    size_t count;
};

/* Sees to room for one more, so that index_add can't fail. False without memory. */
bool index_reserve(struct index *index);

/* NULL when there is none. */
struct variable *index_find(const struct index *index, const struct guid *guid, struct span name);

void index_add(struct index *index, struct variable *variable);          /* its key isn't there */
void index_remove(struct index *index, const struct variable *variable); /* it is there */
void index_free(struct index *index);

#endif
