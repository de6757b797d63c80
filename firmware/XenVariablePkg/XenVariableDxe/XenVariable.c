/** @file
  UEFI variable services that are answered by a daemon in dom0.

  Every service checks what the UEFI specification (2.10, section 8.2) leaves
  to the caller's memory: pointers, terminators, sizes. Everything about the
  variables themselves is the daemon's decision.

  Replies are read with the same care as requests are written: a length in a
  reply never decides how much of the caller's memory is written.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include "Channel.h"
#include <XenVariableProtocol.h>
#include <Guid/EventGroup.h>
#include <Protocol/Variable.h>
#include <Protocol/VariableWrite.h>
#include <Library/BaseLib.h>
#include <Library/BaseMemoryLib.h>
#include <Library/DebugLib.h>
#include <Library/PcdLib.h>
#include <Library/UefiBootServicesTableLib.h>
#include <Library/UefiDriverEntryPoint.h>
#include <Library/UefiRuntimeLib.h>
#include <Library/UefiRuntimeServicesTableLib.h>

//
// No longer name leaves room in the buffer for what every request has beside
// it.
//
#define MAX_NAME_CHARS  ((XEN_VARIABLE_BUFFER_SIZE - 64) / sizeof (CHAR16))

//
// What is in front of the data in the reply to GetVariable: status,
// attributes and length.
//
#define GET_REPLY_OVERHEAD  (sizeof (UINT64) + sizeof (UINT32) + sizeof (UINT64))

/**
  The bytes of a name, terminator not included.

  @return MAX_UINTN, which fits into no request, when there is no terminator
          among the first MaxChars characters.
**/
STATIC
UINTN
NameBytes (
  IN CONST CHAR16  *Name,
  IN UINTN         MaxChars
  )
{
  UINTN  Chars;

  for (Chars = 0; Chars < MaxChars; Chars++) {
    if (Name[Chars] == L'\0') {
      return Chars * sizeof (CHAR16);
    }
  }

  return MAX_UINTN;
}

/**
  One GetVariable request.

  @param[in]     Capacity    What the service may send at most.
  @param[out]    Attributes  The variable's, on success.
  @param[in,out] DataSize    In: the room at Data. Out: the data's length, or
                             the length needed.
  @param[out]    Data        Taken only when the data fits; may be NULL where
                             DataSize is 0.
**/
STATIC
EFI_STATUS
RequestGet (
  IN     CONST CHAR16    *Name,
  IN     UINTN           NameLength,
  IN     CONST EFI_GUID  *Guid,
  IN     UINTN           Capacity,
  OUT    UINT32          *Attributes,
  IN OUT UINTN           *DataSize,
  OUT    VOID            *Data  OPTIONAL
  )
{
  EFI_STATUS  Status;
  WIRE        Request;
  WIRE        Reply;
  UINT64      Length;

  Status = ChannelBegin (&Request, XEN_VARIABLE_GET);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  WirePutCounted (&Request, Name, NameLength);
  WirePut (&Request, Guid, sizeof (*Guid));
  WirePutU64 (&Request, Capacity);
  WirePutU8 (&Request, EfiAtRuntime ());
  Status = ChannelCall (&Request, &Reply);
  if (Status == EFI_BUFFER_TOO_SMALL) {
    *DataSize = (UINTN)WireGetU64 (&Reply);
  } else if (!EFI_ERROR (Status)) {
    *Attributes = WireGetU32 (&Reply);
    Length      = WireGetU64 (&Reply);
    if (Length > *DataSize) {
      Status = EFI_BUFFER_TOO_SMALL;
    } else if ((Length > 0) && (Data == NULL)) {
      Status = EFI_INVALID_PARAMETER;
    } else {
      WireGet (&Reply, Data, (UINTN)Length);
    }

    *DataSize = (UINTN)Length;
  }

  if (Reply.Failed) {
    Status = EFI_DEVICE_ERROR;
  }

  ChannelEnd ();
  return Status;
}

