// SPDX-License-Identifier: BSD-2-Clause
/*
 * What went wrong on the host, for a person to read: what, where, and what to do.
 *
 * A function that can fail returns false (or NULL) and fills the struct err it was given, so that a
 * failure reads `return err_set(err, "%s: no such folder", path);`. It is never what the guest is
 * told: see efi_status.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

struct err {
    char text[512];
};

/* Both return false. A text that is too long is cut. err may be NULL where nobody asks. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, with ": " and the text of errno behind it. */
bool err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text that is there. */
bool err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
