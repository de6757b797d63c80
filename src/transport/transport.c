// SPDX-License-Identifier: BSD-2-Clause
#include "transport/transport.h"

#include "wire/wire.h"

#define FIRST_FETCH 512u /* bytes: nearly every request is whole in these */

_Static_assert(sizeof(((struct request_buffers *)0)->request) == WIRE_BUFFER_SIZE,
               "a whole request");
_Static_assert(sizeof(((struct request_buffers *)0)->reply) == WIRE_BUFFER_SIZE, "a whole reply");

/*
 * memcpy from volatile memory: what is copied is read exactly once by the program as written. The
 * compiler barrier keeps it from reading the guest's bytes again later.
 */
static void fetch(uint8_t *to, volatile uint8_t *guest, size_t from, size_t until)
{
    memcpy(to + from, (const uint8_t *)(uintptr_t)guest + from, until - from);
    __asm__ volatile("" ::: "memory");
}

static void put_status(volatile uint8_t *guest, uint64_t status)
{
    *(volatile uint64_t *)(uintptr_t)guest = status; /* one store: never half of it */
    __asm__ volatile("" ::: "memory");
}

/*
 * The daemon may be killed at any instruction, and its successor has only the buffer to tell by: so
 * it holds the request until a status takes the place of its start, which is the last of the reply
 * to come, or says DEVICE_ERROR as long as there is more to come.
 */
static void put_reply(volatile uint8_t *guest, const uint8_t *reply, size_t len)
{
    uint64_t status = 0;

    memcpy(&status, reply, len < sizeof(status) ? len : sizeof(status));
    if (len > sizeof(status)) {
        put_status(guest, EFI_DEVICE_ERROR);
        memcpy((uint8_t *)(uintptr_t)guest + sizeof(status), reply + sizeof(status),
               len - sizeof(status));
        __asm__ volatile("" ::: "memory");
    }
    put_status(guest, status);
}

bool transport_was_answered(const volatile uint8_t *guest)
{
    return (uint32_t) * (const volatile uint64_t *)(uintptr_t)guest != WIRE_VERSION;
}

size_t transport_serve_buffer(struct request_buffers *buffers, volatile uint8_t *guest, size_t len,
                              const struct port_handler *handler)
{
    size_t have = 0;
    size_t need = len < FIRST_FETCH ? len : FIRST_FETCH;

    while (need > have) {
        fetch(buffers->request, guest, have, need);
        have = need;
        need = wire_request_extent(span_of(buffers->request, have));
        need = need < len ? need : len;
    }
    size_t reply_len =
        handler->request(handler->self, span_of(buffers->request, have), buffers->reply);
    reply_len = reply_len < len ? reply_len : len;
    put_reply(guest, buffers->reply, reply_len);
    return reply_len;
}

uint32_t transport_serve_port(const struct port_handler *handler, uint32_t port, unsigned size,
                              bool write, uint32_t value)
{
    if (!write) {
        return handler->port_read(handler->self, port, size);
    }
    handler->port_write(handler->self, port, size, value);
    return 0;
}