STATIC
EFI_STATUS
EFIAPI
XenGetVariable (
  IN     CHAR16    *VariableName,
  IN     EFI_GUID  *VendorGuid,
  OUT    UINT32    *Attributes OPTIONAL,
  IN OUT UINTN     *DataSize,
  OUT    VOID      *Data OPTIONAL
  )
{
  EFI_STATUS  Status;
  UINTN       NameLength;
  UINTN       Size;
  UINTN       None;
  UINT32      Found;

  if ((VariableName == NULL) || (VendorGuid == NULL) || (DataSize == NULL)) {
    return EFI_INVALID_PARAMETER;
  }

  NameLength = NameBytes (VariableName, MAX_NAME_CHARS);
  if (NameLength == MAX_UINTN) {
    return EFI_NOT_FOUND;
  }

  Found  = 0;
  Size   = *DataSize;
  Status = RequestGet (
             VariableName,
             NameLength,
             VendorGuid,
             MIN (Size, XEN_VARIABLE_BUFFER_SIZE - GET_REPLY_OVERHEAD),
             &Found,
             &Size,
             Data
             );
  if ((Status == EFI_BUFFER_TOO_SMALL) && (Attributes != NULL)) {
    //
    // UEFI 2.10, 8.2.1: "Attributes is set on output both when EFI_SUCCESS and
    // when EFI_BUFFER_TOO_SMALL is returned." The reply to a call that is too
    // small carries none, so ask again, as if there was room.
    //
    None = 0;
    RequestGet (
      VariableName,
      NameLength,
      VendorGuid,
      XEN_VARIABLE_BUFFER_SIZE - GET_REPLY_OVERHEAD,
      &Found,
      &None,
      NULL
      );
  }

  if ((Status == EFI_BUFFER_TOO_SMALL) || !EFI_ERROR (Status)) {
    *DataSize = Size;
    if (Attributes != NULL) {
      *Attributes = Found;
    }
  }

  return Status;
}

STATIC
EFI_STATUS
EFIAPI
XenSetVariable (
  IN CHAR16    *VariableName,
  IN EFI_GUID  *VendorGuid,
  IN UINT32    Attributes,
  IN UINTN     DataSize,
  IN VOID      *Data
  )
{
  EFI_STATUS  Status;
  WIRE        Request;
  WIRE        Reply;

  if ((VariableName == NULL) || (VariableName[0] == L'\0') ||
      (VendorGuid == NULL) || ((DataSize != 0) && (Data == NULL)))
  {
    return EFI_INVALID_PARAMETER;
  }

  Status = ChannelBegin (&Request, XEN_VARIABLE_SET);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  WirePutCounted (&Request, VariableName, NameBytes (VariableName, MAX_NAME_CHARS));
  WirePut (&Request, VendorGuid, sizeof (*VendorGuid));
  WirePutCounted (&Request, Data, DataSize);
  WirePutU32 (&Request, Attributes);
  WirePutU8 (&Request, EfiAtRuntime ());
  Status = ChannelCall (&Request, &Reply);
  ChannelEnd ();
  return Status;
}

/**
  Take the name and GUID out of a successful GetNextVariableName reply.

  @param[in] Capacity  The room at Name in bytes, terminator included.
**/
STATIC
EFI_STATUS
TakeNextName (
  IN OUT WIRE      *Reply,
  IN     UINTN     Capacity,
  OUT    UINTN     *NameSize,
  OUT    CHAR16    *Name,
  OUT    EFI_GUID  *Guid
  )
{
  UINT64    Length;
  EFI_GUID  Found;

  Length = WireGetU64 (Reply);
  if ((Length == 0) || (Length % sizeof (CHAR16) != 0) ||
      (Length > Reply->Size) || (Length + sizeof (CHAR16) > Capacity))
  {
    return EFI_DEVICE_ERROR;
  }

  WireGet (Reply, Name, (UINTN)Length);
  WireGet (Reply, &Found, sizeof (Found));
  if (Reply->Failed) {
    return EFI_DEVICE_ERROR;
  }

  Name[Length / sizeof (CHAR16)] = L'\0';
  CopyGuid (Guid, &Found);
  *NameSize = (UINTN)Length + sizeof (CHAR16);
  return EFI_SUCCESS;
}

STATIC
EFI_STATUS
EFIAPI
XenGetNextVariableName (
  IN OUT UINTN     *VariableNameSize,
  IN OUT CHAR16    *VariableName,
  IN OUT EFI_GUID  *VendorGuid
  )
{
  EFI_STATUS  Status;
  WIRE        Request;
  WIRE        Reply;
  UINTN       NameLength;
  UINTN       Needed;

  if ((VariableNameSize == NULL) || (VariableName == NULL) || (VendorGuid == NULL)) {
    return EFI_INVALID_PARAMETER;
  }

  //
  // UEFI 2.10, 8.2.2: EFI_INVALID_PARAMETER where there is no terminator in the
  // first VariableNameSize bytes.
  //
  NameLength = NameBytes (
                 VariableName,
                 MIN (*VariableNameSize / sizeof (CHAR16), MAX_NAME_CHARS)
                 );
  if (NameLength == MAX_UINTN) {
    return EFI_INVALID_PARAMETER;
  }

  Status = ChannelBegin (&Request, XEN_VARIABLE_GET_NEXT);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  WirePutU64 (&Request, *VariableNameSize);
  WirePutCounted (&Request, VariableName, NameLength);
  WirePut (&Request, VendorGuid, sizeof (*VendorGuid));
  WirePutU8 (&Request, EfiAtRuntime ());
  Status = ChannelCall (&Request, &Reply);
  if (Status == EFI_BUFFER_TOO_SMALL) {
    Needed = (UINTN)WireGetU64 (&Reply);
    if (Reply.Failed) {
      Status = EFI_DEVICE_ERROR;
    } else {
      *VariableNameSize = Needed;
    }
  } else if (!EFI_ERROR (Status)) {
    Status = TakeNextName (&Reply, *VariableNameSize, VariableNameSize, VariableName, VendorGuid);
  }

  ChannelEnd ();
  return Status;
}

