// SPDX-License-Identifier: BSD-2-Clause
/* A file of this format, by anybody: what is read of it is written and read again as it was. */
#include "tools/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool has_volatile(const struct document *document)
{
    for (size_t i = 0; i < store_count(document->store); i++) {
        if ((store_at(document->store, i)->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
            return true;
        }
    }
    return false;
}

static void write_and_read(const struct document *document)
{
    struct notes notes = {0};
    struct document back;
    struct err err;
    size_t len;
    uint8_t *bytes = FORMAT_EDK2.encode(document, span_of(NULL, 0), &notes, &len, &err);

    if (bytes != NULL) {
        must(document_init(&back, &err));
        must(FORMAT_EDK2.decode(&back, span_of(bytes, len), &err));
        must(notes.count > 0 || has_volatile(document) ||
             store_count(back.store) == store_count(document->store));
        document_free(&back);
    }
    free(bytes);
    notes_free(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct document document;
    struct err err;

    must(document_init(&document, &err));
    if (FORMAT_EDK2.decode(&document, span_of(data, size), &err)) {
        write_and_read(&document);
    }
    document_free(&document);
    return 0;
}
