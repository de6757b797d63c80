/** @file
  The one buffer that is shared with the variable service, and its lock.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef XEN_VARIABLE_CHANNEL_H_
#define XEN_VARIABLE_CHANNEL_H_

#include "Wire.h"

/**
  Allocate the shared buffer: runtime memory, at one guest frame number for
  boot time and run time alike.

  @retval EFI_SUCCESS           Requests can be made.
  @retval EFI_OUT_OF_RESOURCES  There is no memory, or none whose frame number
                                fits into the request port's 32 bits.
**/
EFI_STATUS
ChannelInit (
  VOID
  );

/// To be called once, when the operating system sets its virtual addresses.
VOID
ChannelConvertPointers (
  VOID
  );

/**
  Take the channel and begin a request.

  @param[out] Request  Positioned behind the request's header.
  @param[in]  Command  XEN_VARIABLE_...

  @retval EFI_SUCCESS       The caller holds the channel and must call
                            ChannelEnd().
  @retval EFI_DEVICE_ERROR  The channel is busy and stays so.
**/
EFI_STATUS
ChannelBegin (
  OUT WIRE    *Request,
  IN  UINT32  Command
  );

/**
  Have a complete request answered.

  @param[in]  Request  What ChannelBegin() gave, with the arguments added.
  @param[out] Reply    Positioned behind the reply's status.

  @return the service's status; EFI_DEVICE_ERROR when there is no service.
  @retval EFI_OUT_OF_RESOURCES  The request did not fit into the buffer and was
                                not made.
**/
EFI_STATUS
ChannelCall (
  IN  CONST WIRE  *Request,
  OUT WIRE        *Reply
  );

VOID
ChannelEnd (
  VOID
  );

#endif
