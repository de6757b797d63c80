// SPDX-License-Identifier: BSD-2-Clause
/*
 * The firmware's side of the protocol, for tests: the five commands and the PPI ports as OVMF's
 * driver uses them, over the local transport or straight into a port handler in this process.
 *
 * A reply that breaks the protocol (short, longer than asked for) counts as a lost daemon.
 */
#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

#include "transport/transport.h"
#include "wire/wire.h"

/* The status of a call whose answer didn't come or made no sense; no UEFI status. */
#define CLIENT_LOST (EFI_ERROR_BIT | UINT64_C(0x0fffffff))

/* The guest's memory: the driver's buffer, and the temporary one of NotifySecureBootFailure. */
#define CLIENT_PAGE 4096u
#define CLIENT_PAGES 64u
#define CLIENT_GFN 8u
#define CLIENT_NOTIFY_GFN 40u

struct client;

/* Connects to a daemon, trying for wait_ms until it is there, and passes it the memory. NULL: err
 * says why. */
struct client *client_open(const char *path, unsigned wait_ms, struct err *err);

/* A client of a handler in this process, borrowed. NULL without memory. */
struct client *client_over(const struct port_handler *handler);

void client_close(struct client *client); /* NULL is fine */

/* Has the daemon failed to answer? It stays so. */
bool client_lost(const struct client *client);

/* The socket; -1 over a handler. */
int client_socket(const struct client *client);

/* Are the requests from now on made at run time? At first they aren't. */
void client_at_runtime(struct client *client, bool at_runtime);

/* Where to put how long each request took, ns, for count < capacity; NULL: nowhere. */
struct client_times {
    uint64_t *ns;
    size_t count, capacity;
};
void client_time(struct client *client, struct client_times *times);

/* The commands. Names are without terminator. */

/* *len: in, the room at data; out, the variable's size (also when it doesn't fit). attributes may
 * be NULL. */
efi_status client_get(struct client *client, const struct guid *guid, struct span name, void *data,
                      size_t *len, uint32_t *attributes);
efi_status client_set(struct client *client, const struct guid *guid, struct span name,
                      uint32_t attributes, struct span data);

/* guid, name, *len: in, where the walk is (*len 0: its start); out, the next one. capacity: the
 * room that the guest says it has, terminator included; name has as much. On BUFFER_TOO_SMALL *len
 * is what is needed, terminator included. */
efi_status client_next(struct client *client, struct guid *guid, uint8_t *name, size_t *len,
                       size_t capacity);

struct client_space {
    uint64_t maximum, remaining, variable_maximum;
};
efi_status client_query(struct client *client, uint32_t attributes, struct client_space *out);
efi_status client_notify(struct client *client);

/* The ports and the memory as they are. */
uint32_t client_read(struct client *client, uint32_t port, unsigned size);
void client_write(struct client *client, uint32_t port, unsigned size, uint32_t value);
uint8_t *client_memory(struct client *client);

/* A byte of the physical presence space, through index and data register. */
uint8_t client_ppi_read(struct client *client, uint32_t offset);
void client_ppi_write(struct client *client, uint32_t offset, uint8_t value);

/* Sends the bytes as a request (the buffer behind them is zeros); gives the whole buffer. */
struct span client_raw(struct client *client, struct span request);

#endif
