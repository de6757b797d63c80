// SPDX-License-Identifier: BSD-2-Clause
/*
 * The state of one VM in a folder of its own (docs/FORMAT.md):
 *
 *     EFI-variables       the state, in the VARS format
 *     EFI-variables.new   the next one, while it is being written
 *     lock                locked by the daemon that serves the VM; holds its pid
 *     history/            earlier states
 *     secure-boot-failed  its time tells when the firmware last refused an image
 *
 * Everything is done through descriptors of the two folders, which are opened once: so that it goes
 * on in a chroot, without privileges.
 */
#ifndef BACKEND_FILE_H
#define BACKEND_FILE_H

#include "backend/backend.h"

#include <sys/types.h>

#define FILE_STATE_NAME "EFI-variables"
#define FILE_NEW_NAME "EFI-variables.new"
#define FILE_LOCK_NAME "lock"
#define FILE_HISTORY_NAME "history"
#define FILE_FAILED_NAME "secure-boot-failed"

/*
 * To serve or change the state: locks the folder (made where it isn't, with mode 0700), removes
 * what a crash left, and keeps a snapshot of a state that is in no other. uid and gid: as whom
 * saves will be made, if the caller is root and about to become somebody else; otherwise geteuid()
 * and getegid(). NULL with err set: the folder is locked by another process (which is named), not
 * writable for uid, or not there and can't be made.
 */
struct backend *file_backend_open(const char *path, uid_t uid, gid_t gid, struct err *err);

/*
 * To look at the state only: its save fails, nothing in the folder is touched, and nothing has to
 * be writable. Takes no lock, as the state is always replaced as a whole; a daemon may be serving.
 */
struct backend *file_backend_open_read(const char *path, struct err *err);

#endif
