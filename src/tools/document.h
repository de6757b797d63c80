// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VM's variables in memory, whatever file they came from, and what was lost on the way.
 */
#ifndef TOOLS_DOCUMENT_H
#define TOOLS_DOCUMENT_H

#include "base/err.h"
#include "service/service.h"

/* Lines for people about what a format can't hold, or a file has that is no variable. */
struct notes {
    char **lines;
    size_t count;
};

void notes_add(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notes_free(struct notes *notes);

struct document {
    struct store *store;
    struct device_state device;
    struct notes notes;
};

/* False without memory, with err set. */
bool document_init(struct document *document, struct err *err);
void document_free(struct document *document); /* zeroed is fine */

/*
 * Takes a variable that was read from a file. What can't be one (the daemon would leave it out) is
 * noted and passed over; one that there is already is replaced. False without memory.
 */
bool document_add(struct document *document, const struct variable *variable);

/*
 * A SetVariable with the daemon's rules but without signatures: for the keys, data may be an .auth
 * file or bare signature lists. Not EFI_SUCCESS: nothing changed.
 */
efi_status document_set(struct document *document, const struct guid *guid, struct span name,
                        uint32_t attributes, struct span data);

/* Removes a variable, authenticated or not. EFI_NOT_FOUND, EFI_OUT_OF_RESOURCES or EFI_SUCCESS. */
efi_status document_remove(struct document *document, const struct guid *guid, struct span name);

/* PK, KEK, db, dbx or dbt; NULL when there is none. */
const struct variable *document_key(const struct document *document, const char *name);

/* The key's GUID and name by its text; false: it is none of the five. */
bool document_key_name(const char *text, const struct guid **guid, struct span *name);

/* The same in everything but the key? */
bool document_same_variable(const struct variable *a, const struct variable *b);

/* The key's data; empty when there is none. */
struct span document_key_data(const struct document *document, const char *name);

/* Do PK, KEK, db, dbx or dbt differ? */
bool document_keys_differ(const struct store *a, const struct store *b);

#endif
