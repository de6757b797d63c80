// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's driver (firmware/) and a service that answers what it likes. The first byte of the
 * input chooses what is asked, the next two the caller's room; the rest comes over the request.
 * Nothing beyond the room is written, and what is a success is one.
 */
#include "base/reader.h"
#include "support/firmware.h"
#include "wire/wire.h"

#include <stdlib.h>

#define QUESTIONS 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct guid vendor = GUID_INIT(0x12345678, 0x1234, 0x5678, 1, 2, 3, 4, 5, 6, 7, 8);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void answer(void *self, uint8_t *buffer)
{
    const struct span *reply = self;

    if (reply->len > 0) {
        memcpy(buffer, reply->data, reply->len < WIRE_BUFFER_SIZE ? reply->len : WIRE_BUFFER_SIZE);
    }
}

static void start(struct span *reply, const struct firmware_port *port)
{
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));

    wire_reply_query(&writer, 1, 1, 1);
    *reply = writer_span(&writer);
    must(firmware_start(port) == EFI_SUCCESS);
}

static void ask_get(uint64_t room)
{
    uint8_t *memory = malloc(room > 0 ? room : 1); /* exactly that much, for the sanitizer */
    uint64_t size = room;
    uint32_t attributes;

    must(memory != NULL);
    must(firmware_get(u"Name", &vendor, &attributes, &size, memory) != EFI_SUCCESS || size <= room);
    free(memory);
}

static void ask_next(uint64_t room)
{
    char16_t *name = calloc(1, room > 0 ? room : 1);
    struct guid guid = vendor;
    uint64_t size = room;

    must(name != NULL);
    if (firmware_next(&size, name, &guid) == EFI_SUCCESS) {
        must(size >= 4 && size <= room && size % 2 == 0 && name[size / 2 - 1] == 0);
    }
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader reader = reader_of(span_of(data, size));
    struct span reply;
    const struct firmware_port port = {.self = &reply, .request = answer};
    uint8_t question;
    uint16_t room;
    uint64_t space[3];

    if (!reader_u8(&reader, &question) || !reader_u16le(&reader, &room)) {
        return 0;
    }
    start(&reply, &port);
    reply = reader.rest;
    switch (question % QUESTIONS) {
    case 0:
        ask_get(room);
        break;
    case 1:
        ask_next(room);
        break;
    case 2:
        firmware_query(room, space);
        break;
    default:
        firmware_set(u"Name", &vendor, 7, room % 20, u"0123456789");
        break;
    }
    must(firmware_is_idle());
    return 0;
}
