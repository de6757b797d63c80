// SPDX-License-Identifier: BSD-2-Clause
#include "support/fuzz_format.h"

#include <stdlib.h>

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

static void write_and_read(const struct format *format, const struct document *document)
{
    struct notes notes = {0};
    struct document back;
    struct err err;
    size_t len;
    uint8_t *bytes = format->encode(document, span_of(NULL, 0), &notes, &len, &err);

    if (bytes != NULL) {
        must(document_init(&back, &err));
        must(format->decode(&back, span_of(bytes, len), &err));
        must(notes.count > 0 || has_volatile(document) ||
             store_count(back.store) == store_count(document->store));
        document_free(&back);
    }
    free(bytes);
    notes_free(&notes);
}

void fuzz_format(const struct format *format, struct span bytes)
{
    struct document document;
    struct err err;

    must(document_init(&document, &err));
    if (format->decode(&document, bytes, &err)) {
        write_and_read(format, &document);
    }
    document_free(&document);
}
