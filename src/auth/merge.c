// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is appended is mostly there already, and in the same order: a guest applies each edition of
 * dbx over the one before. So the new entries are first matched against the old ones with a cursor
 * that only moves forward, which costs one comparison each and finds all or most of them:
 *
 *     old   a b c d e           new   a b x c e
 *           ^                         a: known, b: known, x: not at the cursor (c), c: known,
 *                                     e: not at the cursor (d)
 *
 * What isn't found that way (x, e) is only suspected to be new. The suspects are sorted together
 * with all old entries, the older before the newer among equals; a suspect that equals the one
 * before it is a duplicate of an old entry or of an earlier suspect. Sorting, and not a hash table,
 * because the guest chooses the entries: there is no input that makes it slow.
 */
#include "auth/merge.h"

#include "auth/signature_list.h"
#include "base/cleanup.h"
#include "base/writer.h"

struct item {
    struct signature_entry entry;
    size_t position; /* in old and new counted through; the old ones come first */
};

struct merge {
    struct item *items; /* the old entries, then the suspects */
    size_t old_count;
    size_t count;
    bool *known; /* for each entry of new, by its position less old_count */
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = signature_entry_compare(&x->entry, &y->entry);

    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static void collect_old(struct merge *merge, struct span old)
{
    struct signature_walk walk = signature_walk_of(old);
    struct signature_entry entry;

    while (signature_walk_next(&walk, &entry)) {
        merge->items[merge->count] = (struct item){.entry = entry, .position = merge->count};
        merge->count++;
    }
    merge->old_count = merge->count;
}

/* The cursor: marks what is known, and puts the rest behind the old entries. */
static void collect_suspects(struct merge *merge, struct span new)
{
    struct signature_walk walk = signature_walk_of(new);
    struct signature_entry entry;
    size_t cursor = 0;

    for (size_t i = 0; signature_walk_next(&walk, &entry); i++) {
        if (cursor < merge->old_count &&
            signature_entry_compare(&merge->items[cursor].entry, &entry) == 0) {
            merge->known[i] = true;
            cursor++;
        } else {
            merge->items[merge->count++] =
                (struct item){.entry = entry, .position = merge->old_count + i};
        }
    }
}

/* Marks the suspects that aren't new; gives the number of those that are. */
static size_t judge_suspects(struct merge *merge)
{
    size_t new_count = 0;

    if (merge->count == merge->old_count) {
        return 0;
    }
    qsort(merge->items, merge->count, sizeof(struct item), compare_items);
    for (size_t i = 0; i < merge->count; i++) {
        const struct item *item = &merge->items[i];

        if (item->position < merge->old_count) {
            continue;
        }
        bool duplicate = i > 0 && signature_entry_compare(&item[-1].entry, &item->entry) == 0;
        merge->known[item->position - merge->old_count] = duplicate;
        new_count += duplicate ? 0 : 1;
    }
    return new_count;
}

/* Writes what is new of a list, whose first entry is the known[0]. */
static void write_list(struct writer *writer, const struct signature_list *list, const bool *known)
{
    size_t count = list->entries.len / list->entry_size;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        kept += known[i] ? 0 : 1;
    }
    if (kept == 0) {
        return;
    }
    writer_guid(writer, &list->type->guid);
    writer_u32le(writer, SIGNATURE_LIST_HEADER_SIZE + (uint32_t)kept * list->entry_size);
    writer_u32le(writer, 0);
    writer_u32le(writer, list->entry_size);
    for (size_t i = 0; i < count; i++) {
        if (!known[i]) {
            writer_bytes(writer,
                         span_of(list->entries.data + i * list->entry_size, list->entry_size));
        }
    }
}

static void write_new(struct writer *writer, struct span new, const bool *known)
{
    struct reader reader = reader_of(new);
    struct signature_list list;

    while (signature_list_read(&reader, &list)) {
        write_list(writer, &list, known);
        known += list.entries.len / list.entry_size;
    }
}

static efi_status write_merged(struct merged *out, struct span old, struct span new,
                               const bool *known)
{
    size_t capacity = old.len + new.len;
    auto_free uint8_t *joined = malloc(capacity);

    if (joined == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    struct writer writer = writer_of(joined, capacity);
    writer_bytes(&writer, old);
    write_new(&writer, new, known);
    if (!writer_ok(&writer)) {
        return EFI_OUT_OF_RESOURCES;
    }
    out->database = writer_span(&writer);
    out->owned = take_ptr(joined);
    return EFI_SUCCESS;
}

efi_status merge_append(struct merged *out, struct span old, struct span new)
{
    size_t old_count = signature_database_count(old);
    size_t new_count = signature_database_count(new);

    *out = (struct merged){.database = old};
    if (old_count == SIZE_MAX || new_count == SIZE_MAX) {
        return EFI_INVALID_PARAMETER;
    }
    auto_free struct item *items = calloc(old_count + new_count + 1, sizeof(struct item));
    auto_free bool *known = calloc(new_count + 1, sizeof(bool));
    if (items == NULL || known == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    struct merge merge = {.items = items, .known = known};
    collect_old(&merge, old);
    collect_suspects(&merge, new);
    return judge_suspects(&merge) == 0 ? EFI_SUCCESS : write_merged(out, old, new, known);
}
