// SPDX-License-Identifier: BSD-2-Clause
#include "xenstub/common.h"

#include <string.h>
#include <xen/hvm/ioreq.h>
#include <xendevicemodel.h>

struct xendevicemodel_handle {
    struct xenstub *control;
    uint8_t *requests; /* all servers' pages */
    int fd;            /* what stands for /dev/xen/privcmd */
};

xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger, unsigned flags)
{
    xendevicemodel_handle *handle = calloc(1, sizeof(*handle));

    (void)logger;
    (void)flags;
    handle->fd = stub_open("requests", O_RDWR);
    handle->control = stub_control();
    if (handle->fd < 0 || handle->control == NULL) {
        free(handle);
        return NULL;
    }
    handle->requests = mmap(NULL, XENSTUB_SERVERS * XENSTUB_PAGE, PROT_READ | PROT_WRITE,
                            MAP_SHARED, handle->fd, 0);
    return handle;
}

int xendevicemodel_close(xendevicemodel_handle *handle)
{
    munmap(handle->requests, XENSTUB_SERVERS * XENSTUB_PAGE);
    stub_control_close(handle->control);
    close(handle->fd);
    free(handle);
    return 0;
}

static int enter(const xendevicemodel_handle *handle, domid_t domain)
{
    stub_ioctl(handle->fd, IOCTL_PRIVCMD_DM_OP);
    return domain == handle->control->domain ? 0 : stub_fail(ESRCH);
}

static struct xenstub_server *server_of(const xendevicemodel_handle *handle, domid_t domain,
                                        ioservid_t id)
{
    if (enter(handle, domain) != 0) {
        return NULL;
    }
    if (id >= XENSTUB_SERVERS || !handle->control->servers[id].exists) {
        stub_fail(ENOENT);
        return NULL;
    }
    return &handle->control->servers[id];
}

int xendevicemodel_nr_vcpus(xendevicemodel_handle *handle, domid_t domain, unsigned *vcpus)
{
    *vcpus = handle->control->vcpus;
    return enter(handle, domain);
}

int xendevicemodel_create_ioreq_server(xendevicemodel_handle *handle, domid_t domain, int buffered,
                                       ioservid_t *id)
{
    (void)buffered;
    if (enter(handle, domain) != 0 || handle->control->destroyed) {
        return stub_fail(ESRCH);
    }
    for (ioservid_t i = 0; i < XENSTUB_SERVERS; i++) {
        struct xenstub_server *server = &handle->control->servers[i];
        ioreq_t *requests = (ioreq_t *)(void *)(handle->requests + i * XENSTUB_PAGE);
        if (server->exists) {
            continue;
        }
        memset(server, 0, sizeof(*server));
        memset(requests, 0, XENSTUB_PAGE);
        for (uint32_t vcpu = 0; vcpu < handle->control->vcpus; vcpu++) {
            requests[vcpu].vp_eport = xenstub_guest_port(i, vcpu);
        }
        server->exists = 1;
        *id = i;
        return 0;
    }
    return stub_fail(ENOSPC);
}

int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *handle, domid_t domain,
                                         ioservid_t id, xen_pfn_t *ioreq_gfn,
                                         xen_pfn_t *bufioreq_gfn, evtchn_port_t *bufioreq_port)
{
    (void)ioreq_gfn;
    (void)bufioreq_gfn;
    (void)bufioreq_port;
    return server_of(handle, domain, id) != NULL ? 0 : -1;
}

int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *handle, domid_t domain,
                                                ioservid_t id, int is_mmio, uint64_t start,
                                                uint64_t end)
{
    struct xenstub_server *server = server_of(handle, domain, id);

    if (server == NULL) {
        return -1;
    }
    if (is_mmio || server->last_port != 0) {
        return stub_fail(EEXIST);
    }
    server->first_port = (uint32_t)start;
    server->last_port = (uint32_t)end;
    return 0;
}

int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *handle, domid_t domain,
                                          ioservid_t id, int enabled)
{
    struct xenstub_server *server = server_of(handle, domain, id);

    if (server == NULL) {
        return -1;
    }
    server->enabled = enabled != 0;
    return 0;
}

int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *handle, domid_t domain,
                                        ioservid_t id)
{
    struct xenstub_server *server = server_of(handle, domain, id);

    if (server == NULL) {
        return -1;
    }
    server->enabled = 0;
    server->exists = 0;
    return 0;
}

int xendevicemodel_modified_memory(xendevicemodel_handle *handle, domid_t domain, uint64_t first,
                                   uint32_t count)
{
    struct xenstub *control = handle->control;

    if (enter(handle, domain) != 0) {
        return -1;
    }
    uint64_t at = control->reports % XENSTUB_REPORTS;
    control->reported[at].first = first;
    control->reported[at].count = count;
    control->reports++;
    return 0;
}
