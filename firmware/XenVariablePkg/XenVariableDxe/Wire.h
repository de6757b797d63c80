/** @file
  Bounded writing of requests and reading of replies.

  Both cursors have a sticky Failed flag: after the first access that does not
  fit, nothing is written or read any more, and one check at the end is enough.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef XEN_VARIABLE_WIRE_H_
#define XEN_VARIABLE_WIRE_H_

#include <Uefi.h>

typedef struct {
  UINT8      *Data;
  UINTN      Size;
  UINTN      Used;
  BOOLEAN    Failed;
} WIRE;

/// Start at offset 0 of Size bytes at Data.
VOID
WireInit (
  OUT WIRE   *Wire,
  IN  VOID   *Data,
  IN  UINTN  Size
  );

VOID
WirePut (
  IN OUT WIRE        *Wire,
  IN     CONST VOID  *Bytes,
  IN     UINTN       Length
  );

VOID
WirePutU8 (
  IN OUT WIRE   *Wire,
  IN     UINT8  Value
  );

VOID
WirePutU32 (
  IN OUT WIRE    *Wire,
  IN     UINT32  Value
  );

VOID
WirePutU64 (
  IN OUT WIRE    *Wire,
  IN     UINT64  Value
  );

/// A 64-bit length, then that many bytes.
VOID
WirePutCounted (
  IN OUT WIRE        *Wire,
  IN     CONST VOID  *Bytes,
  IN     UINTN       Length
  );

VOID
WireGet (
  IN OUT WIRE   *Wire,
  OUT    VOID   *Bytes,
  IN     UINTN  Length
  );

/// 0 after a failure.
UINT32
WireGetU32 (
  IN OUT WIRE  *Wire
  );

/// 0 after a failure.
UINT64
WireGetU64 (
  IN OUT WIRE  *Wire
  );

#endif
