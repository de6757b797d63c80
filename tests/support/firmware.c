// SPDX-License-Identifier: BSD-2-Clause
#include "support/edk2.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter" /* edk2 builds without this one */
#include "../../firmware/XenVariablePkg/XenVariableDxe/Channel.c"
#include "../../firmware/XenVariablePkg/XenVariableDxe/Wire.c"
#include "../../firmware/XenVariablePkg/XenVariableDxe/XenVariable.c"
#pragma GCC diagnostic pop

/* The specification's names are in both. */
#undef EFI_SUCCESS
#undef EFI_INVALID_PARAMETER
#undef EFI_UNSUPPORTED
#undef EFI_BUFFER_TOO_SMALL
#undef EFI_DEVICE_ERROR
#undef EFI_OUT_OF_RESOURCES
#undef EFI_NOT_FOUND
#undef EFI_VARIABLE_NON_VOLATILE
#undef EFI_VARIABLE_BOOTSERVICE_ACCESS
#include "support/firmware.h"

#include <stdlib.h>
#include <sys/mman.h>

#define BUFFER_SIZE XEN_VARIABLE_BUFFER_SIZE
#define MOVED_BY 0x100000u /* where the operating system maps the buffer */

static struct {
    const struct firmware_port *port;
    uint8_t *memory; /* of BUFFER_SIZE, inaccessible pages around it */
    EFI_TPL tpl;
    bool at_runtime;
    EFI_EVENT_NOTIFY address_change;
} guest;

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* -------------------------------------------------------------------------------- edk2's libraries
 */

static EFI_TPL raise_tpl(EFI_TPL tpl)
{
    EFI_TPL before = guest.tpl;

    must(!guest.at_runtime && tpl >= before);
    guest.tpl = tpl;
    return before;
}

static VOID restore_tpl(EFI_TPL tpl)
{
    must(!guest.at_runtime);
    guest.tpl = tpl;
}

static EFI_STATUS create_event(UINT32 type, EFI_TPL tpl, EFI_EVENT_NOTIFY notify, VOID *context,
                               EFI_GUID *group, EFI_EVENT *event)
{
    (void)type;
    (void)tpl;
    (void)context;
    (void)group;
    *event = NULL;
    guest.address_change = notify;
    return EFI_SUCCESS;
}

static EFI_STATUS install_interfaces(EFI_HANDLE *handle, ...)
{
    (void)handle;
    return EFI_SUCCESS;
}

static EFI_BOOT_SERVICES boot_services = {.RaiseTPL = raise_tpl,
                                          .RestoreTPL = restore_tpl,
                                          .CreateEventEx = create_event,
                                          .InstallMultipleProtocolInterfaces = install_interfaces};
static EFI_RUNTIME_SERVICES runtime_services;
EFI_BOOT_SERVICES *gBS = &boot_services;
EFI_RUNTIME_SERVICES *gRT = &runtime_services;
EFI_GUID gEfiEventVirtualAddressChangeGuid, gEfiVariableArchProtocolGuid,
    gEfiVariableWriteArchProtocolGuid;

VOID InitializeSpinLock(SPIN_LOCK *lock)
{
    *lock = 1;
}

BOOLEAN AcquireSpinLockOrFail(SPIN_LOCK *lock)
{
    bool free = *lock == 1;

    *lock = 2;
    return free;
}

VOID ReleaseSpinLock(SPIN_LOCK *lock)
{
    must(*lock == 2);
    *lock = 1;
}

/* Low, so that a frame number has 32 bits. */
VOID *AllocateRuntimePages(UINTN pages)
{
    must(pages * SIZE_4KB == BUFFER_SIZE);
    if (guest.memory == NULL) {
        uint8_t *around = mmap(NULL, MOVED_BY + BUFFER_SIZE + 2 * SIZE_4KB, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

        must(around != MAP_FAILED);
        guest.memory = around + SIZE_4KB;
    }
    must(mprotect(guest.memory, BUFFER_SIZE, PROT_READ | PROT_WRITE) == 0);
    return guest.memory;
}

VOID FreePages(VOID *memory, UINTN pages)
{
    must(memory == guest.memory && pages * SIZE_4KB == BUFFER_SIZE);
}

BOOLEAN EfiAtRuntime(VOID)
{
    return guest.at_runtime;
}

VOID EfiConvertPointer(UINTN disposition, VOID **pointer)
{
    must(disposition == 0 && *pointer == guest.memory);
    *pointer = guest.memory + MOVED_BY;
}

VOID IoWrite32(UINTN port, UINT32 value)
{
    uint8_t *buffer = guest.memory + (guest.at_runtime ? MOVED_BY : 0);

    must(port == XEN_VARIABLE_REQUEST_PORT && value == (uintptr_t)guest.memory >> EFI_PAGE_SHIFT);
    guest.port->request(guest.port->self, buffer);
}

RETURN_STATUS PcdSetBool(BOOLEAN value)
{
    (void)value;
    return EFI_SUCCESS;
}

/* ---------------------------------------------------------------------------------- for the tests
 */

efi_status firmware_start(const struct firmware_port *port)
{
    guest.port = port;
    guest.at_runtime = false;
    guest.tpl = 4;
    return XenVariableEntry(NULL, NULL);
}

void firmware_leave_boot(void)
{
    must(mprotect(guest.memory + MOVED_BY, BUFFER_SIZE, PROT_READ | PROT_WRITE) == 0 &&
         mprotect(guest.memory, BUFFER_SIZE, PROT_NONE) == 0);
    guest.at_runtime = true;
    guest.address_change(NULL, NULL);
}

bool firmware_is_idle(void)
{
    return mLock == 1 && guest.tpl == 4;
}

efi_status firmware_get(const char16_t *name, const struct guid *guid, uint32_t *attributes,
                        uint64_t *size, void *data)
{
    return gRT->GetVariable((CHAR16 *)(uintptr_t)name, (EFI_GUID *)(uintptr_t)guid, attributes,
                            size, data);
}

efi_status firmware_set(const char16_t *name, const struct guid *guid, uint32_t attributes,
                        uint64_t size, const void *data)
{
    return gRT->SetVariable((CHAR16 *)(uintptr_t)name, (EFI_GUID *)(uintptr_t)guid, attributes,
                            size, (void *)(uintptr_t)data);
}

efi_status firmware_next(uint64_t *size, char16_t *name, struct guid *guid)
{
    return gRT->GetNextVariableName(size, (CHAR16 *)name, (EFI_GUID *)guid);
}

efi_status firmware_query(uint32_t attributes, uint64_t out[3])
{
    return gRT->QueryVariableInfo(attributes, &out[0], &out[1], &out[2]);
}

bool firmware_wire_read(struct span bytes, uint32_t *small, uint64_t *large, void *out,
                        uint64_t size)
{
    WIRE wire;

    WireInit(&wire, (void *)(uintptr_t)bytes.data, bytes.len);
    *small = WireGetU32(&wire);
    *large = WireGetU64(&wire);
    WireGet(&wire, out, size);
    return !wire.Failed && wire.Used <= bytes.len;
}

bool firmware_wire_write(uint8_t *out, size_t capacity, uint32_t number, struct span data)
{
    WIRE wire;

    WireInit(&wire, out, capacity);
    WirePutU32(&wire, number);
    WirePutCounted(&wire, data.data, data.len);
    return !wire.Failed && wire.Used <= capacity;
}
