// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest of a pretended Xen host (tests/programs/xen_host.c), in C where scripts are too slow.
 * Each vCPU may be used by one thread at a time.
 */
#ifndef TESTS_SUPPORT_XEN_GUEST_H
#define TESTS_SUPPORT_XEN_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "xenstub/xenstub.h"

struct xen_guest;

/* Ends the program where the folder isn't that of a host. */
struct xen_guest *xen_guest_open(const char *folder);
void xen_guest_close(struct xen_guest *guest);

struct xenstub *xen_guest_control(struct xen_guest *guest);
uint8_t *xen_guest_memory(struct xen_guest *guest, uint64_t gfn);

/* A 32-bit OUT. False: it wasn't completed within half a minute, or there is no server. */
bool xen_guest_out(struct xen_guest *guest, unsigned vcpu, uint32_t port, uint32_t value);

#endif
