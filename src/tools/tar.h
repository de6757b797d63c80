// SPDX-License-Identifier: BSD-2-Clause
/* The few files of a pool's certificates in an archive (POSIX.1-1988 ustar), as XAPI keeps them. */
#ifndef TOOLS_TAR_H
#define TOOLS_TAR_H

#include "base/reader.h"
#include "base/writer.h"

#define TAR_BLOCK 512u

/* Bytes that a file of len bytes takes in an archive. */
static inline size_t tar_size(size_t len)
{
    return TAR_BLOCK + (len + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* Adds a file; name: less than 100 bytes. */
void tar_write_file(struct writer *writer, const char *name, struct span content);

#define TAR_END (2 * TAR_BLOCK) /* bytes that the end takes */
void tar_write_end(struct writer *writer);

/* The next regular file; the others are passed over. False at the end, or where the archive is
 * damaged (*damaged). */
bool tar_next_file(struct reader *reader, char name[101], struct span *content, bool *damaged);

#endif
