// SPDX-License-Identifier: BSD-2-Clause
/* What differs between two stores. */
#ifndef TOOLS_DIFF_H
#define TOOLS_DIFF_H

#include "store/store.h"
#include "tools/tree.h"

/* An array of {"name", "guid", .., "change": "added", "removed" or "changed"}; of the changed,
 * "before" and "after", and of signature databases "entries_added" and "entries_removed". */
json_t *diff_stores(const struct store *a, const struct store *b, bool hex);

/* A line for each. */
void diff_print(const json_t *changes);

#endif
