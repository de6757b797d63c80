// SPDX-License-Identifier: BSD-2-Clause
#include "support/faulty.h"

#include <stdlib.h>

struct faulty_backend {
    struct backend backend;
    struct backend *inner;
    enum faulty_save how;
    unsigned nth;
    unsigned saves;
};

static enum backend_load faulty_load(struct backend *backend, uint8_t **blob, size_t *len,
                                     struct err *err)
{
    struct faulty_backend *faulty = (struct faulty_backend *)backend;

    return faulty->inner->ops->load(faulty->inner, blob, len, err);
}

static bool faulty_save(struct backend *backend, struct span blob, bool keys_changed,
                        struct err *err)
{
    struct faulty_backend *faulty = (struct faulty_backend *)backend;
    bool fails = ++faulty->saves == faulty->nth;

    if (fails && faulty->how == FAULTY_REFUSED) {
        return err_set(err, "this save fails");
    }
    return faulty->inner->ops->save(faulty->inner, blob, keys_changed, err) &&
           (!fails || err_set(err, "this save's answer is lost"));
}

static bool faulty_notify(struct backend *backend, struct err *err)
{
    struct faulty_backend *faulty = (struct faulty_backend *)backend;

    return faulty->inner->ops->notify(faulty->inner, err);
}

static void faulty_close(struct backend *backend)
{
    struct faulty_backend *faulty = (struct faulty_backend *)backend;

    backend_close(faulty->inner);
    free(faulty);
}

struct backend *faulty_backend_new(struct backend *inner, enum faulty_save how, unsigned nth)
{
    static const struct backend_ops ops = {
        .load = faulty_load, .save = faulty_save, .notify = faulty_notify, .close = faulty_close};
    struct faulty_backend *faulty = calloc(1, sizeof(*faulty));

    faulty->backend.ops = &ops;
    faulty->inner = inner;
    faulty->how = how;
    faulty->nth = nth;
    return &faulty->backend;
}

unsigned faulty_backend_saves(const struct backend *backend)
{
    return ((const struct faulty_backend *)backend)->saves;
}
