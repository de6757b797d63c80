// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's driver (firmware/XenVariablePkg/XenVariableDxe) on this machine: the same source,
 * with a port that leads into a function. There is one, as there is in a guest.
 */
#ifndef SUPPORT_FIRMWARE_H
#define SUPPORT_FIRMWARE_H

#include "base/efi.h"

/* Answers the request in the driver's buffer (64 KiB; what lies around it can't be touched). */
struct firmware_port {
    void *self;
    void (*request)(void *self, uint8_t *buffer);
};

/* Begins anew, with the driver's own start. What that gives is not EFI_SUCCESS where nobody
 * answers. The port is borrowed. */
efi_status firmware_start(const struct firmware_port *port);

/* The operating system takes over: another address for the buffer, no boot services. */
void firmware_leave_boot(void);

/* Is everything given back that a call takes (the lock, the TPL)? */
bool firmware_is_idle(void);

/* The runtime services as the driver provides them, sizes in bytes. */
efi_status firmware_get(const char16_t *name, const struct guid *guid, uint32_t *attributes,
                        uint64_t *size, void *data);
efi_status firmware_set(const char16_t *name, const struct guid *guid, uint32_t attributes,
                        uint64_t size, const void *data);
efi_status firmware_next(uint64_t *size, char16_t *name, struct guid *guid);
efi_status firmware_query(uint32_t attributes, uint64_t out[3]);

/* Wire.c alone: reads len bytes as a number of 4 and one of 8 bytes, and then size bytes into out.
 * False when that is more than there is, or when something was read from beyond. */
bool firmware_wire_read(struct span bytes, uint32_t *small, uint64_t *large, void *out,
                        uint64_t size);

/* Wire.c alone: writes a 4-byte number, and the data with its length before it. False: there was no
 * room, and nothing was written beyond it. */
bool firmware_wire_write(uint8_t *out, size_t capacity, uint32_t number, struct span data);

#endif
