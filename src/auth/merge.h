// SPDX-License-Identifier: BSD-2-Clause
/*
 * Appending to a signature database (UEFI 2.10, 8.2.3 and 32.5.3): only what isn't there yet is
 * added.
 */
#ifndef AUTH_MERGE_H
#define AUTH_MERGE_H

#include "base/efi.h"

struct merged {
    struct span database; /* old itself when nothing is new, else in owned */
    uint8_t *owned;       /* to be freed, or NULL */
};

/*
 * old and new are databases; new is well-formed. The result is old, byte for byte, and behind it
 * the lists of new with those entries that are neither in old nor came before in new: the same
 * type, owner and data. A list of which nothing is left isn't added. EFI_OUT_OF_RESOURCES without
 * memory, EFI_INVALID_PARAMETER when old isn't well-formed: what is put behind it would not be
 * found. The time is that of sorting, whatever the entries are.
 */
efi_status merge_append(struct merged *out, struct span old, struct span new);

#endif
