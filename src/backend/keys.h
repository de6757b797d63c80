// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's keys for a VM that starts for the first time: dbx.auth, db.auth, KEK.auth and PK.auth
 * of one folder, each what a SetVariable would carry.
 *
 * They are opened while the folder can be seen, and read when a VM turns out to need them, which
 * may be after a chroot.
 */
#ifndef BACKEND_KEYS_H
#define BACKEND_KEYS_H

#include "service/service.h"

#define KEY_FILE_COUNT 4

struct key_files {
    const char *directory;       /* borrowed, for messages */
    int fds[KEY_FILE_COUNT];     /* -1: it couldn't be opened */
    int reasons[KEY_FILE_COUNT]; /* errno then */
};

/* Opens what is there. It can't fail: whatever is amiss matters only to a VM that needs the keys.
 */
void key_files_open(struct key_files *files, const char *directory);
void key_files_close(struct key_files *files);

/*
 * Enrolls the keys: dbx (appended to what is there), db, KEK, and PK last, since that ends setup
 * mode. They pass the same checks as a guest's writes. To be called between service_begin and
 * service_commit, so that the keys are saved together or not at all; false: service_abort.
 *
 * A missing dbx is skipped, and without a PK the VM stays in setup mode; a missing db or KEK is
 * skipped too unless strict. False, with err set, for a file that can't be read, is longer than
 * WIRE_DATA_MAX or isn't accepted. Once per key_files_open.
 */
bool key_files_enroll(struct key_files *files, struct service *service, bool strict,
                      struct err *err);

#endif