STATIC
EFI_STATUS
EFIAPI
XenQueryVariableInfo (
  IN  UINT32  Attributes,
  OUT UINT64  *MaximumVariableStorageSize,
  OUT UINT64  *RemainingVariableStorageSize,
  OUT UINT64  *MaximumVariableSize
  )
{
  EFI_STATUS  Status;
  WIRE        Request;
  WIRE        Reply;
  UINT64      Storage;
  UINT64      Remaining;
  UINT64      Largest;

  if ((MaximumVariableStorageSize == NULL) ||
      (RemainingVariableStorageSize == NULL) || (MaximumVariableSize == NULL))
  {
    return EFI_INVALID_PARAMETER;
  }

  Status = ChannelBegin (&Request, XEN_VARIABLE_QUERY_INFO);
  if (EFI_ERROR (Status)) {
    return Status;
  }

  WirePutU32 (&Request, Attributes);
  Status = ChannelCall (&Request, &Reply);
  if (!EFI_ERROR (Status)) {
    Storage   = WireGetU64 (&Reply);
    Remaining = WireGetU64 (&Reply);
    Largest   = WireGetU64 (&Reply);
    if (Reply.Failed) {
      Status = EFI_DEVICE_ERROR;
    } else {
      *MaximumVariableStorageSize   = Storage;
      *RemainingVariableStorageSize = Remaining;
      *MaximumVariableSize          = Largest;
    }
  }

  ChannelEnd ();
  return Status;
}

STATIC
VOID
EFIAPI
OnVirtualAddressChange (
  IN EFI_EVENT  Event,
  IN VOID       *Context
  )
{
  ChannelConvertPointers ();
}

/**
  Ask something that a working service always answers.
**/
STATIC
EFI_STATUS
CheckServiceAnswers (
  VOID
  )
{
  UINT64  Storage;
  UINT64  Remaining;
  UINT64  Largest;

  return XenQueryVariableInfo (
           EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_NON_VOLATILE,
           &Storage,
           &Remaining,
           &Largest
           );
}

/**
  Replace the variable services of the runtime services table.
**/
STATIC
EFI_STATUS
InstallServices (
  VOID
  )
{
  EFI_HANDLE  Handle;

  gRT->GetVariable         = XenGetVariable;
  gRT->SetVariable         = XenSetVariable;
  gRT->GetNextVariableName = XenGetNextVariableName;
  gRT->QueryVariableInfo   = XenQueryVariableInfo;

  Handle = NULL;
  return gBS->InstallMultipleProtocolInterfaces (
                &Handle,
                &gEfiVariableArchProtocolGuid,
                NULL,
                &gEfiVariableWriteArchProtocolGuid,
                NULL,
                NULL
                );
}

EFI_STATUS
EFIAPI
XenVariableEntry (
  IN EFI_HANDLE        ImageHandle,
  IN EFI_SYSTEM_TABLE  *SystemTable
  )
{
  EFI_STATUS     Status;
  RETURN_STATUS  PcdStatus;
  EFI_EVENT      Event;

  Status = ChannelInit ();
  if (EFI_ERROR (Status)) {
    DEBUG ((DEBUG_ERROR, "XenVariable: no buffer: %r\n", Status));
    return Status;
  }

  //
  // Without a service there are no variables and so no Secure Boot: better no
  // boot at all than one that looks protected. The core stops because an
  // architectural protocol is missing.
  //
  Status = CheckServiceAnswers ();
  if (EFI_ERROR (Status)) {
    DEBUG ((
      DEBUG_ERROR,
      "XenVariable: no variable service answers at port 0x%x (%r); is uefistored running for this domain?\n",
      XEN_VARIABLE_REQUEST_PORT,
      Status
      ));
    return EFI_UNSUPPORTED;
  }

  Status = gBS->CreateEventEx (
                  EVT_NOTIFY_SIGNAL,
                  TPL_NOTIFY,
                  OnVirtualAddressChange,
                  NULL,
                  &gEfiEventVirtualAddressChangeGuid,
                  &Event
                  );
  if (EFI_ERROR (Status)) {
    return Status;
  }

  //
  // Variables survive a restart: the boot manager needs no file with copies.
  //
  PcdStatus = PcdSetBoolS (PcdOvmfFlashVariablesEnable, TRUE);
  ASSERT_RETURN_ERROR (PcdStatus);

  DEBUG ((DEBUG_INFO, "XenVariable: variables are kept by the service in dom0\n"));
  return InstallServices ();
}
