// SPDX-License-Identifier: BSD-2-Clause
/*
 * As much of edk2's headers as the driver in firmware/XenVariablePkg/XenVariableDxe needs to be
 * compiled for this machine (support/firmware.c). The build makes the headers that it includes,
 * each of which includes this one.
 */
#ifndef SUPPORT_EDK2_H
#define SUPPORT_EDK2_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define STATIC static
#define EFIAPI
#define VOID void
#define TRUE 1
#define FALSE 0

typedef unsigned char BOOLEAN;
typedef uint8_t UINT8;
typedef uint16_t CHAR16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef uint64_t UINTN;
typedef UINTN EFI_STATUS, RETURN_STATUS, EFI_TPL;
typedef void *EFI_HANDLE, *EFI_EVENT;
typedef struct {
    UINT8 bytes[16];
} EFI_GUID;
typedef struct {
    UINTN unused;
} EFI_SYSTEM_TABLE;

#define MAX_UINT32 UINT32_MAX
#define MAX_UINTN UINT64_MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))

#define EFI_PAGE_SHIFT 12
#define SIZE_4KB 4096
#define TPL_NOTIFY 16
#define EVT_NOTIFY_SIGNAL 0x200

#define ENCODE_ERROR(code) ((UINT64_C(1) << 63) | (code))
#define EFI_ERROR(status) (((status) >> 63) != 0)
#define EFI_SUCCESS UINT64_C(0)
#define EFI_INVALID_PARAMETER ENCODE_ERROR(2)
#define EFI_UNSUPPORTED ENCODE_ERROR(3)
#define EFI_BUFFER_TOO_SMALL ENCODE_ERROR(5)
#define EFI_DEVICE_ERROR ENCODE_ERROR(7)
#define EFI_OUT_OF_RESOURCES ENCODE_ERROR(9)
#define EFI_NOT_FOUND ENCODE_ERROR(14)

#define EFI_VARIABLE_NON_VOLATILE 1
#define EFI_VARIABLE_BOOTSERVICE_ACCESS 2

typedef VOID (*EFI_EVENT_NOTIFY)(EFI_EVENT event, VOID *context);

typedef struct {
    EFI_TPL (*RaiseTPL)(EFI_TPL tpl);
    VOID (*RestoreTPL)(EFI_TPL tpl);
    EFI_STATUS (*CreateEventEx)(UINT32, EFI_TPL, EFI_EVENT_NOTIFY, VOID *, EFI_GUID *, EFI_EVENT *);
    EFI_STATUS (*InstallMultipleProtocolInterfaces)(EFI_HANDLE *handle, ...);
} EFI_BOOT_SERVICES;

typedef struct {
    EFI_STATUS (*GetVariable)(CHAR16 *, EFI_GUID *, UINT32 *, UINTN *, VOID *);
    EFI_STATUS (*SetVariable)(CHAR16 *, EFI_GUID *, UINT32, UINTN, VOID *);
    EFI_STATUS (*GetNextVariableName)(UINTN *, CHAR16 *, EFI_GUID *);
    EFI_STATUS (*QueryVariableInfo)(UINT32, UINT64 *, UINT64 *, UINT64 *);
} EFI_RUNTIME_SERVICES;

extern EFI_BOOT_SERVICES *gBS;
extern EFI_RUNTIME_SERVICES *gRT;
extern EFI_GUID gEfiEventVirtualAddressChangeGuid, gEfiVariableArchProtocolGuid,
    gEfiVariableWriteArchProtocolGuid;

typedef UINTN SPIN_LOCK;
VOID InitializeSpinLock(SPIN_LOCK *lock);
BOOLEAN AcquireSpinLockOrFail(SPIN_LOCK *lock);
VOID ReleaseSpinLock(SPIN_LOCK *lock);

VOID *AllocateRuntimePages(UINTN pages);
VOID FreePages(VOID *memory, UINTN pages);
BOOLEAN EfiAtRuntime(VOID);
VOID EfiConvertPointer(UINTN disposition, VOID **pointer);
VOID IoWrite32(UINTN port, UINT32 value);
RETURN_STATUS PcdSetBool(BOOLEAN value);

#define PcdSetBoolS(name, value) PcdSetBool(value)
#define ASSERT_RETURN_ERROR(status) ((void)(status))
#define DEBUG(arguments)
#define DEBUG_ERROR 0
#define DEBUG_INFO 0
#define CopyMem(to, from, length) memmove(to, from, length)
#define ZeroMem(memory, length) memset(memory, 0, length)
#define CopyGuid(to, from) (*(to) = *(from))
#define CpuPause() ((void)0)
#define MemoryFence() __atomic_thread_fence(__ATOMIC_SEQ_CST)

EFI_STATUS XenVariableEntry(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

#endif
