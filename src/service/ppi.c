// SPDX-License-Identifier: BSD-2-Clause
/*
 * TPM physical presence: 256 volatile bytes and the 48 bytes of the variable PPIBuffer behind an
 * index and a data port, and the lock over the flags (docs/PROTOCOL.md, "PPI").
 *
 * The guest can also write PPIBuffer with SetVariable, with any size and attributes. The port works
 * on what is there, and only on a PPIBuffer with the attributes that it is made with: an
 * authenticated one is no business of a port.
 */
#include "service/internal.h"

#include "base/cleanup.h"

static const struct guid ppi_guid =
    GUID_INIT(0x9d1947eb, 0x09bb, 0x4780, 0xa3, 0xcd, 0xbe, 0xa9, 0x56, 0xe0, 0xe0, 0x56);
static const struct span buffer_name = EFI_NAME_INIT("PPIBuffer");
static const struct span flags_name = EFI_NAME_INIT("Tcg2PhysicalPresenceFlags");
static const struct span lock_name = EFI_NAME_INIT("Tcg2PhysicalPresenceFlagsLock");

#define PPI_BUFFER_SIZE 48u

static struct variable ppi_variable(struct span name, const uint8_t *data, size_t len)
{
    return (struct variable){
        .guid = ppi_guid,
        .name = name,
        .data = span_of(data, len),
        .attributes = EFI_VARIABLE_NV_BS_RT,
    };
}

static void ppi_put_at_start(struct service *service, uint8_t lock_byte)
{
    static const uint8_t zeros[PPI_BUFFER_SIZE];
    struct variable lock = ppi_variable(lock_name, &lock_byte, 1);
    struct variable buffer = ppi_variable(buffer_name, zeros, sizeof(zeros));

    service_put_at_start(service, &lock);
    if (store_get(service->store, &ppi_guid, buffer_name) == NULL) {
        service_put_at_start(service, &buffer);
    }
}

void ppi_reset(struct service *service)
{
    ppi_put_at_start(service, 0);
}

void ppi_close(struct service *service)
{
    ppi_put_at_start(service, 1);
}

static bool flags_locked(const struct service *service)
{
    const struct variable *lock = store_get(service->store, &ppi_guid, lock_name);

    return lock != NULL && (lock->data.len != 1 || lock->data.data[0] != 0);
}

/* The lock takes the single byte 1 and nothing else; it can't be deleted, appended to or given
 * other attributes. */
static efi_status lock_check(const struct request *request)
{
    if (request->attributes == 0 || request->data.len == 0) {
        return EFI_WRITE_PROTECTED;
    }
    if (request->attributes != EFI_VARIABLE_NV_BS_RT || request->data.len != 1 ||
        request->data.data[0] != 1) {
        return EFI_INVALID_PARAMETER;
    }
    return EFI_SUCCESS;
}

efi_status ppi_check(const struct service *service, const struct request *request)
{
    if (!guid_equal(&request->guid, &ppi_guid)) {
        return EFI_SUCCESS;
    }
    if (span_equal(request->name, lock_name)) {
        return lock_check(request);
    }
    if (span_equal(request->name, flags_name) && flags_locked(service)) {
        return EFI_WRITE_PROTECTED;
    }
    return EFI_SUCCESS;
}

/* Where an access at the index goes. */
struct target {
    uint8_t *bytes;                /* in the volatile area, or NULL */
    const struct variable *buffer; /* PPIBuffer, or NULL */
    size_t offset;                 /* within it */
};

/* An access that doesn't lie wholly in one of the two areas has no target: both members are NULL.
 */
static struct target ppi_target(struct service *service, unsigned size)
{
    uint64_t first = service->device.ppi_index;
    uint64_t end = first + size;

    if (end <= PPI_VOLATILE_SIZE) {
        return (struct target){.bytes = service->device.ppi_volatile + first};
    }
    if (first < PPI_VOLATILE_SIZE || end > PPI_VOLATILE_SIZE + PPI_BUFFER_SIZE) {
        return (struct target){0};
    }
    const struct variable *buffer = store_get(service->store, &ppi_guid, buffer_name);
    if (buffer == NULL || buffer->attributes != EFI_VARIABLE_NV_BS_RT ||
        end - PPI_VOLATILE_SIZE > buffer->data.len) {
        return (struct target){0};
    }
    return (struct target){.buffer = buffer, .offset = (size_t)(first - PPI_VOLATILE_SIZE)};
}

static bool is_data_access(uint32_t port, unsigned size)
{
    return port == PORT_PPI_DATA && (size == 1 || size == 2 || size == 4);
}

uint32_t service_port_read(struct service *service, uint32_t port, unsigned size)
{
    uint32_t value = 0;

    if (!is_data_access(port, size)) {
        return 0;
    }
    struct target target = ppi_target(service, size);
    const uint8_t *from =
        target.buffer != NULL ? target.buffer->data.data + target.offset : target.bytes;
    for (unsigned i = 0; from != NULL && i < size; i++) {
        value |= (uint32_t)from[i] << (8 * i);
    }
    return value;
}

/* Changes PPIBuffer as a SetVariable would: saved before it counts, undone where that fails. */
static efi_status buffer_write(struct service *service, const struct target *target,
                               struct span bytes)
{
    auto_free uint8_t *data = malloc(target->buffer->data.len);

    if (data == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    memcpy(data, target->buffer->data.data, target->buffer->data.len);
    memcpy(data + target->offset, bytes.data, bytes.len);
    struct variable changed = ppi_variable(buffer_name, data, target->buffer->data.len);
    size_t mark = store_begin(service->store);
    if (!store_put(service->store, &changed)) {
        store_abort(service->store, mark);
        return EFI_OUT_OF_RESOURCES;
    }
    return service_finish(service, mark);
}

static void data_write(struct service *service, unsigned size, uint32_t value)
{
    uint8_t bytes[4];
    struct target target = ppi_target(service, size);

    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    if (target.bytes != NULL) {
        memcpy(target.bytes, bytes, size);
    }
    if (target.buffer == NULL ||
        memcmp(target.buffer->data.data + target.offset, bytes, size) == 0) {
        return;
    }
    efi_status status = buffer_write(service, &target, span_of(bytes, size));
    if (status != EFI_SUCCESS) {
        log_limited(&service->limit, LOG_LEVEL_ERROR,
                    "a write to the physical presence port was dropped: %s",
                    efi_status_text(status));
    }
}

void service_port_write(struct service *service, uint32_t port, unsigned size, uint32_t value)
{
    if (port == PORT_PPI_INDEX && size == 4) {
        service->device.ppi_index = value;
    } else if (is_data_access(port, size)) {
        data_write(service, size, value);
    }
}
