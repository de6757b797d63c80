// SPDX-License-Identifier: BSD-2-Clause
/* Device paths (UEFI 2.10, chapter 10) as text, in the notation of 10.6. */
#ifndef TOOLS_DEVICE_PATH_H
#define TOOLS_DEVICE_PATH_H

#include "base/reader.h"

#include <stdio.h>

/*
 * Writes the text of a device path to the stream: "PciRoot(0x0)/Pci(0x1,0x1)/HD(...)/\EFI\..".
 * Several instances are separated by commas. Nodes that aren't known are given in hexadecimal.
 * False when the path is cut short or malformed; what could be read was written.
 */
bool device_path_print(FILE *stream, struct span path);

#endif
