// SPDX-License-Identifier: BSD-2-Clause
/* A temporary folder for a test. */
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H

#include "base/span.h"

struct folder {
    char path[64];
};

/* Makes one, in memory where the machine has that: most tests have no use for a disk's fsync. Ends
 * the test program where it can't. */
struct folder folder_new(void);

/* The same on a disk: TMPDIR, or /var/tmp. */
struct folder folder_new_on_disk(void);

/* Removes it and everything in it. */
void folder_remove(const struct folder *folder);

/* path/name, in a static buffer that the next call but three overwrites. */
const char *folder_file(const struct folder *folder, const char *name);

/* Writes a whole file; false with errno set. */
bool folder_write(const struct folder *folder, const char *name, struct span bytes);

/* The bytes of a file, allocated; NULL when it can't be read. */
uint8_t *folder_read(const struct folder *folder, const char *name, size_t *len);

#endif
