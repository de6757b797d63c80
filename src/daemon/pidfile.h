// SPDX-License-Identifier: BSD-2-Clause
/* The file that tells who serves a VM, and keeps a second daemon from it. */
#ifndef DAEMON_PIDFILE_H
#define DAEMON_PIDFILE_H

#include "base/err.h"

/*
 * Writes "PID\n" into path (mode 0600) and locks it for the process's life. Gives the descriptor
 * that holds the lock, -1 with err set: a process that has the lock is named.
 */
int pidfile_take(const char *path, struct err *err);

#endif
