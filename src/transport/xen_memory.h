// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's memory: the buffer that its requests lie in, and the operands of string accesses.
 *
 * Mapping 16 pages costs far more than answering a request, and the firmware uses one buffer for
 * its life. So a mapping is kept until another buffer is named, or the guest gives pages back
 * (IOREQ_TYPE_INVALIDATE), or it is dropped.
 */
#ifndef TRANSPORT_XEN_MEMORY_H
#define TRANSPORT_XEN_MEMORY_H

#include <xendevicemodel.h>
#include <xenforeignmemory.h>

#include "base/log.h"

struct xen_memory {
    domid_t domain;
    xenforeignmemory_handle *foreign;
    xendevicemodel_handle *model;
    void *buffer; /* NULL: none is kept */
    uint32_t gfn; /* of the kept buffer's first page */
    struct log_limit limit;
};

/*
 * The 64 KiB from page gfn on, mapped shared with the guest until the next call of this or of
 * xen_memory_drop. NULL when not every one of the 16 pages is writable memory.
 */
volatile uint8_t *xen_memory_buffer(struct xen_memory *memory, uint32_t gfn);

void xen_memory_drop(struct xen_memory *memory);

/* Tells Xen that the first len bytes of the buffer were written, so that a migration under way
 * sends them again. */
void xen_memory_written(struct xen_memory *memory, size_t len);

/* Copies from or to guest physical memory; to may end early, at the first page that can't be
 * mapped. */
bool xen_memory_read(struct xen_memory *memory, uint64_t address, void *out, size_t len);
bool xen_memory_write(struct xen_memory *memory, uint64_t address, const void *bytes, size_t len);

#endif
