// SPDX-License-Identifier: BSD-2-Clause
/*
 * A sorted array of pointers to immutable variables, an index of their keys beside it, and a
 * journal of what has been changed. The index finds a variable; the array has the order, for walks.
 * A variable remembers where in the array it was last seen, so that the steps of a walk need no
 * search either.
 *
 * A change takes effect in the array at once, so that reads within a transaction see it, and leaves
 * what was there before in the journal. Commit forgets the journal; abort walks it backwards and
 * puts everything back:
 *
 *     begin (mark 0)   array  A B C     journal -
 *     put B'           array  A B' C    journal (B -> B')
 *     delete A         array  B' C      journal (B -> B') (A -> -)
 *     abort to 0       array  A B' C    journal (B -> B')         A comes back
 *                      array  A B C     journal -                 B' is freed, B is back
 *
 * Undoing needs no memory: the array never shrinks, and the journal holds the old variables
 * themselves. A nested transaction is nothing but a later mark in the same journal.
 */
#include "store/store.h"

#include "base/cleanup.h"
#include "store/index.h"

#include <assert.h>

/* before is NULL for what was created, after for what was deleted; not both. The journal owns
 * before. */
struct change {
    struct variable *before;
    struct variable *after;
};

/* What a pointer in the array or the journal points to. */
struct entry {
    struct variable variable;
    size_t position; /* where it was last seen in the array: right, or worth a search */
    uint8_t bytes[]; /* of its name, then of its data */
};

struct store {
    struct variable **variables; /* sorted by store_key_compare, no key twice */
    size_t count;
    size_t capacity;
    struct index index;
    size_t used; /* of STORE_SIZE_MAX, with the reserved part */
    struct change *journal;
    size_t journal_len;
    size_t journal_capacity;
    size_t depth; /* of transactions */
};

struct store *store_new(size_t reserved)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store != NULL) {
        store->used = reserved;
    }
    return store;
}

int store_key_compare(const struct guid *a_guid, struct span a_name, const struct guid *b_guid,
                      struct span b_name)
{
    int order = guid_compare(a_guid, b_guid);

    return order != 0 ? order : span_compare(a_name, b_name);
}

