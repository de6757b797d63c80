// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a VM's VARS blob is kept: one small struct of functions per kind (memory, file, xapi),
 * under one contract test.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "base/err.h"
#include "base/span.h"

enum backend_load {
    BACKEND_LOADED,
    BACKEND_FIRST_BOOT, /* there is no state yet, which is not an error */
    BACKEND_FAILED,     /* err says why */
};

struct backend;

struct backend_ops {
    /* Gives the blob, allocated, for the caller to free. */
    enum backend_load (*load)(struct backend *backend, uint8_t **blob, size_t *len,
                              struct err *err);

    /*
     * Makes blob the VM's state; true when a crash of daemon or host can't lose it any more. False:
     * the state is the old one, or (after a lost answer) the new one, never another. keys_changed:
     * PK, KEK, db, dbx or dbt differ from the last.
     */
    bool (*save)(struct backend *backend, struct span blob, bool keys_changed, struct err *err);

    /* Tells the administrator that an image failed Secure Boot verification. */
    bool (*notify)(struct backend *backend, struct err *err);

    void (*close)(struct backend *backend);
};

/* An implementation has this as its first member. Its open function is its own, as its arguments
 * are. */
struct backend {
    const struct backend_ops *ops;
};

static inline void backend_close(struct backend *backend)
{
    if (backend != NULL) {
        backend->ops->close(backend);
    }
}

#endif
