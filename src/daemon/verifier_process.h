// SPDX-License-Identifier: BSD-2-Clause
/*
 * The process that checks signatures for the daemon, so that what a guest signed is parsed where
 * there is no guest, no variable and no socket to XAPI: docs/SECURITY.md.
 *
 * It is forked while the daemon still may, and does nothing but wait. Only the first request turns
 * it into uefistored-verifier: so a VM that signs nothing doesn't pay for libcrypto.
 */
#ifndef DAEMON_VERIFIER_PROCESS_H
#define DAEMON_VERIFIER_PROCESS_H

#include "daemon/options.h"

/*
 * Gives the socket to the process, for remote_verifier_new(); the process ends when it is closed.
 * To be called early: the less there is in memory and among the open files, the less the process
 * has. SIGCHLD is ignored from here on. -1 with err set, too, when the program is not installed:
 * it is looked for beside the daemon's own, then at its place below LIBEXECDIR.
 */
int verifier_process_start(const struct options *options, struct err *err);

#endif
