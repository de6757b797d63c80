// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recording (docs/PROTOCOL.md) whose requests and port accesses are asked of a service again: its
 * reader, the ports, and the five commands in any order. The recorded answers don't matter.
 *
 * Every reply has a status, a GetVariable never gives more than there is room for, and afterwards a
 * walk finds each variable once.
 */
#include "base/log.h"
#include "support/boot.h"
#include "support/fake_verifier.h"
#include "support/vm.h"
#include "transport/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* What is recorded is private to the transport, and as long as the request that it was cut from. */
static void ask(struct vm *vm, struct span bytes)
{
    static uint8_t reply[WIRE_BUFFER_SIZE];
    struct request request;
    size_t len = vm->handler.request(vm->handler.self, bytes, reply);
    struct reader reader = reader_of(span_of(reply, len));
    uint64_t status;
    uint32_t attributes;
    uint64_t found = 0;

    must(len <= sizeof(reply) && reader_u64le(&reader, &status));
    if (wire_decode_request(&request, bytes) != EFI_SUCCESS ||
        request.command != WIRE_GET_VARIABLE || status != EFI_SUCCESS) {
        return;
    }
    must(reader_u32le(&reader, &attributes) && reader_u64le(&reader, &found));
    must(found <= request.capacity && reader_skip(&reader, found) && reader_end(&reader));
}

static void take(struct vm *vm, const struct record_event *event)
{
    switch (event->kind) {
    case RECORD_REQUEST:
        ask(vm, event->bytes);
        break;
    case RECORD_PORT_WRITE:
        vm->handler.port_write(vm->handler.self, event->port, event->size, event->value);
        break;
    case RECORD_PORT_READ:
        vm->handler.port_read(vm->handler.self, event->port, event->size);
        break;
    default:
        break;
    }
}

static void count(void *self, const struct boot_variable *variable)
{
    (void)variable;
    must(++*(size_t *)self < 5000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct service_config config = {.secure_boot = true, .enforce = true};
    struct fake_verifier fake;
    struct record_event event;
    struct reader reader = reader_of(span_of(data, size));
    size_t variables = 0;

    log_set_level(LOG_LEVEL_ERROR);
    if (!record_read_head(&reader)) {
        return 0;
    }
    fake_verifier_init(&fake);
    fake.believe_all = true;
    struct vm *vm = vm_open(&config, &fake.base);
    while (record_read_event(&reader, &event)) {
        take(vm, &event);
    }
    must(boot_walk(vm->client, count, &variables) && variables >= 5);
    vm_close(vm);
    return 0;
}
