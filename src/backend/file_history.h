// SPDX-License-Identifier: BSD-2-Clause
/*
 * The earlier states of a file store: hard links to state files, named by a running number and the
 * time they were made. The newest FILE_HISTORY_MAX are kept.
 *
 * A state file is replaced, never written to, so a link costs no copy and stays what it is. That no
 * snapshot can be made is worth a warning and never fails anything else.
 */
#ifndef BACKEND_FILE_HISTORY_H
#define BACKEND_FILE_HISTORY_H

#include "base/log.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILE_HISTORY_MAX 32u
#define FILE_HISTORY_NAME_SIZE 30 /* "000000000042-20261122T235801Z" and the NUL */

struct file_history {
    int folder; /* -1 when there is none */
    uint64_t next;
    size_t count;
    char names[FILE_HISTORY_MAX][FILE_HISTORY_NAME_SIZE]; /* oldest first */
    bool current; /* the state is in the newest snapshot already */
    struct log_limit limit;
};

/* Opens the folder name in dir; made where it isn't, for owner and group. What is too much in it
 * goes. */
void file_history_open(struct file_history *history, int dir, const char *name, uid_t owner,
                       gid_t group);

/* A snapshot of the file state in dir, unless the newest snapshot has the same bytes. */
void file_history_keep_different(struct file_history *history, int dir, const char *state);

/* A snapshot of the file state in dir, unless it is in one already. No reading, no waiting for the
 * disk. */
void file_history_keep(struct file_history *history, int dir, const char *state);

void file_history_close(struct file_history *history);

#endif
