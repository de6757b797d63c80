// SPDX-License-Identifier: BSD-2-Clause
/*
 * Open addressing with linear probing, at most half full. A removal moves back what probed past the
 * gap, so that there are no tombstones and a search ends at the first free slot.
 *
 * The hash has no secret: a guest that makes its own keys collide slows down its own daemon, by no
 * more than its quota's thousand variables.
 */
#include "store/index.h"

#include <assert.h>
#include <stdlib.h>

#define SIZE_MIN 16u

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t mix_bytes(uint64_t hash, const uint8_t *bytes, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); len -= sizeof(word), bytes += sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    for (size_t i = 0; i < len; i++) {
        word = word << 8 | bytes[i];
    }
    return mix(hash, word);
}

static uint32_t key_hash(const struct guid *guid, struct span name)
{
    return (uint32_t)mix_bytes(mix_bytes(name.len, guid->bytes, GUID_SIZE), name.data, name.len);
}

static size_t slot_after(const struct index *index, size_t slot)
{
    return (slot + 1) & (index->size - 1);
}

static size_t slot_home(const struct index *index, uint32_t hash)
{
    return hash & (index->size - 1);
}

struct variable *index_find(const struct index *index, const struct guid *guid, struct span name)
{
    if (index->size == 0) {
        return NULL;
    }
    uint32_t hash = key_hash(guid, name);
    for (size_t at = slot_home(index, hash);; at = slot_after(index, at)) {
        const struct index_slot *slot = &index->slots[at];

        if (slot->variable == NULL) {
            return NULL;
        }
        if (slot->hash == hash && guid_equal(&slot->variable->guid, guid) &&
            span_equal(slot->variable->name, name)) {
            return slot->variable;
        }
    }
}

static void slot_fill(struct index *index, struct index_slot entry)
{
    size_t at = slot_home(index, entry.hash);

    while (index->slots[at].variable != NULL) {
        at = slot_after(index, at);
    }
    index->slots[at] = entry;
}

bool index_reserve(struct index *index)
{
    struct index larger = {.size = index->size == 0 ? SIZE_MIN : 2 * index->size,
                           .count = index->count};

    if (2 * (index->count + 1) <= index->size) {
        return true;
    }
    larger.slots = calloc(larger.size, sizeof(struct index_slot));
    if (larger.slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < index->size; i++) {
        if (index->slots[i].variable != NULL) {
            slot_fill(&larger, index->slots[i]);
        }
    }
    free(index->slots);
    *index = larger;
    return true;
}

void index_add(struct index *index, struct variable *variable)
{
    assert(2 * (index->count + 1) <= index->size);
    slot_fill(index, (struct index_slot){.hash = key_hash(&variable->guid, variable->name),
                                         .variable = variable});
    index->count++;
}

/* How far a slot is behind another, going round. */
static size_t slot_distance(const struct index *index, size_t from, size_t to)
{
    return (to - from) & (index->size - 1);
}

void index_remove(struct index *index, const struct variable *variable)
{
    size_t gap = slot_home(index, key_hash(&variable->guid, variable->name));

    while (index->slots[gap].variable != variable) {
        assert(index->slots[gap].variable != NULL);
        gap = slot_after(index, gap);
    }
    for (size_t at = slot_after(index, gap); index->slots[at].variable != NULL;
         at = slot_after(index, at)) {
        size_t home = slot_home(index, index->slots[at].hash);
        if (slot_distance(index, home, at) >= slot_distance(index, gap, at)) {
            index->slots[gap] = index->slots[at];
            gap = at;
        }
    }
    index->slots[gap].variable = NULL;
    index->count--;
}

void index_free(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}
