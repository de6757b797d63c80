// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of variables and of GUIDs, as people write and read them.
 */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include "base/err.h"
#include "store/store.h"
#include "wire/wire.h"

struct variable_name {
    struct guid guid;
    uint8_t bytes[WIRE_NAME_MAX];
    struct span name; /* in bytes */
};

/*
 * "Name-GUID", "GUID-Name", or a name alone: one that the specification knows, or that only one
 * variable of the store has. store may be NULL. False with err set.
 */
bool variable_name_parse(struct variable_name *out, const char *text, const struct store *store,
                         struct err *err);

/* The variable that is called so; NULL with err set when there is none. */
const struct variable *variable_find(const struct store *store, const char *text, struct err *err);

/* Patterns of names: '#' is a hexadecimal digit, as in "Boot####". */
bool name_matches(const char *pattern, const char *text);

/* "NV+BS+RT", "NV+BS+RT+AT"; returns text. */
#define ATTRIBUTES_TEXT_SIZE 48
char *attributes_format(char text[ATTRIBUTES_TEXT_SIZE], uint32_t attributes);

/* A number (any base), or names joined with '+'. */
bool attributes_parse(uint32_t *out, const char *text);

/* What a GUID is known as ("EFI global", "Microsoft"); NULL: not known. */
const char *guid_known_name(const struct guid *guid);

/* "2026-06-24 12:00:00"; "" for no time at all. */
#define TIME_TEXT_SIZE 40
char *time_format(char text[TIME_TEXT_SIZE], const struct efi_time *time);

#endif
