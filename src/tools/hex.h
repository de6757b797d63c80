// SPDX-License-Identifier: BSD-2-Clause
/* Bytes written as hexadecimal digits, in files that others make. */
#ifndef TOOLS_HEX_H
#define TOOLS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Into capacity bytes; false for anything but pairs of digits, or too many of them. */
bool hex_read(const char *text, uint8_t *out, size_t capacity, size_t *len);

#endif
