// SPDX-License-Identifier: BSD-2-Clause
#include "transport/xen_access.h"

#include "base/reader.h"
#include "wire/wire.h"

/*
 * String accesses (rep ins, rep outs with a count over 1) arrive as one request for count elements
 * in guest memory. Two things make them harmless:
 *
 * - The elements of one access all go to one port. Of several writes to a register only the last
 * can be told from the others, and several reads give one value; so the register is touched once,
 *   whatever the count.
 * - Several GFNs written to the request port would be several requests in one access, which must be
 *   served whole before a signal is looked at. No firmware does that: nothing is done, and the
 *   buffers stay as they are.
 *
 * Xen splits a string of more than 4096 elements itself.
 */
#define STRING_ELEMENTS_MAX 4096u

static bool is_width(uint32_t size)
{
    return size == 1 || size == 2 || size == 4;
}

static bool is_request(const struct ioreq *request)
{
    return request->type == IOREQ_TYPE_PIO && request->addr == PORT_REQUEST &&
           request->dir == IOREQ_WRITE && request->size == 4 && !request->data_is_ptr;
}

static void serve_request(const struct xen_access *access, uint32_t gfn)
{
    volatile uint8_t *guest = xen_memory_buffer(access->memory, gfn);

    if (guest != NULL) {
        size_t len =
            transport_serve_buffer(access->buffers, guest, WIRE_BUFFER_SIZE, access->handler);
        xen_memory_written(access->memory, len);
    }
}

static uint32_t perform_plain(const struct xen_access *access, uint32_t port,
                              const struct ioreq *request)
{
    uint32_t value = (uint32_t)request->data & (UINT32_MAX >> (32 - 8 * request->size));
    bool write = request->dir == IOREQ_WRITE;

    if (port != PORT_REQUEST) {
        return transport_serve_port(access->handler, port, request->size, write, value);
    }
    if (is_request(request)) {
        serve_request(access, value);
    }
    return 0;
}

/* The guest physical address of the last element; with df set the elements go downwards. */
static uint64_t last_element(const struct ioreq *request, uint32_t count)
{
    uint64_t distance = (uint64_t)(count - 1) * request->size;

    return request->df ? request->data - distance : request->data + distance;
}

static void perform_string_out(const struct xen_access *access, uint32_t port,
                               const struct ioreq *request, uint32_t count)
{
    uint8_t element[4] = {0};
    struct reader reader = reader_of(span_of(element, sizeof(element)));
    uint32_t value;

    if (xen_memory_read(access->memory, last_element(request, count), element, request->size) &&
        reader_u32le(&reader, &value)) {
        transport_serve_port(access->handler, port, request->size, true, value);
    }
}

static void perform_string_in(const struct xen_access *access, uint32_t port,
                              const struct ioreq *request, uint32_t count)
{
    uint64_t last = last_element(request, count);
    uint32_t value = port == PORT_REQUEST
                         ? 0
                         : transport_serve_port(access->handler, port, request->size, false, 0);
    struct writer elements = writer_of(access->buffers->reply, sizeof(access->buffers->reply));

    for (uint32_t i = 0; i < count * request->size; i++) {
        writer_u8(&elements, (uint8_t)(value >> (8 * (i % request->size))));
    }
    xen_memory_write(access->memory, request->df ? last : request->data, elements.data,
                     elements.len);
}

static uint32_t perform_port(const struct xen_access *access, const struct ioreq *request)
{
    uint32_t count = request->count < STRING_ELEMENTS_MAX ? request->count : STRING_ELEMENTS_MAX;
    bool known = request->addr >= PORT_BASE && request->addr - PORT_BASE < PORT_COUNT;
    uint32_t port = (uint32_t)request->addr;

    if (!known || !is_width(request->size)) {
        return 0;
    }
    if (!request->data_is_ptr) {
        return perform_plain(access, port, request);
    }
    if (count > 0 && request->dir == IOREQ_READ) {
        perform_string_in(access, port, request, count);
    } else if (count > 0 && port != PORT_REQUEST) {
        perform_string_out(access, port, request, count);
    }
    return 0;
}

uint32_t xen_access_perform(const struct xen_access *access, const struct ioreq *request)
{
    if (request->type == IOREQ_TYPE_PIO) {
        return perform_port(access, request);
    }
    if (request->type == IOREQ_TYPE_INVALIDATE) {
        /* The guest has given pages back: what is mapped may no longer be what the GFN names. */
        xen_memory_drop(access->memory);
    }
    return 0;
}

bool xen_access_was_answered(struct xen_memory *memory, const struct ioreq *request)
{
    if (!is_request(request)) {
        return false;
    }
    const volatile uint8_t *guest = xen_memory_buffer(memory, (uint32_t)request->data);
    return guest != NULL && transport_was_answered(guest);
}
