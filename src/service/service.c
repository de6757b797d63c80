// SPDX-License-Identifier: BSD-2-Clause
#include "service/internal.h"

#include "auth/auth.h"

#include <assert.h>
#include <stdlib.h>

struct service *service_new(const struct service_config *config,
                            const struct persistence *persistence, struct verifier *verifier)
{
    struct service *service = calloc(1, sizeof(*service));

    if (service == NULL) {
        return NULL;
    }
    service->config = *config;
    service->persistence = persistence;
    service->verifier = verifier;
    service->store = store_new(MODES_COST);
    if (service->store == NULL) {
        free(service);
        return NULL;
    }
    return service;
}

void service_free(struct service *service)
{
    if (service != NULL) {
        store_free(service->store);
        free(service);
    }
}

const struct store *service_store(const struct service *service)
{
    return service->store;
}

const struct device_state *service_device(const struct service *service)
{
    return &service->device;
}

bool service_restore_variable(struct service *service, const struct variable *variable)
{
    if (modes_owns(&variable->guid, variable->name)) {
        return true;
    }
    size_t mark = store_begin(service->store);
    if (!store_put(service->store, variable)) {
        store_abort(service->store, mark);
        return false;
    }
    store_commit(service->store, mark);
    return true;
}

void service_restore_device(struct service *service, const struct device_state *state)
{
    service->device = *state;
}

void service_put_at_start(struct service *service, const struct variable *variable)
{
    char name[64];
    size_t mark = store_begin(service->store);
    efi_status status = store_put(service->store, variable)
                            ? store_check_quota(service->store, mark)
                            : EFI_OUT_OF_RESOURCES;

    if (status == EFI_SUCCESS) {
        store_commit(service->store, mark);
        return;
    }
    store_abort(service->store, mark);
    log_warning("no room for %s: the VM's variables take %zu of %u bytes",
                efi_name_format(name, sizeof(name), variable->name), store_used(service->store),
                STORE_SIZE_MAX);
}

void service_start(struct service *service)
{
    mor_reset(service);
    ppi_reset(service);
}

void service_adopt(struct service *service)
{
    mor_close(service);
    ppi_close(service);
    service->failure_notified = true;
}

const struct variable *service_get(const struct service *service, struct variable_view *view,
                                   const struct guid *guid, struct span name)
{
    const struct variable *variable = store_get(service->store, guid, name);

    return variable != NULL ? variable : modes_get(service, view, guid, name);
}

const struct variable *service_next(const struct service *service, struct variable_view *view,
                                    const struct guid *guid, struct span name)
{
    static const struct guid lowest;
    const struct guid *from = guid != NULL ? guid : &lowest;
    const struct variable *stored = store_after(service->store, from, name);
    const struct variable *mode = modes_after(service, view, from, name);

    if (stored == NULL || mode == NULL) {
        return stored != NULL ? stored : mode;
    }
    return store_key_compare(&stored->guid, stored->name, &mode->guid, mode->name) < 0 ? stored
                                                                                       : mode;
}

static bool is_key(const struct variable *variable)
{
    return auth_classify(&variable->guid, variable->name) != AUTH_CLASS_OTHER;
}

/* Has what changed since the mark saved, where it has to be. */
static efi_status service_save(struct service *service, size_t mark)
{
    struct err err;

    if (!store_changed(service->store, mark, is_non_volatile)) {
        return EFI_SUCCESS;
    }
    bool keys_changed = store_changed(service->store, mark, is_key);
    if (!service->persistence->save(service->persistence->self, service->store, keys_changed,
                                    &err)) {
        service->unsaved = true;
        log_limited(&service->limit, LOG_LEVEL_ERROR, "variables were not saved: %s", err.text);
        return EFI_DEVICE_ERROR;
    }
    service->unsaved = false;
    return EFI_SUCCESS;
}

static efi_status end_change(struct service *service, size_t mark, efi_status status)
{
    if (status == EFI_SUCCESS) {
        store_commit(service->store, mark);
    } else {
        store_abort(service->store, mark);
    }
    return status;
}

efi_status service_finish(struct service *service, size_t mark)
{
    efi_status status = store_check_quota(service->store, mark);

    if (status == EFI_SUCCESS && !service->batch) {
        status = service_save(service, mark);
    }
    return end_change(service, mark, status);
}

efi_status service_finish_unsaved(struct service *service, size_t mark)
{
    return end_change(service, mark, store_check_quota(service->store, mark));
}

void service_begin(struct service *service)
{
    assert(!service->batch);
    service->batch = true;
    service->batch_mark = store_begin(service->store);
}

efi_status service_commit(struct service *service)
{
    assert(service->batch);
    service->batch = false;
    return end_change(service, service->batch_mark, service_save(service, service->batch_mark));
}

void service_abort(struct service *service)
{
    assert(service->batch);
    service->batch = false;
    store_abort(service->store, service->batch_mark);
}

efi_status service_set_variable(struct service *service, const struct request *request)
{
    return set_variable(service, request);
}
