// SPDX-License-Identifier: BSD-2-Clause
#include "tools/vm.h"

#include "auth/auth.h"
#include "backend/persist.h"
#include "backend/xapi.h"
#include "crypto/openssl_verifier.h"
#include "tools/auth_file.h"
#include "tools/tool.h"

#include <stdio.h>

/* The service's saves only leave a note: vm_save makes one of them all. */
static bool note_save(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    struct vm *vm = self;

    (void)store;
    (void)err;
    vm->changed = true;
    vm->keys_changed |= keys_changed;
    return true;
}

static bool note_nothing(void *self, struct err *err)
{
    (void)self;
    (void)err;
    return true;
}

static bool make_service(struct vm *vm, struct err *err)
{
    static const struct service_config permissive = {.secure_boot = false, .enforce = false};

    vm->pending = (struct persistence){.self = vm, .save = note_save, .notify = note_nothing};
    vm->verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    if (vm->verifier != NULL) {
        vm->service = service_new(&permissive, &vm->pending, vm->verifier);
    }
    return vm->service != NULL || err_set(err, "out of memory");
}

bool vm_open(struct vm *vm, const struct xapi_options *options, const char *uuid, struct err *err)
{
    const struct xapi_config config = {.socket = options->socket, .uuid = uuid, .abort_fd = -1};

    *vm = (struct vm){0};
    if (!privileges_drop(&options->privileges, err) || !make_service(vm, err)) {
        return false;
    }
    vm->backend = xapi_backend_open(&config, err);
    return vm->backend != NULL &&
           persist_load(vm->service, vm->backend, false, err) != BACKEND_FAILED;
}

bool vm_save(struct vm *vm, struct err *err)
{
    struct persistence persistence = persist_in(vm->backend);

    return !vm->changed ||
           persistence.save(persistence.self, service_store(vm->service), vm->keys_changed, err);
}

void vm_close(struct vm *vm)
{
    service_free(vm->service);
    verifier_free(vm->verifier);
    backend_close(vm->backend);
}

/* An authenticated variable is deleted by a signed write of nothing; permissive takes it unsigned
 * for PK, KEK, db, dbx and dbt. */
efi_status vm_delete(struct vm *vm, const struct guid *guid, struct span name)
{
    uint8_t unsigned_nothing[AUTH_FILE_HEAD_SIZE];
    struct writer writer = writer_of(unsigned_nothing, sizeof(unsigned_nothing));
    struct variable_view view;
    const struct variable *variable = service_get(vm->service, &view, guid, name);
    const struct efi_time now = auth_file_time_now();

    if (variable == NULL) {
        return EFI_NOT_FOUND;
    }
    struct request request = {.command = WIRE_SET_VARIABLE,
                              .name = name,
                              .guid = *guid,
                              .attributes = variable->attributes};
    if ((variable->attributes & EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS) != 0) {
        auth_file_write_head(&writer, &now, 0);
        request.data = writer_span(&writer);
    }
    return service_set_variable(vm->service, &request);
}

bool vm_key_parse(struct vm_key *out, const char *guid, const char *name, struct err *err)
{
    if (!guid_parse(&out->guid, guid)) {
        return err_set(err, "%s is not a GUID (8be4df61-93ca-11d2-aa0d-00e098032b8c is one)", guid);
    }
    size_t len = efi_name_parse(out->name_bytes, sizeof(out->name_bytes), name);
    out->name = span_of(out->name_bytes, len);
    return len > 0 || err_set(err, "'%s' can't be a variable's name", name);
}

int vm_fail_status(efi_status status)
{
    fprintf(stderr, "%s\n", efi_status_text(status));
    return 1;
}

static bool save_and_flush(struct vm *vm, struct err *err)
{
    if (!vm_save(vm, err)) {
        vm_fail_status(EFI_DEVICE_ERROR);
        return false;
    }
    return tool_flush(err);
}

int vm_run(const struct xapi_usage *usage, const struct xapi_options *options, vm_action action)
{
    struct vm vm;
    struct err err = {0};
    int code = 1;

    if (vm_open(&vm, options, options->args[0], &err)) {
        code = action(&vm, options, &err);
    }
    if (code == 0 && !save_and_flush(&vm, &err)) {
        code = 1;
    }
    if (code != 0 && err.text[0] != '\0') {
        tool_fail(usage->name, &err);
    }
    vm_close(&vm);
    return code;
}
