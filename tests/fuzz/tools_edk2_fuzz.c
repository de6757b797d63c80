// SPDX-License-Identifier: BSD-2-Clause
/* OVMF_VARS.fd and the like, by anybody. */
#include "support/fuzz_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_format(&FORMAT_EDK2, span_of(data, size));
    return 0;
}
