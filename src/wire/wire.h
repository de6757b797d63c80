// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest protocol (docs/PROTOCOL.md): bytes to a request, a reply to bytes. No policy beyond the
 * limits on lengths, and no I/O: the bytes are private copies by the time they come here.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/efi.h"
#include "base/writer.h"

#define WIRE_BUFFER_SIZE 65536u /* the guest's buffer: 16 pages */
#define WIRE_VERSION 1u

#define WIRE_NAME_MAX 4096u  /* bytes of a name, without terminator */
#define WIRE_DATA_MAX 57344u /* bytes of data in one SetVariable, descriptor included */

/* The x86 I/O ports that belong to the daemon. */
#define PORT_BASE 0x100u
#define PORT_COUNT 12u
#define PORT_REQUEST 0x100u   /* 32-bit write: the GFN of the buffer with a request */
#define PORT_PPI_INDEX 0x104u /* 32-bit write */
#define PORT_PPI_DATA 0x108u  /* 8, 16 or 32-bit read and write */

enum wire_command {
    WIRE_GET_VARIABLE = 0,
    WIRE_SET_VARIABLE = 1,
    WIRE_GET_NEXT_VARIABLE_NAME = 2,
    WIRE_QUERY_VARIABLE_INFO = 3,
    WIRE_NOTIFY_SECURE_BOOT_FAILURE = 4,
};

/* A decoded request. Spans point into the bytes it was decoded from. Fields that a command lacks
 * are zero. */
struct request {
    uint32_t command; /* enum wire_command, or a number that is none */
    struct span name; /* UTF-16LE, no terminator */
    struct guid guid;
    struct span data;    /* SetVariable */
    uint64_t capacity;   /* GetVariable: of data; GetNextVariableName: of the name with its
                            terminator; bytes */
    uint32_t attributes; /* SetVariable, QueryVariableInfo */
    bool at_runtime;
};

/*
 * How many bytes from the buffer's start have to be there before the request can be decoded, judged
 * by those that are: at most WIRE_BUFFER_SIZE. The answer is prefix.len or less when they are
 * enough (or when more wouldn't help). Copy that much and ask again: each byte is fetched once, and
 * no more than the request has.
 */
size_t wire_request_extent(struct span prefix);

/*
 * EFI_SUCCESS, or what the guest is to be told of a request that doesn't parse or exceeds the
 * limits: DEVICE_ERROR (a version that isn't 1, or no room for version and command),
 * INVALID_PARAMETER (a name of over WIRE_NAME_MAX bytes or an odd length, a length that runs past
 * the buffer), OUT_OF_RESOURCES (SetVariable's data over WIRE_DATA_MAX). An unknown command is
 * EFI_SUCCESS here: what it is answered is not the parser's business.
 */
efi_status wire_decode_request(struct request *out, struct span buffer);

/* The replies, from offset 0 of the buffer. Every reply begins with the status; most are nothing
 * more. */
void wire_reply_status(struct writer *reply, efi_status status);
void wire_reply_get(struct writer *reply, uint32_t attributes, struct span data);
void wire_reply_next(struct writer *reply, struct span name, const struct guid *guid);
void wire_reply_query(struct writer *reply, uint64_t maximum_storage, uint64_t remaining_storage,
                      uint64_t maximum_variable_size);

/* BUFFER_TOO_SMALL with the size in bytes that would do. */
void wire_reply_too_small(struct writer *reply, uint64_t needed);

#endif
