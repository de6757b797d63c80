// SPDX-License-Identifier: BSD-2-Clause
#include "support/client.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "support/raw_local.h"
#include "transport/local.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#define MEMORY_SIZE (CLIENT_PAGES * CLIENT_PAGE)

struct client {
    int fd; /* -1 over a handler */
    const struct port_handler *handler;
    struct request_buffers *buffers; /* over a handler */
    uint8_t *memory;
    bool at_runtime;
    bool lost;
    struct client_times *times;
};

/* -------------------------------------------------------------------------- the local transport */

/* One message and its answer. */
static bool exchange(int fd, uint32_t operation, uint32_t port, uint32_t size, uint32_t *value,
                     const int *memory)
{
    uint32_t result;
    bool sent = memory == NULL ? raw_send_message(fd, operation, port, size, *value)
                               : raw_send_memory(fd, memory, 1);

    return sent && raw_receive(fd, &result, value) && result == LOCAL_SERVED;
}

/* ---------------------------------------------------------------------------- opening, closing */

static int connect_patiently(const char *path, unsigned wait_ms)
{
    const struct timespec pause = {.tv_nsec = 5000000};

    for (unsigned waited = 0;; waited += 5) {
        int fd = raw_connect(path);
        if (fd >= 0 || waited >= wait_ms || (errno != ENOENT && errno != ECONNREFUSED)) {
            return fd;
        }
        nanosleep(&pause, NULL);
    }
}

static bool attach(struct client *client, const char *path, unsigned wait_ms, struct err *err)
{
    uint32_t value = 0;
    auto_close int memfd = raw_memfd(MEMORY_SIZE, F_SEAL_SHRINK);

    if (memfd < 0) {
        return err_errno(err, "can't make a sealed memfd");
    }
    client->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (client->memory == MAP_FAILED) {
        client->memory = NULL;
        return err_errno(err, "can't map the guest's memory");
    }
    client->fd = connect_patiently(path, wait_ms);
    if (client->fd < 0) {
        return err_errno(err, "%s: can't connect", path);
    }
    return exchange(client->fd, LOCAL_MEMORY, 0, 0, &value, &memfd) ||
           err_set(err, "%s: the daemon doesn't take the memory", path);
}

struct client *client_open(const char *path, unsigned wait_ms, struct err *err)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        err_set(err, "no memory");
        return NULL;
    }
    client->fd = -1;
    if (!attach(client, path, wait_ms, err)) {
        client_close(client);
        return NULL;
    }
    return client;
}

struct client *client_over(const struct port_handler *handler)
{
    struct client *client = calloc(1, sizeof(*client));
    uint8_t *memory =
        mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct request_buffers *buffers = aligned_alloc(64, sizeof(*buffers));

    if (client == NULL || buffers == NULL || memory == MAP_FAILED) {
        abort();
    }
    *client = (struct client){.fd = -1, .handler = handler, .memory = memory, .buffers = buffers};
    return client;
}

void client_close(struct client *client)
{
    if (client == NULL) {
        return;
    }
    if (client->memory != NULL) {
        munmap(client->memory, MEMORY_SIZE);
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
    free(client->buffers);
    free(client);
}

bool client_lost(const struct client *client)
{
    return client->lost;
}

int client_socket(const struct client *client)
{
    return client->fd;
}

void client_at_runtime(struct client *client, bool at_runtime)
{
    client->at_runtime = at_runtime;
}

void client_time(struct client *client, struct client_times *times)
{
    client->times = times;
}

uint8_t *client_memory(struct client *client)
{
    return client->memory;
}

/* --------------------------------------------------------------------------------------- ports */

/* What the daemon does with it is in transport/local.c; over a handler the same happens here. */
static uint32_t access_handler(struct client *client, bool write, uint32_t port, unsigned size,
                               uint32_t value)
{
    if (port != PORT_REQUEST) {
        return transport_serve_port(client->handler, port, size, write, value);
    }
    if (write && size == 4 && value <= CLIENT_PAGES - WIRE_BUFFER_SIZE / CLIENT_PAGE) {
        transport_serve_buffer(client->buffers, client->memory + (size_t)value * CLIENT_PAGE,
                               WIRE_BUFFER_SIZE, client->handler);
    }
    return 0;
}

static uint32_t access_port(struct client *client, bool write, uint32_t port, unsigned size,
                            uint32_t value)
{
    if (client->handler != NULL) {
        return access_handler(client, write, port, size, value);
    }
    if (client->lost ||
        !exchange(client->fd, write ? LOCAL_WRITE : LOCAL_READ, port, size, &value, NULL)) {
        client->lost = true;
        return 0;
    }
    return value;
}

uint32_t client_read(struct client *client, uint32_t port, unsigned size)
{
    return access_port(client, false, port, size, 0);
}

void client_write(struct client *client, uint32_t port, unsigned size, uint32_t value)
{
    access_port(client, true, port, size, value);
}

uint8_t client_ppi_read(struct client *client, uint32_t offset)
{
    client_write(client, PORT_PPI_INDEX, 4, offset);
    return (uint8_t)client_read(client, PORT_PPI_DATA, 1);
}

void client_ppi_write(struct client *client, uint32_t offset, uint8_t value)
{
    client_write(client, PORT_PPI_INDEX, 4, offset);
    client_write(client, PORT_PPI_DATA, 1, value);
}

/* ------------------------------------------------------------------------------------- commands */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct writer begin(struct client *client, uint32_t gfn, uint32_t command)
{
    struct writer writer = writer_of(client->memory + (size_t)gfn * CLIENT_PAGE, WIRE_BUFFER_SIZE);

    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, command);
    return writer;
}

