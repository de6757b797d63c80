// SPDX-License-Identifier: BSD-2-Clause
/* The JSON of virt-firmware and QEMU, by anybody. */
#include "support/fuzz_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_format(&FORMAT_JSON, span_of(data, size));
    return 0;
}
