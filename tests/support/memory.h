// SPDX-License-Identifier: BSD-2-Clause
/* The memory that a daemon costs its host. */
#ifndef TESTS_SUPPORT_MEMORY_H
#define TESTS_SUPPORT_MEMORY_H

#include <sys/types.h>

/*
 * KiB of dirty pages. private: those that no other process has (Private_Dirty). by_shares: with the
 * shares of those that several have (Pss_Dirty), as the daemon and its verifier before that is
 * woken; 0 on a kernel that doesn't tell.
 */
struct memory {
    unsigned private;
    unsigned by_shares;
};

/* Of a process and its children together; ends the program where /proc doesn't tell. */
struct memory memory_of(pid_t process);

/* "name   123 KiB   target 500", with MISSED where it is. */
void memory_print(const char *name, const struct memory *memory, unsigned target_kib);

#endif
