// SPDX-License-Identifier: BSD-2-Clause
#include "backend/persist.h"

#include "auth/auth.h"
#include "backend/vars.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#define REJECTED_LINES_MAX 16u /* a blob may have been made by anybody: it can't flood the log */

/* ------------------------------------------------------------------------------------ saving */

static bool persist_save(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    struct backend *backend = self;
    size_t len;
    auto_free uint8_t *blob = vars_encode_store(store, &len, err);

    return blob != NULL && backend->ops->save(backend, span_of(blob, len), keys_changed, err);
}

static bool persist_notify(void *self, struct err *err)
{
    struct backend *backend = self;

    return backend->ops->notify(backend, err);
}

struct persistence persist_in(struct backend *backend)
{
    return (struct persistence){.self = backend, .save = persist_save, .notify = persist_notify};
}

/* ------------------------------------------------------------------------------------ loading */

struct load {
    struct service *service;
    bool resume;
    size_t rejected;
    char lost_key[64]; /* the first of PK, KEK, db and dbx that was left out, or "" */
    const char *reason;
};

static bool load_variable(void *self, const struct variable *variable)
{
    struct load *load = self;

    /* A volatile variable ends with the boot that made it, whoever put it into the blob. */
    if (!load->resume && (variable->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
        return true;
    }
    return service_restore_variable(load->service, variable);
}

static void load_device(void *self, const struct device_state *state)
{
    struct load *load = self;

    if (load->resume) {
        service_restore_device(load->service, state);
    }
}

static bool is_secure_boot_key(const struct guid *guid, struct span name)
{
    return auth_classify(guid, name) != AUTH_CLASS_OTHER && !span_equal(name, EFI_NAME("dbt"));
}

static void load_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    struct load *load = self;
    char text[64];
    char guid_text[GUID_TEXT_SIZE];

    efi_name_format(text, sizeof(text), name);
    if (load->rejected++ < REJECTED_LINES_MAX) {
        log_error("the variable %s-%s is left out: %s", text, guid_format(guid_text, guid), reason);
    }
    if (load->lost_key[0] == '\0' && is_secure_boot_key(guid, name)) {
        memcpy(load->lost_key, text, sizeof(text));
        load->reason = reason;
    }
}

static bool load_blob(struct load *load, struct span blob, bool secure_boot, struct err *err)
{
    const struct vars_sink sink = {
        .self = load, .variable = load_variable, .device = load_device, .rejected = load_rejected};

    if (!vars_decode(blob, &sink, err)) {
        return false;
    }
    if (load->rejected > REJECTED_LINES_MAX) {
        log_error("%zu more variables are left out", load->rejected - REJECTED_LINES_MAX);
    }
    if (secure_boot && load->lost_key[0] != '\0') {
        return err_set(err,
                       "%s can't be loaded (%s), and Secure Boot is enabled for this VM: restore "
                       "its variables from a backup, or start it once with Secure Boot disabled",
                       load->lost_key, load->reason);
    }
    return true;
}

enum backend_load persist_load(struct service *service, struct backend *backend, bool secure_boot,
                               struct err *err)
{
    struct load load = {.service = service};
    auto_free uint8_t *blob = NULL;
    size_t len = 0;
    enum backend_load result = backend->ops->load(backend, &blob, &len, err);

    if (result != BACKEND_LOADED) {
        return result;
    }
    return load_blob(&load, span_of(blob, len), secure_boot, err) ? BACKEND_LOADED : BACKEND_FAILED;
}

/* ------------------------------------------------------------------------------ suspend images */

bool persist_resume(struct service *service, int fd, bool secure_boot, struct err *err)
{
    struct load load = {.service = service, .resume = true};
    size_t len;
    auto_free uint8_t *blob = io_read_all(fd, VARS_BLOB_MAX, &len, err);

    return (blob != NULL && load_blob(&load, span_of(blob, len), secure_boot, err)) ||
           err_context(err, "the suspend image");
}

bool persist_settle(const struct service *service, struct backend *backend, struct err *err)
{
    size_t len, there_len = 0;
    auto_free uint8_t *there = NULL;
    auto_free uint8_t *blob = vars_encode_store(service_store(service), &len, err);

    if (blob == NULL) {
        return false;
    }
    /* A state that can't be loaded is no better than another one: the image has the last word. */
    bool same = backend->ops->load(backend, &there, &there_len, err) == BACKEND_LOADED &&
                span_equal(span_of(blob, len), span_of(there, there_len));
    return same || backend->ops->save(backend, span_of(blob, len), true, err);
}

static bool write_image(int fd, struct span image)
{
    return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && io_write_all(fd, image) &&
           fsync(fd) == 0;
}

bool persist_suspend(const struct service *service, int fd, struct err *err)
{
    size_t len;
    auto_free uint8_t *image = vars_encode_service(service, &len, err);

    if (image == NULL) {
        return err_context(err, "the suspend image");
    }
    if (write_image(fd, span_of(image, len))) {
        return true;
    }
    err_errno(err, "writing the suspend image failed");
    if (ftruncate(fd, 0) != 0) {
        err_context(err, "a piece of it remains in its file");
    }
    return false;
}
