// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whole reads and writes on file descriptors: what the system does in pieces or interrupts is
 * carried on.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "base/err.h"
#include "base/span.h"

/* False with errno set; some of the bytes may have been written. A write of nothing at all is
 * ENOSPC. */
bool io_write_all(int fd, struct span bytes);

/*
 * From where fd stands to its end, allocated (never NULL for an empty file), for the caller to
 * free. NULL with err set when reading fails, there are more than limit bytes or no memory.
 */
uint8_t *io_read_all(int fd, size_t limit, size_t *len, struct err *err);

#endif
