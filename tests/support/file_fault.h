// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs in which one file-system call goes wrong: the first, the second, until all have, as with
 * alloc_fault.h. The Makefile links a test that includes this header with the flags that put these
 * wrappers around the calls (FILE_FAULT_LDFLAGS).
 */
#ifndef SUPPORT_FILE_FAULT_H
#define SUPPORT_FILE_FAULT_H

#include <stdbool.h>

enum file_fault {
    FILE_FAULT_EIO,         /* it fails, without effect */
    FILE_FAULT_ENOSPC,      /* the same, for want of space */
    FILE_FAULT_AFTER,       /* it has its effect, and fails all the same */
    FILE_FAULT_SHORT,       /* a read or write does half, and the next call of its kind ENOSPC */
    FILE_FAULT_INTERRUPTED, /* EINTR, from read and write */
    FILE_FAULT_COUNT,
};

/* The call that comes after n others from now on goes wrong. */
void file_fault_arm(enum file_fault how, long n);

/* No more of that. The name of the call that went wrong, or NULL: there were no more than n. */
const char *file_fault_disarm(void);

/* The names of the calls that were made since the last file_fault_arm, each with a blank behind. */
const char *file_fault_calls(void);

/* How often a call of that name was made while armed, since the program began. */
unsigned file_fault_seen(const char *call);

#endif
