// SPDX-License-Identifier: BSD-2-Clause
#include "backend/memory.h"

#include "base/cleanup.h"
#include "base/log.h"

struct memory_backend {
    struct backend backend;
    struct backend *source; /* or NULL */
    uint8_t *blob;          /* what was saved last; NULL before that */
    size_t len;
};

static struct memory_backend *memory_of(struct backend *backend)
{
    return (struct memory_backend *)backend;
}

static uint8_t *copy_of(struct span bytes, struct err *err)
{
    uint8_t *copy = malloc(bytes.len + 1); /* never of no bytes, which may give NULL */

    if (copy == NULL) {
        err_set(err, "no memory for the VM's variables");
        return NULL;
    }
    return memcpy(copy, bytes.data, bytes.len);
}

static enum backend_load memory_load(struct backend *backend, uint8_t **blob, size_t *len,
                                     struct err *err)
{
    struct memory_backend *memory = memory_of(backend);

    if (memory->blob == NULL) {
        return memory->source == NULL ? BACKEND_FIRST_BOOT
                                      : memory->source->ops->load(memory->source, blob, len, err);
    }
    *blob = copy_of(span_of(memory->blob, memory->len), err);
    *len = memory->len;
    return *blob != NULL ? BACKEND_LOADED : BACKEND_FAILED;
}

static bool memory_save(struct backend *backend, struct span blob, bool keys_changed,
                        struct err *err)
{
    struct memory_backend *memory = memory_of(backend);
    uint8_t *copy = copy_of(blob, err);

    (void)keys_changed;
    if (copy == NULL) {
        return false;
    }
    free(memory->blob);
    memory->blob = copy;
    memory->len = blob.len;
    return true;
}

static bool memory_notify(struct backend *backend, struct err *err)
{
    struct memory_backend *memory = memory_of(backend);

    if (memory->source != NULL) {
        return memory->source->ops->notify(memory->source, err);
    }
    log_warning("the firmware refused an image: it failed Secure Boot verification");
    return true;
}

static void memory_close(struct backend *backend)
{
    struct memory_backend *memory = memory_of(backend);

    backend_close(memory->source);
    free(memory->blob);
    free(memory);
}

struct backend *memory_backend_open(struct backend *source, struct err *err)
{
    static const struct backend_ops ops = {
        .load = memory_load, .save = memory_save, .notify = memory_notify, .close = memory_close};
    struct memory_backend *memory = calloc(1, sizeof(*memory));

    if (memory == NULL) {
        err_set(err, "no memory for a backend");
        return NULL;
    }
    memory->backend.ops = &ops;
    memory->source = source;
    return &memory->backend;
}
