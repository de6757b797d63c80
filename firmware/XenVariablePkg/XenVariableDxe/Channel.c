/** @file
  The one buffer that is shared with the variable service, and its lock.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include "Channel.h"
#include <XenVariableProtocol.h>
#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/DebugLib.h>
#include <Library/IoLib.h>
#include <Library/MemoryAllocationLib.h>
#include <Library/SynchronizationLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Library/UefiRuntimeLib.h>

//
// How often to look at a lock that another CPU holds. An operating system
// serialises its calls, so this is only reached when one call interrupts
// another on the same CPU (a crash handler): waiting for ever would hang it.
//
#define LOCK_ATTEMPTS  (1 << 24)

STATIC UINT8      *mBuffer;
STATIC UINT32     mBufferFrame;
STATIC SPIN_LOCK  mLock;
STATIC EFI_TPL    mCallerTpl;

EFI_STATUS
ChannelInit (
  VOID
  )
{
  UINTN  Frame;

  mBuffer = AllocateRuntimePages (XEN_VARIABLE_BUFFER_PAGES);
  if (mBuffer == NULL) {
    return EFI_OUT_OF_RESOURCES;
  }

  Frame = (UINTN)mBuffer >> EFI_PAGE_SHIFT;
  if (Frame > MAX_UINT32) {
    FreePages (mBuffer, XEN_VARIABLE_BUFFER_PAGES);
    return EFI_OUT_OF_RESOURCES;
  }

  mBufferFrame = (UINT32)Frame;
  ZeroMem (mBuffer, XEN_VARIABLE_BUFFER_SIZE);
  InitializeSpinLock (&mLock);
  return EFI_SUCCESS;
}

VOID
ChannelConvertPointers (
  VOID
  )
{
  EfiConvertPointer (0x0, (VOID **)&mBuffer);
}

STATIC
BOOLEAN
TakeLock (
  VOID
  )
{
  UINTN  Attempt;

  //
  // Not AcquireSpinLock(): its time-out reads a timer that the operating
  // system need not have mapped for us.
  //
  for (Attempt = 0; Attempt < LOCK_ATTEMPTS; Attempt++) {
    if (AcquireSpinLockOrFail (&mLock)) {
      return TRUE;
    }

    CpuPause ();
  }

  return FALSE;
}

EFI_STATUS
ChannelBegin (
  OUT WIRE    *Request,
  IN  UINT32  Command
  )
{
  EFI_TPL  Tpl;

  //
  // While the firmware runs, a timer's notification that uses variables must
  // not interrupt a request on the same CPU.
  //
  Tpl = 0;
  if (!EfiAtRuntime ()) {
    Tpl = gBS->RaiseTPL (TPL_NOTIFY);
  }

  if (!TakeLock ()) {
    if (!EfiAtRuntime ()) {
      gBS->RestoreTPL (Tpl);
    }

    return EFI_DEVICE_ERROR;
  }

  mCallerTpl = Tpl;
  WireInit (Request, mBuffer, XEN_VARIABLE_BUFFER_SIZE);
  WirePutU32 (Request, XEN_VARIABLE_VERSION);
  WirePutU32 (Request, Command);
  return EFI_SUCCESS;
}

EFI_STATUS
ChannelCall (
  IN  CONST WIRE  *Request,
  OUT WIRE        *Reply
  )
{
  EFI_STATUS  Status;

  WireInit (Reply, mBuffer, XEN_VARIABLE_BUFFER_SIZE);
  if (Request->Failed) {
    return EFI_OUT_OF_RESOURCES;
  }

  MemoryFence ();
  IoWrite32 (XEN_VARIABLE_REQUEST_PORT, mBufferFrame);
  MemoryFence ();

  Status = (EFI_STATUS)WireGetU64 (Reply);
  //
  // Where nobody answers, the request itself is still there. Its version and
  // command read as a status are not 0 and no error either: never take that
  // for success.
  //
  if ((Status != EFI_SUCCESS) && !EFI_ERROR (Status)) {
    return EFI_DEVICE_ERROR;
  }

  return Status;
}

VOID
ChannelEnd (
  VOID
  )
{
  EFI_TPL  Tpl;

  Tpl = mCallerTpl;
  ReleaseSpinLock (&mLock);
  if (!EfiAtRuntime ()) {
    gBS->RestoreTPL (Tpl);
  }
}
