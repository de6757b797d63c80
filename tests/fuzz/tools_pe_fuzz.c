// SPDX-License-Identifier: BSD-2-Clause
/* An image by anybody: what is hashed lies within it, and its signatures are taken apart. */
#include "tools/pe.h"

#include "crypto/authenticode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(struct span pkcs7)
{
    struct authenticode signature;
    struct span der;

    if (!authenticode_parse(&signature, pkcs7)) {
        return;
    }
    struct reader certificates = reader_of(signature.certificates);
    while (authenticode_next_certificate(&certificates, &der)) {
        if (der.len > pkcs7.len) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pe_image image;
    struct span pkcs7;
    struct err err;
    bool malformed;

    take_apart(span_of(data, size));
    if (!pe_parse(&image, span_of(data, size), &err)) {
        return 0;
    }
    for (size_t i = 0; i < image.region_count; i++) {
        const struct span *each = &image.regions[i];
        if (each->data < data || each->len > size || each->data + each->len > data + size) {
            abort();
        }
    }
    struct reader table = reader_of(image.certificates);
    while (pe_next_signature(&table, &pkcs7, &malformed)) {
        take_apart(pkcs7);
    }
    return 0;
}
