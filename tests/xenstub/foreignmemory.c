// SPDX-License-Identifier: BSD-2-Clause
#include "xenstub/common.h"

#include <stdbool.h>
#include <xen/memory.h>
#include <xenforeignmemory.h>

struct xenforeignmemory_handle {
    struct xenstub *control;
    int memory, requests;
};

struct xenforeignmemory_resource_handle {
    void *page;
};

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger, unsigned flags)
{
    xenforeignmemory_handle *handle = calloc(1, sizeof(*handle));

    (void)logger;
    (void)flags;
    handle->memory = stub_open("memory", O_RDWR);
    handle->requests = stub_open("requests", O_RDWR);
    handle->control = stub_control();
    if (handle->memory < 0 || handle->requests < 0 || handle->control == NULL) {
        free(handle);
        return NULL;
    }
    return handle;
}

int xenforeignmemory_close(xenforeignmemory_handle *handle)
{
    stub_control_close(handle->control);
    close(handle->memory);
    close(handle->requests);
    free(handle);
    return 0;
}

static bool is_memory(const struct xenstub *control, uint64_t frame)
{
    return frame < control->pages && !control->destroyed &&
           (frame < control->bad_first || frame - control->bad_first >= control->bad_count);
}

/* As in Xen, what can't be mapped leaves a hole that is fatal to touch. */
void *xenforeignmemory_map(xenforeignmemory_handle *handle, uint32_t domain, int protection,
                           size_t pages, const xen_pfn_t frames[], int errors[])
{
    struct xenstub *control = handle->control;
    bool straight = true;

    if (domain != control->domain) {
        stub_fail(ESRCH);
        return NULL;
    }
    if (control->fail_maps > 0) {
        control->fail_maps--;
        stub_fail(ENOMEM);
        return NULL;
    }
    for (size_t i = 0; i < pages; i++) {
        errors[i] = is_memory(control, frames[i]) ? 0 : -EINVAL;
        straight = straight && errors[i] == 0 && frames[i] == frames[0] + i;
    }
    uint8_t *base =
        mmap(NULL, pages * XENSTUB_PAGE, straight ? protection : PROT_NONE,
             straight ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, straight ? handle->memory : -1,
             straight ? (off_t)(frames[0] * XENSTUB_PAGE) : 0);
    for (size_t i = 0; i < pages && !straight; i++) {
        if (errors[i] == 0) {
            mmap(base + i * XENSTUB_PAGE, XENSTUB_PAGE, protection, MAP_SHARED | MAP_FIXED,
                 handle->memory, (off_t)(frames[i] * XENSTUB_PAGE));
        }
    }
    stub_ioctl(handle->memory, IOCTL_PRIVCMD_MMAPBATCH_V2);
    control->maps++;
    return base;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *handle, void *base, size_t pages)
{
    handle->control->unmaps++;
    return munmap(base, pages * XENSTUB_PAGE);
}

xenforeignmemory_resource_handle *xenforeignmemory_map_resource(xenforeignmemory_handle *handle,
                                                                domid_t domain, unsigned type,
                                                                unsigned id, unsigned long frame,
                                                                unsigned long frames, void **page,
                                                                int protection, int flags)
{
    xenforeignmemory_resource_handle *resource;
    bool known = id < XENSTUB_SERVERS && handle->control->servers[id].exists;

    if (domain != handle->control->domain || type != XENMEM_resource_ioreq_server || !known ||
        frame != XENMEM_resource_ioreq_server_frame_ioreq(0) || frames != 1) {
        stub_fail(known ? EINVAL : ENOENT);
        return NULL;
    }
    *page = mmap(NULL, XENSTUB_PAGE, protection, MAP_SHARED | flags, handle->requests,
                 (off_t)(id * XENSTUB_PAGE));
    stub_ioctl(handle->requests, IOCTL_PRIVCMD_MMAP_RESOURCE);
    resource = calloc(1, sizeof(*resource));
    resource->page = *page;
    return resource;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *handle,
                                    xenforeignmemory_resource_handle *resource)
{
    (void)handle;
    munmap(resource->page, XENSTUB_PAGE);
    free(resource);
    return 0;
}
