// SPDX-License-Identifier: BSD-2-Clause
/* What a guest has written into variables, decoded for people: device paths, boot entries, lists.
 */
#include "tools/describe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span names[] = {
        EFI_NAME_INIT("Boot0001"), EFI_NAME_INIT("ConIn"),     EFI_NAME_INIT("db"),
        EFI_NAME_INIT("Timeout"),  EFI_NAME_INIT("BootOrder"), EFI_NAME_INIT("SbatLevel"),
    };

    if (size < 2) {
        return 0;
    }
    const struct variable variable = {
        .guid = EFI_GLOBAL_VARIABLE,
        .name = names[data[0] % (sizeof(names) / sizeof(names[0]))],
        .data = span_of(data + 1, size - 1),
        .attributes = EFI_VARIABLE_NV_BS_RT,
    };
    auto_tree json_t *tree = describe_variable(&variable, (data[0] & 0x80) != 0);
    char *text = json_dumps(tree, 0);
    if (text == NULL) {
        abort();
    }
    free(text);
    return 0;
}
