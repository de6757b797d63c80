// SPDX-License-Identifier: BSD-2-Clause
/*
 * The memory overwrite request (TCG Platform Reset Attack Mitigation 1.10) and its lock:
 * docs/PROTOCOL.md, "MOR". The lock's state is its variable's byte; the key is beside it, where no
 * GetVariable reaches.
 */
#include "service/internal.h"

static const struct guid control_guid =
    GUID_INIT(0xe20939be, 0x32d4, 0x41be, 0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29);
static const struct guid lock_guid =
    GUID_INIT(0xbb983ccf, 0x151d, 0x40e1, 0xa0, 0x7b, 0x4a, 0x17, 0xbe, 0x16, 0x82, 0x92);
static const struct span control_name = EFI_NAME_INIT("MemoryOverwriteRequestControl");
static const struct span lock_name = EFI_NAME_INIT("MemoryOverwriteRequestControlLock");

#define CONTROL_BITS 0x11u /* clear memory; disable auto detect */

enum lock_state {
    LOCK_OPEN = 0,
    LOCK_WITHOUT_KEY = 1,
    LOCK_WITH_KEY = 2,
};

static bool is_control(const struct guid *guid, struct span name)
{
    return guid_equal(guid, &control_guid) && span_equal(name, control_name);
}

static bool is_lock(const struct guid *guid, struct span name)
{
    return guid_equal(guid, &lock_guid) && span_equal(name, lock_name);
}

bool mor_owns(const struct guid *guid, struct span name)
{
    return is_control(guid, name) || is_lock(guid, name);
}

static struct variable mor_variable(const struct guid *guid, struct span name, const uint8_t *byte)
{
    return (struct variable){
        .guid = *guid,
        .name = name,
        .data = span_of(byte, 1),
        .attributes = EFI_VARIABLE_NV_BS_RT,
    };
}

static void mor_put_at_start(struct service *service, enum lock_state state)
{
    static const uint8_t zero;
    const uint8_t lock_byte = (uint8_t)state;
    struct variable control = mor_variable(&control_guid, control_name, &zero);
    struct variable lock = mor_variable(&lock_guid, lock_name, &lock_byte);

    memset(service->device.mor_key, 0, MOR_KEY_SIZE);
    service_put_at_start(service, &control);
    service_put_at_start(service, &lock);
}

void mor_reset(struct service *service)
{
    mor_put_at_start(service, LOCK_OPEN);
}

void mor_close(struct service *service)
{
    mor_put_at_start(service, LOCK_WITHOUT_KEY);
}

static efi_status mor_put(struct service *service, const struct guid *guid, struct span name,
                          uint8_t byte)
{
    struct variable variable = mor_variable(guid, name, &byte);
    size_t mark = store_begin(service->store);

    if (!store_put(service->store, &variable)) {
        store_abort(service->store, mark);
        return EFI_OUT_OF_RESOURCES;
    }
    return service_finish_unsaved(service, mark);
}

/* What can't be read as a lock state is locked: no state of the store opens it by accident. */
static enum lock_state lock_state(const struct service *service)
{
    const struct variable *lock = store_get(service->store, &lock_guid, lock_name);

    if (lock == NULL) {
        return LOCK_OPEN;
    }
    uint8_t state = lock->data.data[0];
    return state == LOCK_OPEN || state == LOCK_WITH_KEY ? (enum lock_state)state : LOCK_WITHOUT_KEY;
}

static efi_status lock_move(struct service *service, enum lock_state state, const uint8_t *key)
{
    efi_status status = mor_put(service, &lock_guid, lock_name, (uint8_t)state);

    if (status != EFI_SUCCESS) {
        return status;
    }
    if (key == NULL) {
        memset(service->device.mor_key, 0, MOR_KEY_SIZE);
    } else {
        memcpy(service->device.mor_key, key, MOR_KEY_SIZE);
    }
    return EFI_SUCCESS;
}

/* In a time that doesn't tell how much of the key is right. */
static bool key_matches(const struct service *service, const uint8_t *key)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < MOR_KEY_SIZE; i++) {
        difference |= (uint8_t)(service->device.mor_key[i] ^ key[i]);
    }
    return difference == 0;
}

static efi_status lock_set_byte(struct service *service, uint8_t byte)
{
    if (lock_state(service) != LOCK_OPEN) {
        return EFI_ACCESS_DENIED;
    }
    switch (byte) {
    case 0:
        return EFI_SUCCESS;
    case 1:
        return lock_move(service, LOCK_WITHOUT_KEY, NULL);
    default:
        return EFI_INVALID_PARAMETER;
    }
}

static efi_status lock_set_key(struct service *service, const uint8_t *key)
{
    efi_status status;

    switch (lock_state(service)) {
    case LOCK_OPEN:
        return lock_move(service, LOCK_WITH_KEY, key);
    case LOCK_WITH_KEY:
        if (key_matches(service, key)) {
            return lock_move(service, LOCK_OPEN, NULL);
        }
        status = lock_move(service, LOCK_WITHOUT_KEY, NULL); /* one guess, ever */
        return status == EFI_SUCCESS ? EFI_ACCESS_DENIED : status;
    default:
        return EFI_ACCESS_DENIED;
    }
}

static efi_status lock_set(struct service *service, const struct request *request)
{
    if (request->attributes == 0 || request->data.len == 0) {
        return EFI_WRITE_PROTECTED;
    }
    if (request->attributes != EFI_VARIABLE_NV_BS_RT) {
        return EFI_INVALID_PARAMETER;
    }
    switch (request->data.len) {
    case 1:
        return lock_set_byte(service, request->data.data[0]);
    case MOR_KEY_SIZE:
        return lock_set_key(service, request->data.data);
    default:
        return EFI_INVALID_PARAMETER;
    }
}

static efi_status control_set(struct service *service, const struct request *request)
{
    if (request->attributes != EFI_VARIABLE_NV_BS_RT || request->data.len != 1 ||
        (request->data.data[0] & ~CONTROL_BITS) != 0) {
        return EFI_INVALID_PARAMETER;
    }
    if (lock_state(service) != LOCK_OPEN) {
        return EFI_WRITE_PROTECTED;
    }
    return mor_put(service, &control_guid, control_name, request->data.data[0]);
}

efi_status mor_set(struct service *service, const struct request *request)
{
    return is_lock(&request->guid, request->name) ? lock_set(service, request)
                                                  : control_set(service, request);
}
