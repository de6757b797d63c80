// SPDX-License-Identifier: BSD-2-Clause
/*
 * A stand-in for Xen, for tests: libraries with the symbols of the real ones that the daemon uses,
 * which find a pretended domain in the folder $XENSTUB_DIR. The daemon is the unmodified binary,
 * run with LD_LIBRARY_PATH.
 *
 *     control   struct xenstub: the hypervisor's state, and what tests count and break
 *     memory    the guest's memory, page GFN at GFN * 4096
 *     requests  the page of struct ioreq of each IOREQ server
 *     events    a FIFO: local event channel ports (u32) that fired, for the daemon
 *     vcpu-N    a FIFO: a byte for each notification of vCPU N
 *     xenstored the socket of tests/programs/xen_host.c, which keeps keys as files below store/
 *
 * Everything is opened when a handle is, as the real libraries do: the daemon may be in a chroot,
 * have another uid and be filtered afterwards. After that the stand-in reads, writes and maps where
 * the real libraries read, write, map and ioctl.
 */
#ifndef XENSTUB_XENSTUB_H
#define XENSTUB_XENSTUB_H

#include <stdatomic.h>
#include <stdint.h>

#define XENSTUB_MAGIC 0x62757473u
#define XENSTUB_PAGE 4096u
#define XENSTUB_SERVERS 4u
#define XENSTUB_VCPUS 16u
#define XENSTUB_REPORTS 1024u

struct xenstub_server {
    _Atomic uint32_t exists, enabled, first_port, last_port;
    _Atomic int32_t bound[XENSTUB_VCPUS]; /* the process that each vCPU's event channel leads to */
};

struct xenstub {
    uint32_t magic, domain, vcpus, pages;

    _Atomic uint32_t destroyed; /* the domain was: its servers and memory are gone */
    _Atomic uint32_t released;  /* counts up: xenstore's watch @releaseDomain fires */
    struct xenstub_server servers[XENSTUB_SERVERS];

    /* For tests: frames from bad_first on can't be mapped; the next fail_maps mappings fail whole.
     */
    _Atomic uint64_t bad_first, bad_count;
    _Atomic uint32_t fail_maps;

    /* What happened. */
    _Atomic uint32_t restricted; /* xentoolcore_restrict_all was called */
    _Atomic uint64_t maps, unmaps, notifies, reports;
    struct {
        uint64_t first;
        uint64_t count;
    } reported[XENSTUB_REPORTS]; /* of xendevicemodel_modified_memory, a ring */
};

/* The guest's side of vCPU's event channel in a server, and the daemon's side of it. */
static inline uint32_t xenstub_guest_port(uint32_t server, uint32_t vcpu)
{
    return 1 + server * XENSTUB_VCPUS + vcpu;
}

static inline uint32_t xenstub_local_port(uint32_t guest_port)
{
    return guest_port + 1000;
}

#endif
