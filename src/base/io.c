// SPDX-License-Identifier: BSD-2-Clause
#include "base/io.h"

#include "base/cleanup.h"

#include <errno.h>

#define FIRST_CAPACITY 65536u

bool io_write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return false;
        }
        bytes.data += written;
        bytes.len -= (size_t)written;
    }
    return true;
}

/* Doubles the buffer, up to limit + 1 bytes: the last one tells a full buffer from too long a
 * file. */
static bool grow(uint8_t **buffer, size_t *capacity, size_t limit)
{
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : *capacity * 2;

    wanted = wanted > limit ? limit + 1 : wanted;
    uint8_t *grown = realloc(*buffer, wanted);
    if (grown == NULL) {
        return false;
    }
    *buffer = grown;
    *capacity = wanted;
    return true;
}

uint8_t *io_read_all(int fd, size_t limit, size_t *len, struct err *err)
{
    auto_free uint8_t *buffer = NULL;
    size_t capacity = 0;
    size_t used = 0;
    ssize_t got = 1;

    while (got != 0) {
        if (used > limit) {
            err_set(err, "it is longer than %zu bytes", limit);
            return NULL;
        }
        if (used == capacity && !grow(&buffer, &capacity, limit)) {
            err_set(err, "no memory to read it");
            return NULL;
        }
        got = read(fd, buffer + used, capacity - used);
        if (got < 0 && errno != EINTR) {
            err_errno(err, "reading failed");
            return NULL;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    *len = used;
    return take_ptr(buffer);
}
