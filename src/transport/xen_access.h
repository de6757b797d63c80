// SPDX-License-Identifier: BSD-2-Clause
/*
 * One port access of a vCPU, as Xen describes it (struct ioreq), carried out.
 */
#ifndef TRANSPORT_XEN_ACCESS_H
#define TRANSPORT_XEN_ACCESS_H

#include "transport/transport.h"
#include "transport/xen_memory.h"

#include <xen/hvm/ioreq.h>

struct xen_access {
    const struct port_handler *handler;
    struct xen_memory *memory;
    struct request_buffers *buffers;
};

/*
 * Carries out the access; gives what a read of plain data reads. Any access at all is fine: what is
 * not one of the protocol's (docs/PROTOCOL.md) reads 0 and writes nothing.
 */
uint32_t xen_access_perform(const struct xen_access *access, const struct ioreq *request);

/*
 * Of an access that a killed daemon had begun: is it a request whose reply is in the guest's
 * memory, so that nothing is left but to tell? Everything else may be carried out again.
 */
bool xen_access_was_answered(struct xen_memory *memory, const struct ioreq *request);

#endif
