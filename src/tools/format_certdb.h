// SPDX-License-Identifier: BSD-2-Clause
/*
 * edk2's variable certdb: who owns the private authenticated variables of a store.
 *
 *     u32 size of all | { GUID, u32 size of this, u32 name length (characters), u32 digest length,
 *                         name without terminator, digest }...
 */
#ifndef TOOLS_FORMAT_CERTDB_H
#define TOOLS_FORMAT_CERTDB_H

#include "tools/document.h"

/* Gives the variables their owners and removes certdb. False without memory; a malformed one is a
 * note. */
bool certdb_take(struct document *document);

/* The variable; its data (*data) is allocated, for the caller to free; NULL when no variable has an
 * owner. False without memory. */
bool certdb_make(const struct document *document, struct variable *out, uint8_t **data);

#endif
