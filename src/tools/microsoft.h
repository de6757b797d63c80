// SPDX-License-Identifier: BSD-2-Clause
/*
 * Microsoft's certificates of 2011, which have expired, and those of 2023 in their place.
 */
#ifndef TOOLS_MICROSOFT_H
#define TOOLS_MICROSOFT_H

#include "base/span.h"

/* Bits for the certificates; those of KEK and of db have nothing in common. */
enum microsoft_certificate {
    MICROSOFT_KEK_2011 = 1u << 0,
    MICROSOFT_KEK_2023 = 1u << 1,
    MICROSOFT_WINDOWS_2011 = 1u << 2,
    MICROSOFT_WINDOWS_2023 = 1u << 3,
    MICROSOFT_UEFI_2011 = 1u << 4,
    MICROSOFT_UEFI_2023 = 1u << 5,
    MICROSOFT_OPTION_ROM_2023 = 1u << 6,
};

/* Which of them are in KEK, and which in db (signature lists; whatever isn't is passed over)? */
unsigned microsoft_in_kek(struct span kek);
unsigned microsoft_in_db(struct span db);

/* Is one of 2011 there without the one of 2023 in its place? */
bool microsoft_update_required(unsigned certificates);

/* The certificate's bit by its common name; 0: none of them. */
unsigned microsoft_certificate(struct span der);

/* The name of one bit. */
const char *microsoft_name(unsigned certificate);

#endif
