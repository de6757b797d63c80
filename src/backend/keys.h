// SPDX-License-Identifier: BSD-2-Clause
/*
 * The pool's keys, which a VM gets at its first boot: dbx.auth, db.auth, KEK.auth and PK.auth in a
 * folder, each what a SetVariable takes (EFI_VARIABLE_AUTHENTICATION_2, UEFI 2.10, 8.2.2).
 */
#ifndef BACKEND_KEYS_H
#define BACKEND_KEYS_H

#include "base/err.h"
#include "service/service.h"

#define KEY_FILE_COUNT 4

/* The open files, -1 where there is none, in the order of enrolment. */
struct key_files {
    int fds[KEY_FILE_COUNT];
};

#define KEY_FILES_NONE ((struct key_files){{-1, -1, -1, -1}})

/*
 * Opens what is there; to be done while paths outside can be reached. strict: a missing db.auth or
 * KEK.auth is an error. A missing folder is one without files. False with err set, and nothing
 * open.
 */
bool key_files_open(struct key_files *out, const char *folder, bool strict, struct err *err);
void key_files_close(struct key_files *files);

/*
 * Enrols them through SetVariable: dbx (as an append), db, KEK, then PK, which ends setup mode. All
 * are saved together. False with err set, and nothing enrolled: a file is over 57344 bytes, or is
 * not what the variable takes.
 */
bool keys_enroll(struct service *service, const struct key_files *files, struct err *err);

#endif
