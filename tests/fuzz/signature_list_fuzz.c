// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signature databases and appends. The input is an old and a new database, the length of the first
 * (u16) before them. Whatever they are, what an append makes of good ones is good, begins with the
 * old one, has every new entry, and takes no second append of the same.
 */
#include "auth/merge.h"
#include "auth/signature_list.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static size_t walk_count(struct span database, bool *malformed)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;
    size_t count = 0;

    while (signature_walk_next(&walk, &entry)) {
        must(entry.whole.len > GUID_SIZE && entry.whole.data >= database.data &&
             entry.whole.data + entry.whole.len <= database.data + database.len);
        count++;
    }
    *malformed = walk.malformed;
    return count;
}

static void check_count(struct span database)
{
    bool malformed;
    size_t walked = walk_count(database, &malformed);
    size_t count = signature_database_count(database);

    must(malformed == (count == SIZE_MAX));
    must(malformed || walked == count);
}

static void check_append(struct span old, struct span new)
{
    struct merged merged;
    struct merged again;

    if (merge_append(&merged, old, new) != EFI_SUCCESS) {
        must(signature_database_count(old) == SIZE_MAX ||
             signature_database_count(new) == SIZE_MAX);
        return;
    }
    must(signature_database_count(merged.database) != SIZE_MAX);
    must(merged.database.len >= old.len && merged.database.len <= old.len + new.len);
    must(span_equal(span_of(merged.database.data, old.len), old));
    must(merge_append(&again, merged.database, new) == EFI_SUCCESS);
    must(again.owned == NULL && again.database.len == merged.database.len);
    free(merged.owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_of(span_of(data, size));
    struct span old;
    uint16_t len;

    if (!reader_u16le(&reader, &len) || !reader_span(&reader, &old, len)) {
        return 0;
    }
    check_count(old);
    check_count(reader.rest);
    check_append(old, reader.rest);
    return 0;
}
