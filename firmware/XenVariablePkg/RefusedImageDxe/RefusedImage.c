/** @file
  Tells the host when an image fails Secure Boot verification.

  The decision stays where it is, in the Security2 protocol. This driver only
  puts itself in front of it and looks at the answer, so no source of edk2 has
  to be changed for it.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include <Uefi.h>
#include <XenVariableProtocol.h>
#include <Guid/EventGroup.h>
#include <Protocol/Security2.h>
#include <Library/BaseLib.h>
#include <Library/DebugLib.h>
#include <Library/IoLib.h>
#include <Library/MemoryAllocationLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Library/UefiDriverEntryPoint.h>

STATIC EFI_SECURITY2_ARCH_PROTOCOL        *mSecurity2;
STATIC EFI_SECURITY2_FILE_AUTHENTICATION  mAuthenticate;

/**
  Make one NotifySecureBootFailure request in a buffer of its own: the variable
  driver's may be in use, and this is rare.
**/
STATIC
VOID
TellHost (
  VOID
  )
{
  UINT8  *Buffer;
  UINTN  Frame;

  Buffer = AllocatePages (XEN_VARIABLE_BUFFER_PAGES);
  if (Buffer == NULL) {
    DEBUG ((DEBUG_ERROR, "RefusedImage: no memory to tell the host\n"));
    return;
  }

  Frame = (UINTN)Buffer >> EFI_PAGE_SHIFT;
  if (Frame <= MAX_UINT32) {
    WriteUnaligned32 ((UINT32 *)Buffer, XEN_VARIABLE_VERSION);
    WriteUnaligned32 ((UINT32 *)(Buffer + sizeof (UINT32)), XEN_VARIABLE_REFUSED_IMAGE);
    MemoryFence ();
    IoWrite32 (XEN_VARIABLE_REQUEST_PORT, (UINT32)Frame);
    MemoryFence ();
    DEBUG ((DEBUG_INFO, "RefusedImage: host told: %r\n", (EFI_STATUS)ReadUnaligned64 ((UINT64 *)Buffer)));
  }

  FreePages (Buffer, XEN_VARIABLE_BUFFER_PAGES);
}

STATIC
EFI_STATUS
EFIAPI
AuthenticateAndTell (
  IN CONST EFI_SECURITY2_ARCH_PROTOCOL  *This,
  IN CONST EFI_DEVICE_PATH_PROTOCOL     *File  OPTIONAL,
  IN VOID                               *FileBuffer,
  IN UINTN                              FileSize,
  IN BOOLEAN                            BootPolicy
  )
{
  EFI_STATUS  Status;

  Status = mAuthenticate (This, File, FileBuffer, FileSize, BootPolicy);
  if ((FileBuffer != NULL) &&
      ((Status == EFI_ACCESS_DENIED) || (Status == EFI_SECURITY_VIOLATION)))
  {
    TellHost ();
  }

  return Status;
}

/**
  Before the end of DXE the same protocol answers EFI_ACCESS_DENIED for images
  that it only puts off, which is no refusal. So look from then on.
**/
STATIC
VOID
EFIAPI
OnEndOfDxe (
  IN EFI_EVENT  Event,
  IN VOID       *Context
  )
{
  mAuthenticate                  = mSecurity2->FileAuthentication;
  mSecurity2->FileAuthentication = AuthenticateAndTell;
  gBS->CloseEvent (Event);
}

EFI_STATUS
EFIAPI
RefusedImageEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_STATUS  Status;
  EFI_EVENT   Event;

  Status = gBS->LocateProtocol (&gEfiSecurity2ArchProtocolGuid, NULL, (VOID **)&mSecurity2);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  return gBS->CreateEventEx (
                EVT_NOTIFY_SIGNAL,
                TPL_CALLBACK,
                OnEndOfDxe,
                NULL,
                &gEfiEndOfDxeEventGroupGuid,
                &Event
                );
}
