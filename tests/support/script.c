// SPDX-License-Identifier: BSD-2-Clause
#include "support/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

const struct guid script_vendor = GUID_INIT(0x12345678, 0x1234, 0x5678, 1, 2, 3, 4, 5, 6, 7, 8);
static size_t step_size(const struct step *step)
{
    return step->size != 0 || step->data == NULL ? step->size : strlen(step->data);
}

static void do_set(struct vm *vm, const struct step *step)
{
    size_t len = step->op == OP_SET_SIZE ? (size_t)step->number : step_size(step);
    uint8_t *data = malloc(len + 1);

    memset(data, 'x', len);
    if (step->data != NULL) {
        memcpy(data, step->data, len);
    }
    client_at_runtime(vm->client, step->op == OP_SET_RUNTIME);
    efi_status status = client_set(vm->client, step->guid, vm_name(step->name), step->attributes,
                                   span_of(data, len));
    free(data);
    assert_string_equal(efi_status_text(status), efi_status_text(step->status));
}

static void do_get(struct vm *vm, const struct step *step)
{
    static uint8_t data[65536];
    size_t len = step->op == OP_GET_CAPACITY ? (size_t)step->number : sizeof(data);

    client_at_runtime(vm->client, step->op == OP_GET_RUNTIME);
    efi_status status = client_get(vm->client, step->guid, vm_name(step->name), data, &len, NULL);
    assert_string_equal(efi_status_text(status), efi_status_text(step->status));
    if (step->status != MISSING) {
        assert_int_equal(len, step_size(step));
    }
    if (step->status == OK && step->data != NULL) {
        assert_memory_equal(data, step->data, len);
    }
}

static void do_next(struct vm *vm, const struct step *step)
{
    uint8_t name[1024];
    struct guid guid = *step->guid;
    struct span from = vm_name(step->name);
    size_t len = from.len;

    memcpy(name, from.data, len);
    client_at_runtime(vm->client, step->op == OP_NEXT_RUNTIME);
    efi_status status = client_next(vm->client, &guid, name, &len, (size_t)step->number);
    assert_string_equal(efi_status_text(status), efi_status_text(step->status));
    if (step->status == OK) {
        assert_true(span_equal(span_of(name, len), vm_name(step->data)));
    }
    if (step->status == EFI_BUFFER_TOO_SMALL) {
        assert_int_equal(len, step->number + 1); /* the rows ask with a byte too few */
    }
}

/* What is free must be what the variables that can be seen leave of the quota. */
static void check_space(struct vm *vm, const struct client_space *space)
{
    struct variable_view view;
    size_t used = 0;

    for (const struct variable *v = service_next(vm->service, &view, NULL, span_of(NULL, 0));
         v != NULL;) {
        struct guid guid = v->guid;
        used += v->name.len + v->data.len + 128;
        v = service_next(vm->service, &view, &guid, v->name);
    }
    assert_int_equal(space->maximum, 131072);
    assert_int_equal(space->variable_maximum, 57344);
    assert_int_equal(space->remaining, 131072 - used);
}

static void do_query(struct vm *vm, const struct step *step)
{
    struct client_space space;
    efi_status status = client_query(vm->client, step->attributes, &space);

    assert_string_equal(efi_status_text(status), efi_status_text(step->status));
    if (status == OK) {
        check_space(vm, &space);
    }
}

static void do_attributes(struct vm *vm, const struct step *step)
{
    uint8_t data[256];
    size_t len = sizeof(data);
    uint32_t attributes;

    client_at_runtime(vm->client, false);
    assert_int_equal(
        client_get(vm->client, step->guid, vm_name(step->name), data, &len, &attributes), OK);
    assert_int_equal(attributes, step->attributes);
}

static void do_ppi(struct vm *vm, const struct step *step)
{
    client_write(vm->client, PORT_PPI_INDEX, 4, step->attributes);
    assert_int_equal(client_read(vm->client, PORT_PPI_INDEX, 4), 0);
    if (step->op == OP_PPI_WRITE) {
        client_write(vm->client, PORT_PPI_DATA, (unsigned)step->size, (uint32_t)step->number);
    } else {
        assert_int_equal(client_read(vm->client, PORT_PPI_DATA, (unsigned)step->size),
                         step->number);
    }
}

static void do_command(struct vm *vm, const struct step *step)
{
    uint8_t bytes[8];
    struct writer request = writer_of(bytes, sizeof(bytes));
    uint64_t status;

    writer_u32le(&request, step->attributes);
    writer_u32le(&request, (uint32_t)step->number);
    struct span reply = client_raw(vm->client, writer_span(&request));
    memcpy(&status, reply.data, sizeof(status));
    assert_string_equal(efi_status_text(status), efi_status_text(step->status));
}

static void do_step(struct vm *vm, const struct step *step)
{
    switch (step->op) {
    case OP_SET:
    case OP_SET_RUNTIME:
    case OP_SET_SIZE:
        do_set(vm, step);
        break;
    case OP_GET:
    case OP_GET_RUNTIME:
    case OP_GET_CAPACITY:
        do_get(vm, step);
        break;
    case OP_NEXT:
    case OP_NEXT_RUNTIME:
        do_next(vm, step);
        break;
    case OP_QUERY:
        do_query(vm, step);
        break;
    case OP_NOTIFY:
        assert_string_equal(efi_status_text(client_notify(vm->client)),
                            efi_status_text(step->status));
        break;
    case OP_ATTRIBUTES:
        do_attributes(vm, step);
        break;
    case OP_SAVES:
        assert_int_equal(vm->saves, step->number);
        break;
    case OP_FAIL_SAVES:
        vm->fail_save = step->number != 0;
        break;
    case OP_FAIL_NOTIFY:
        vm->fail_notify = step->number != 0;
        break;
    case OP_NOTIFICATIONS:
        assert_int_equal(vm->notifications, step->number);
        break;
    case OP_PPI_WRITE:
    case OP_PPI_READ:
        do_ppi(vm, step);
        break;
    case OP_COMMAND:
        do_command(vm, step);
        break;
    case OP_END:
        break;
    }
}

void script_run(struct vm *vm, const struct row *row)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        do_step(vm, &row->steps[i]);
    }
    assert_false(client_lost(vm->client));
}
