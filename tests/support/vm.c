// SPDX-License-Identifier: BSD-2-Clause
#include "support/vm.h"

#include <stdlib.h>

static bool vm_save(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    struct vm *vm = self;

    (void)store;
    if (vm->fail_save) {
        return err_set(err, "told to fail");
    }
    vm->saves++;
    vm->keys_changed = keys_changed;
    return true;
}

static bool vm_notify(void *self, struct err *err)
{
    struct vm *vm = self;

    vm->notifications++;
    return !vm->fail_notify || err_set(err, "told to fail");
}

static size_t vm_request(void *self, struct span request, uint8_t *reply)
{
    return service_handle(self, request, reply);
}

static uint32_t vm_port_read(void *self, uint32_t port, unsigned size)
{
    return service_port_read(self, port, size);
}

static void vm_port_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    service_port_write(self, port, size, value);
}

struct vm *vm_open(const struct service_config *config, struct verifier *verifier)
{
    struct vm *vm = calloc(1, sizeof(*vm));

    if (vm == NULL) {
        abort();
    }
    vm->persistence = (struct persistence){.self = vm, .save = vm_save, .notify = vm_notify};
    vm->service = service_new(config, &vm->persistence, verifier);
    if (vm->service == NULL) {
        abort();
    }
    service_start(vm->service);
    vm->handler = (struct port_handler){
        .self = vm->service,
        .request = vm_request,
        .port_read = vm_port_read,
        .port_write = vm_port_write,
    };
    vm->client = client_over(&vm->handler);
    if (vm->client == NULL) {
        abort();
    }
    return vm;
}

void vm_close(struct vm *vm)
{
    client_close(vm->client);
    service_free(vm->service);
    free(vm);
}

struct span vm_name(const char *text)
{
    static uint8_t names[8][256];
    static unsigned next;
    uint8_t *name = names[next++ % 8];

    return span_of(name, efi_name_parse(name, sizeof(names[0]), text));
}
