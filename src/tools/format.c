// SPDX-License-Identifier: BSD-2-Clause
#include "tools/format.h"

static const struct format *const formats[] = {&FORMAT_VARS, &FORMAT_EDK2, &FORMAT_JSON,
                                               &FORMAT_BASE64};

#define COUNT (sizeof(formats) / sizeof(formats[0]))

const struct format *format_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

const struct format *format_detect(struct span bytes)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (formats[i]->detect(bytes)) {
            return formats[i];
        }
    }
    return NULL;
}

void format_note_volatile(const struct document *document, struct notes *notes)
{
    for (size_t i = 0; i < store_count(document->store); i++) {
        const struct variable *variable = store_at(document->store, i);
        char name[128];

        if ((variable->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
            notes_add(notes, "the volatile variable %s is left out",
                      efi_name_format(name, sizeof(name), variable->name));
        }
    }
}
