/** @file
  Bounded writing of requests and reading of replies.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#include "Wire.h"
#include <Library/BaseMemoryLib.h>

VOID
WireInit (
  OUT WIRE   *Wire,
  IN  VOID   *Data,
  IN  UINTN  Size
  )
{
  Wire->Data   = Data;
  Wire->Size   = Size;
  Wire->Used   = 0;
  Wire->Failed = FALSE;
}

/**
  Claim the next Length bytes.

  @return where they are, or NULL when they don't fit or something did not
          before.
**/
STATIC
UINT8 *
WireAdvance (
  IN OUT WIRE   *Wire,
  IN     UINTN  Length
  )
{
  UINT8  *Here;

  if (Wire->Failed || (Length > Wire->Size - Wire->Used)) {
    Wire->Failed = TRUE;
    return NULL;
  }

  Here        = Wire->Data + Wire->Used;
  Wire->Used += Length;
  return Here;
}

VOID
WirePut (
  IN OUT WIRE        *Wire,
  IN     CONST VOID  *Bytes,
  IN     UINTN       Length
  )
{
  UINT8  *Here;

  Here = WireAdvance (Wire, Length);
  if ((Here != NULL) && (Length > 0)) {
    CopyMem (Here, Bytes, Length);
  }
}

VOID
WirePutU8 (
  IN OUT WIRE   *Wire,
  IN     UINT8  Value
  )
{
  WirePut (Wire, &Value, sizeof (Value));
}

VOID
WirePutU32 (
  IN OUT WIRE    *Wire,
  IN     UINT32  Value
  )
{
  WirePut (Wire, &Value, sizeof (Value));
}

VOID
WirePutU64 (
  IN OUT WIRE    *Wire,
  IN     UINT64  Value
  )
{
  WirePut (Wire, &Value, sizeof (Value));
}

VOID
WirePutCounted (
  IN OUT WIRE        *Wire,
  IN     CONST VOID  *Bytes,
  IN     UINTN       Length
  )
{
  WirePutU64 (Wire, Length);
  WirePut (Wire, Bytes, Length);
}

VOID
WireGet (
  IN OUT WIRE   *Wire,
  OUT    VOID   *Bytes,
  IN     UINTN  Length
  )
{
  UINT8  *Here;

  Here = WireAdvance (Wire, Length);
  if ((Here != NULL) && (Length > 0)) {
    CopyMem (Bytes, Here, Length);
  }
}

UINT32
WireGetU32 (
  IN OUT WIRE  *Wire
  )
{
  UINT32  Value;

  Value = 0;
  WireGet (Wire, &Value, sizeof (Value));
  return Value;
}

UINT64
WireGetU64 (
  IN OUT WIRE  *Wire
  )
{
  UINT64  Value;

  Value = 0;
  WireGet (Wire, &Value, sizeof (Value));
  return Value;
}