static void put_counted(struct writer *writer, struct span bytes)
{
    writer_u64le(writer, bytes.len);
    writer_bytes(writer, bytes);
}

/* Rings, and reads the status of the reply. */
static efi_status ring(struct client *client, uint32_t gfn, struct reader *reply)
{
    struct client_times *times = client->times;
    efi_status status;
    uint64_t start = now_ns();

    client_write(client, PORT_REQUEST, 4, gfn);
    if (times != NULL && times->count < times->capacity) {
        times->ns[times->count++] = now_ns() - start;
    }
    *reply = reader_of(span_of(client->memory + (size_t)gfn * CLIENT_PAGE, WIRE_BUFFER_SIZE));
    return !client->lost && reader_u64le(reply, &status) ? status : CLIENT_LOST;
}

static efi_status broken(struct client *client)
{
    client->lost = true;
    return CLIENT_LOST;
}

static efi_status take_size(struct client *client, struct reader *reply, size_t *len)
{
    uint64_t needed;

    if (!reader_u64le(reply, &needed) || needed <= *len || needed > WIRE_BUFFER_SIZE) {
        return broken(client);
    }
    *len = (size_t)needed;
    return EFI_BUFFER_TOO_SMALL;
}

efi_status client_get(struct client *client, const struct guid *guid, struct span name, void *data,
                      size_t *len, uint32_t *attributes)
{
    struct writer writer = begin(client, CLIENT_GFN, WIRE_GET_VARIABLE);
    struct reader reply;
    uint32_t found_attributes;
    uint64_t found;

    put_counted(&writer, name);
    writer_guid(&writer, guid);
    writer_u64le(&writer, *len);
    writer_u8(&writer, client->at_runtime);
    efi_status status = ring(client, CLIENT_GFN, &reply);
    if (status == EFI_BUFFER_TOO_SMALL) {
        return take_size(client, &reply, len);
    }
    if (status != EFI_SUCCESS) {
        return status;
    }
    if (!reader_u32le(&reply, &found_attributes) || !reader_u64le(&reply, &found) || found > *len ||
        !reader_copy(&reply, data, (size_t)found)) {
        return broken(client);
    }
    *len = (size_t)found;
    if (attributes != NULL) {
        *attributes = found_attributes;
    }
    return EFI_SUCCESS;
}

efi_status client_set(struct client *client, const struct guid *guid, struct span name,
                      uint32_t attributes, struct span data)
{
    struct writer writer = begin(client, CLIENT_GFN, WIRE_SET_VARIABLE);
    struct reader reply;

    put_counted(&writer, name);
    writer_guid(&writer, guid);
    put_counted(&writer, data);
    writer_u32le(&writer, attributes);
    writer_u8(&writer, client->at_runtime);
    return ring(client, CLIENT_GFN, &reply);
}

efi_status client_next(struct client *client, struct guid *guid, uint8_t *name, size_t *len,
                       size_t capacity)
{
    struct writer writer = begin(client, CLIENT_GFN, WIRE_GET_NEXT_VARIABLE_NAME);
    struct reader reply;
    uint64_t found;

    writer_u64le(&writer, capacity);
    put_counted(&writer, span_of(name, *len));
    writer_guid(&writer, guid);
    writer_u8(&writer, client->at_runtime);
    efi_status status = ring(client, CLIENT_GFN, &reply);
    if (status == EFI_BUFFER_TOO_SMALL) {
        *len = capacity;
        return take_size(client, &reply, len);
    }
    if (status != EFI_SUCCESS) {
        return status;
    }
    if (!reader_u64le(&reply, &found) || found + 2 > capacity ||
        !reader_copy(&reply, name, (size_t)found) || !reader_guid(&reply, guid)) {
        return broken(client);
    }
    *len = (size_t)found;
    return EFI_SUCCESS;
}

efi_status client_query(struct client *client, uint32_t attributes, struct client_space *out)
{
    struct writer writer = begin(client, CLIENT_GFN, WIRE_QUERY_VARIABLE_INFO);
    struct reader reply;

    writer_u32le(&writer, attributes);
    efi_status status = ring(client, CLIENT_GFN, &reply);
    if (status != EFI_SUCCESS) {
        return status;
    }
    if (!reader_u64le(&reply, &out->maximum) || !reader_u64le(&reply, &out->remaining) ||
        !reader_u64le(&reply, &out->variable_maximum)) {
        return broken(client);
    }
    return EFI_SUCCESS;
}

efi_status client_notify(struct client *client)
{
    struct reader reply;

    begin(client, CLIENT_NOTIFY_GFN, WIRE_NOTIFY_SECURE_BOOT_FAILURE);
    return ring(client, CLIENT_NOTIFY_GFN, &reply);
}

struct span client_raw(struct client *client, struct span request)
{
    uint8_t *buffer = client->memory + (size_t)CLIENT_GFN * CLIENT_PAGE;

    memset(buffer, 0, WIRE_BUFFER_SIZE);
    memcpy(buffer, request.data, request.len);
    client_write(client, PORT_REQUEST, 4, CLIENT_GFN);
    return span_of(buffer, WIRE_BUFFER_SIZE);
}