/* The position of the key, or where it would go; *found says which. */
static size_t store_search(const struct store *store, const struct guid *guid, struct span name,
                           bool *found)
{
    size_t low = 0;
    size_t high = store->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct variable *variable = store->variables[middle];
        int order = store_key_compare(&variable->guid, variable->name, guid, name);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct variable *store_get(const struct store *store, const struct guid *guid,
                                 struct span name)
{
    return index_find(&store->index, guid, name);
}

/* The position of a variable that is there. */
static size_t store_position(const struct store *store, struct variable *variable)
{
    struct entry *entry = (struct entry *)variable;
    bool found;

    if (entry->position >= store->count || store->variables[entry->position] != variable) {
        entry->position = store_search(store, &variable->guid, variable->name, &found);
    }
    return entry->position;
}

const struct variable *store_after(const struct store *store, const struct guid *guid,
                                   struct span name)
{
    struct variable *variable = index_find(&store->index, guid, name);
    bool found;

    return store_at(store, variable != NULL ? store_position(store, variable) + 1
                                            : store_search(store, guid, name, &found));
}

size_t store_count(const struct store *store)
{
    return store->count;
}

const struct variable *store_at(const struct store *store, size_t position)
{
    return position < store->count ? store->variables[position] : NULL;
}

size_t store_used(const struct store *store)
{
    return store->used;
}

size_t variable_cost(size_t name_len, size_t data_len)
{
    return name_len + data_len + STORE_VARIABLE_OVERHEAD;
}

static size_t cost_of(const struct variable *variable)
{
    return variable == NULL ? 0 : variable_cost(variable->name.len, variable->data.len);
}

/* One allocation: the variable, its name, its data. */
static struct variable *variable_copy(const struct variable *from)
{
    struct entry *entry = malloc(sizeof(*entry) + from->name.len + from->data.len);

    if (entry == NULL) {
        return NULL;
    }
    uint8_t *name = entry->bytes;
    uint8_t *data = name + from->name.len;

    entry->variable = *from;
    entry->position = 0;
    memcpy(name, from->name.data, from->name.len);
    memcpy(data, from->data.data, from->data.len);
    entry->variable.name.data = name;
    entry->variable.data.data = data;
    return &entry->variable;
}

/* Sees to room for one more element of size bytes in a growing array. */
static bool reserve_one(void *array, size_t len, size_t *capacity, size_t size)
{
    void **elements = array;

    if (len < *capacity) {
        return true;
    }
    size_t larger = *capacity == 0 ? 16 : 2 * *capacity;
    void *moved = realloc(*elements, larger * size);

    if (moved == NULL) {
        return false;
    }
    *elements = moved;
    *capacity = larger;
    return true;
}

static void slot_insert(struct store *store, size_t position, struct variable *variable)
{
    struct variable **slot = store->variables + position;

    memmove(slot + 1, slot, (store->count - position) * sizeof(struct variable *));
    *slot = variable;
    store->count++;
}

static void slot_remove(struct store *store, size_t position)
{
    struct variable **slot = store->variables + position;

    store->count--;
    memmove(slot, slot + 1, (store->count - position) * sizeof(struct variable *));
}

/* Makes `to` what the array and the index have in place of `from`; one of the two may be NULL.
 * There is room. */
static void store_exchange(struct store *store, struct variable *from, struct variable *to)
{
    bool found = false;
    size_t position = from != NULL ? store_position(store, from)
                                   : store_search(store, &to->guid, to->name, &found);

    assert(!found);
    if (from == NULL) {
        slot_insert(store, position, to);
    } else if (to == NULL) {
        slot_remove(store, position);
    } else {
        store->variables[position] = to;
    }
    if (from != NULL) {
        index_remove(&store->index, from);
    }
    if (to != NULL) {
        ((struct entry *)to)->position = position;
        index_add(&store->index, to);
    }
    store->used += cost_of(to);
    store->used -= cost_of(from);
}

size_t store_begin(struct store *store)
{
    store->depth++;
    return store->journal_len;
}

static void store_change(struct store *store, struct variable *before, struct variable *after)
{
    store_exchange(store, before, after);
    store->journal[store->journal_len++] = (struct change){.before = before, .after = after};
}

static bool store_reserve(struct store *store)
{
    return reserve_one(&store->variables, store->count, &store->capacity,
                       sizeof(struct variable *)) &&
           index_reserve(&store->index) &&
           reserve_one(&store->journal, store->journal_len, &store->journal_capacity,
                       sizeof(struct change));
}

bool store_put(struct store *store, const struct variable *variable)
{
    assert(store->depth > 0 && variable->name.len > 0 && variable->data.len > 0);
    if (!store_reserve(store)) {
        return false;
    }
    struct variable *copy = variable_copy(variable);
    if (copy == NULL) {
        return false;
    }
    store_change(store, index_find(&store->index, &copy->guid, copy->name), copy);
    return true;
}

bool store_delete(struct store *store, const struct guid *guid, struct span name)
{
    struct variable *before = index_find(&store->index, guid, name);

    assert(store->depth > 0);
    if (before == NULL) {
        return true;
    }
    if (!store_reserve(store)) {
        return false;
    }
    store_change(store, before, NULL);
    return true;
}

efi_status store_check_quota(const struct store *store, size_t mark)
{
    size_t used_at_mark = store->used;

    for (size_t i = mark; i < store->journal_len; i++) {
        const struct change *change = &store->journal[i];

        if (change->after != NULL && change->after->data.len > STORE_DATA_MAX) {
            return EFI_OUT_OF_RESOURCES;
        }
        used_at_mark += cost_of(change->before);
        used_at_mark -= cost_of(change->after);
    }
    if (store->used > STORE_SIZE_MAX && store->used > used_at_mark) {
        return EFI_OUT_OF_RESOURCES;
    }
    return EFI_SUCCESS;
}

bool store_changed(const struct store *store, size_t mark,
                   bool (*matches)(const struct variable *variable))
{
    for (size_t i = mark; i < store->journal_len; i++) {
        const struct change *change = &store->journal[i];

        if ((change->before != NULL && matches(change->before)) ||
            (change->after != NULL && matches(change->after))) {
            return true;
        }
    }
    return false;
}

void store_commit(struct store *store, size_t mark)
{
    assert(store->depth > 0 && mark <= store->journal_len);
    if (--store->depth > 0) {
        return;
    }
    for (size_t i = 0; i < store->journal_len; i++) {
        free(store->journal[i].before);
    }
    store->journal_len = 0;
}

static void store_undo(struct store *store, size_t mark)
{
    while (store->journal_len > mark) {
        struct change *last = &store->journal[--store->journal_len];

        store_exchange(store, last->after, last->before);
        free(last->after);
    }
}

void store_abort(struct store *store, size_t mark)
{
    assert(store->depth > 0);
    store_undo(store, mark);
    store->depth--;
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    store_undo(store, 0);
    for (size_t i = 0; i < store->count; i++) {
        free(store->variables[i]);
    }
    free(store->variables);
    index_free(&store->index);
    free(store->journal);
    free(store);
}
