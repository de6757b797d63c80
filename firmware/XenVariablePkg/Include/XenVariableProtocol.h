/** @file
  The request protocol between the firmware and the variable service in dom0.

  A request lies at offset 0 of a buffer of 16 consecutive pages. Writing the
  buffer's guest frame number to the request port makes the service handle it
  and put its reply at offset 0 of the same buffer; the write returns when the
  reply is there. All integers are little-endian.

  Copyright (c) 2026, the uefistored authors
  SPDX-License-Identifier: BSD-2-Clause-Patent
**/

#ifndef XEN_VARIABLE_PROTOCOL_H_
#define XEN_VARIABLE_PROTOCOL_H_

#define XEN_VARIABLE_REQUEST_PORT  0x100
#define XEN_VARIABLE_VERSION       1
#define XEN_VARIABLE_BUFFER_PAGES  16
#define XEN_VARIABLE_BUFFER_SIZE   (XEN_VARIABLE_BUFFER_PAGES * SIZE_4KB)

#define XEN_VARIABLE_GET            0
#define XEN_VARIABLE_SET            1
#define XEN_VARIABLE_GET_NEXT       2
#define XEN_VARIABLE_QUERY_INFO     3
#define XEN_VARIABLE_REFUSED_IMAGE  4

#endif
