// SPDX-License-Identifier: BSD-2-Clause
/*
 * Between a service and where its state is kept: the store as a VARS blob in a backend, and suspend
 * images.
 */
#ifndef BACKEND_PERSIST_H
#define BACKEND_PERSIST_H

#include "backend/backend.h"
#include "service/service.h"

/* What a service needs to keep its state in the backend, which is borrowed. */
struct persistence persist_in(struct backend *backend);

/*
 * Loads what the backend has into a service that has not been started: the non-volatile variables.
 * A record that can't be taken is left out, with an error in the log. But one of PK, KEK, db and
 * dbx can't be missing where Secure Boot is to protect the VM: with secure_boot (the host enabled
 * it) that is a failure. BACKEND_FAILED: the service is not to be used.
 */
enum backend_load persist_load(struct service *service, struct backend *backend, bool secure_boot,
                               struct err *err);

/* The same from a suspend image, read from fd: volatile variables and device state too. */
bool persist_resume(struct service *service, int fd, bool secure_boot, struct err *err);

/*
 * After a resume: saves what the service has, unless the backend has the same already. For a
 * backend that doesn't travel with the VM: what the guest was told is saved was saved on another
 * host. What was there before is treated as before a change of keys.
 */
bool persist_settle(const struct service *service, struct backend *backend, struct err *err);

/*
 * Writes a suspend image into the file behind fd, which was opened for writing before the sandbox
 * closed; what was in it goes. True when it is on disk. When it is false, the file is empty if
 * anything in the system still works, so that nobody takes a piece for an image.
 */
bool persist_suspend(const struct service *service, int fd, struct err *err);

#endif
