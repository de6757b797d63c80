// SPDX-License-Identifier: BSD-2-Clause
/* EFI_VARIABLE_AUTHENTICATION_2: what is parsed is the whole input, in order, and nothing else. */
#include "auth/descriptor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct descriptor descriptor;

    if (!descriptor_parse(&descriptor, span_of(data, size))) {
        return 0;
    }
    must(descriptor.time_bytes.data == data && descriptor.time_bytes.len == EFI_TIME_SIZE);
    must(descriptor.pkcs7.len + descriptor.payload.len == size - DESCRIPTOR_SIZE_MIN);
    must(span_equal(descriptor.payload,
                    span_of(data + size - descriptor.payload.len, descriptor.payload.len)));
    return 0;
}
