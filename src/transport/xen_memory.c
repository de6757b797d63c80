// SPDX-License-Identifier: BSD-2-Clause
#include "transport/xen_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "wire/wire.h"

#define PAGE_BYTES 4096u
#define BUFFER_PAGES (WIRE_BUFFER_SIZE / PAGE_BYTES)

/* The call succeeds when some of the pages could be mapped; touching the others would be fatal. */
static void *map_pages(struct xen_memory *memory, uint64_t first, size_t count, int protection)
{
    xen_pfn_t frames[BUFFER_PAGES] = {0};
    int errors[BUFFER_PAGES] = {0};

    for (size_t i = 0; i < count; i++) {
        frames[i] = first + i;
    }
    void *pages =
        xenforeignmemory_map(memory->foreign, memory->domain, protection, count, frames, errors);
    int failure = pages == NULL ? errno : 0;
    for (size_t i = 0; i < count && failure == 0; i++) {
        failure = errors[i];
    }
    if (failure == 0) {
        return pages;
    }
    if (pages != NULL) {
        xenforeignmemory_unmap(memory->foreign, pages, count);
    }
    log_limited(&memory->limit, LOG_LEVEL_WARNING,
                "the guest named memory that can't be mapped: frame 0x%llx, %zu pages: %s",
                (unsigned long long)first, count, strerror(failure < 0 ? -failure : failure));
    return NULL;
}

static void modified(struct xen_memory *memory, uint64_t first, uint32_t count)
{
    if (xendevicemodel_modified_memory(memory->model, memory->domain, first, count) != 0) {
        log_limited(&memory->limit, LOG_LEVEL_WARNING,
                    "can't tell Xen which pages were written (a migration may lose them): %s",
                    strerror(errno));
    }
}

volatile uint8_t *xen_memory_buffer(struct xen_memory *memory, uint32_t gfn)
{
    if (memory->buffer == NULL || memory->gfn != gfn) {
        xen_memory_drop(memory);
        memory->buffer = map_pages(memory, gfn, BUFFER_PAGES, PROT_READ | PROT_WRITE);
        memory->gfn = gfn;
    }
    return memory->buffer;
}

void xen_memory_drop(struct xen_memory *memory)
{
    if (memory->buffer != NULL) {
        xenforeignmemory_unmap(memory->foreign, memory->buffer, BUFFER_PAGES);
        memory->buffer = NULL;
    }
}

void xen_memory_written(struct xen_memory *memory, size_t len)
{
    if (len > 0) {
        modified(memory, memory->gfn, (uint32_t)((len + PAGE_BYTES - 1) / PAGE_BYTES));
    }
}

/* How much of len bytes from address on lies in the first page. */
static size_t within_page(uint64_t address, size_t len)
{
    size_t room = PAGE_BYTES - (size_t)(address % PAGE_BYTES);

    return len < room ? len : room;
}

bool xen_memory_read(struct xen_memory *memory, uint64_t address, void *out, size_t len)
{
    for (size_t done = 0, part; done < len; done += part) {
        uint64_t at = address + done;
        const uint8_t *page = map_pages(memory, at / PAGE_BYTES, 1, PROT_READ);
        if (page == NULL) {
            return false;
        }
        part = within_page(at, len - done);
        memcpy((uint8_t *)out + done, page + at % PAGE_BYTES, part);
        xenforeignmemory_unmap(memory->foreign, (void *)(uintptr_t)page, 1);
    }
    return true;
}

bool xen_memory_write(struct xen_memory *memory, uint64_t address, const void *bytes, size_t len)
{
    for (size_t done = 0, part; done < len; done += part) {
        uint64_t at = address + done;
        uint8_t *page = map_pages(memory, at / PAGE_BYTES, 1, PROT_READ | PROT_WRITE);
        if (page == NULL) {
            return false;
        }
        part = within_page(at, len - done);
        memcpy(page + at % PAGE_BYTES, (const uint8_t *)bytes + done, part);
        xenforeignmemory_unmap(memory->foreign, page, 1);
        modified(memory, at / PAGE_BYTES, 1);
    }
    return true;
}
