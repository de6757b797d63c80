// SPDX-License-Identifier: BSD-2-Clause
#include "tools/microsoft.h"

#include "auth/signature_list.h"
#include "crypto/certificate.h"

#define IN_KEK (MICROSOFT_KEK_2011 | MICROSOFT_KEK_2023)

static const struct {
    unsigned bit;
    const char *common_name;
} certificates[] = {
    {MICROSOFT_KEK_2011, "Microsoft Corporation KEK CA 2011"},
    {MICROSOFT_KEK_2023, "Microsoft Corporation KEK 2K CA 2023"},
    {MICROSOFT_WINDOWS_2011, "Microsoft Windows Production PCA 2011"},
    {MICROSOFT_WINDOWS_2023, "Windows UEFI CA 2023"},
    {MICROSOFT_UEFI_2011, "Microsoft Corporation UEFI CA 2011"},
    {MICROSOFT_UEFI_2023, "Microsoft UEFI CA 2023"},
    {MICROSOFT_OPTION_ROM_2023, "Microsoft Option ROM UEFI CA 2023"},
};

#define COUNT (sizeof(certificates) / sizeof(certificates[0]))

unsigned microsoft_certificate(struct span der)
{
    struct certificate certificate;
    uint8_t name[COMMON_NAME_MAX];

    if (!certificate_parse(&certificate, der)) {
        return 0;
    }
    size_t len = certificate_common_name(&certificate, name);
    for (size_t i = 0; i < COUNT; i++) {
        const char *known = certificates[i].common_name;
        if (span_equal(span_of(name, len), span_of(known, strlen(known)))) {
            return certificates[i].bit;
        }
    }
    return 0;
}

const char *microsoft_name(unsigned bit)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (certificates[i].bit == bit) {
            return certificates[i].common_name;
        }
    }
    return "";
}

static unsigned in_database(struct span database)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;
    unsigned found = 0;

    while (signature_walk_next(&walk, &entry)) {
        if (entry.type->certificate) {
            found |= microsoft_certificate(signature_entry_data(&entry));
        }
    }
    return found;
}

unsigned microsoft_in_kek(struct span kek)
{
    return in_database(kek) & IN_KEK;
}

unsigned microsoft_in_db(struct span db)
{
    return in_database(db) & ~(unsigned)IN_KEK;
}

bool microsoft_update_required(unsigned found)
{
    static const unsigned successors[][2] = {{MICROSOFT_KEK_2011, MICROSOFT_KEK_2023},
                                             {MICROSOFT_WINDOWS_2011, MICROSOFT_WINDOWS_2023},
                                             {MICROSOFT_UEFI_2011, MICROSOFT_UEFI_2023}};

    for (size_t i = 0; i < sizeof(successors) / sizeof(successors[0]); i++) {
        if ((found & successors[i][0]) != 0 && (found & successors[i][1]) == 0) {
            return true;
        }
    }
    return false;
}
