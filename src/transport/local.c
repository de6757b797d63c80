// SPDX-License-Identifier: BSD-2-Clause
#include "transport/local.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/writer.h"
#include "transport/local_socket.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define PAGE_BYTES 4096u
#define DESCRIPTORS_MAX 4u /* taken from one message; the kernel drops what is more */

struct local_client {
    int fd;          /* -1: the slot is free */
    uint8_t *memory; /* the guest's, mapped shared; NULL before it is passed */
    size_t memory_len;
};

struct local {
    struct transport transport;
    struct local_socket listener;
    int epoll;
    struct local_client clients[LOCAL_CLIENTS_MAX];
    struct log_limit limit;
    struct request_buffers buffers;
};

/* One message as it arrived. Descriptors are the message's until message_close. */
struct message {
    uint32_t operation, port, size, value;
    int fds[DESCRIPTORS_MAX];
    size_t fd_count;
    bool well_formed;
};

enum received {
    RECEIVED_MESSAGE,
    RECEIVED_NOTHING, /* a wake-up without a message */
    RECEIVED_END,     /* the client hung up */
};

static struct local *local_of(struct transport *transport)
{
    return (struct local *)transport;
}

/* ------------------------------------------------------------------------------------ messages */

static void take_descriptors(struct message *out, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        count = count < DESCRIPTORS_MAX ? count : DESCRIPTORS_MAX;
        memcpy(out->fds, CMSG_DATA(c), count * sizeof(int));
        out->fd_count = count;
    }
}

static bool parse_message(struct message *out, struct span bytes)
{
    struct reader reader = reader_of(bytes);

    return reader_u32le(&reader, &out->operation) && reader_u32le(&reader, &out->port) &&
           reader_u32le(&reader, &out->size) && reader_u32le(&reader, &out->value) &&
           reader_end(&reader);
}

static enum received receive_message(int fd, struct message *out)
{
    uint8_t bytes[LOCAL_MESSAGE_SIZE + 1];
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    out->fd_count = 0;
    if (len < 0) {
        return errno == EAGAIN || errno == EINTR ? RECEIVED_NOTHING : RECEIVED_END;
    }
    take_descriptors(out, &header);
    if (len == 0 && out->fd_count == 0) {
        return RECEIVED_END;
    }
    out->well_formed = parse_message(out, span_of(bytes, (size_t)len)) &&
                       (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 &&
                       out->fd_count == (out->operation == LOCAL_MEMORY ? 1 : 0);
    return RECEIVED_MESSAGE;
}

static void message_close(struct message *message)
{
    for (size_t i = 0; i < message->fd_count; i++) {
        close(message->fds[i]);
    }
    message->fd_count = 0;
}

/* False: the client doesn't take its answers, or is gone. The daemon never waits for one. */
static bool send_answer(int fd, enum local_result result, uint32_t value)
{
    uint8_t bytes[LOCAL_ANSWER_SIZE];
    struct writer writer = writer_of(bytes, sizeof(bytes));

    writer_u32le(&writer, result);
    writer_u32le(&writer, value);
    return send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(bytes);
}

/* ------------------------------------------------------------------------------------- clients */

/*
 * Memory of a memfd that can't shrink can be touched at any time without SIGBUS. A memfd of huge
 * pages can't: touching it fails when the host has run out of them.
 */
static enum local_result map_memory(struct local_client *client, int fd)
{
    struct stat st;
    struct statfs fs;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC || fstat(fd, &st) != 0) {
        return LOCAL_NOT_MEMORY;
    }
    if ((seals & F_SEAL_SHRINK) == 0) {
        return LOCAL_NOT_SEALED;
    }
    if (st.st_size < (off_t)WIRE_BUFFER_SIZE || st.st_size % PAGE_BYTES != 0) {
        return LOCAL_NOT_MEMORY;
    }
    void *memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return LOCAL_NOT_MEMORY;
    }
    client->memory = memory;
    client->memory_len = (size_t)st.st_size;
    return LOCAL_SERVED;
}

static void client_close(struct local_client *client)
{
    if (client->fd < 0) {
        return;
    }
    if (client->memory != NULL) {
        munmap(client->memory, client->memory_len);
    }
    close(client->fd);
    *client = (struct local_client){.fd = -1};
}

/* The buffer named by gfn, or NULL when its 16 pages don't all lie in the client's memory. */
static uint8_t *client_buffer(const struct local_client *client, uint32_t gfn)
{
    uint64_t offset = (uint64_t)gfn * PAGE_BYTES;

    return offset <= client->memory_len - WIRE_BUFFER_SIZE ? client->memory + offset : NULL;
}

/* ------------------------------------------------------------------------------------- serving */

static bool is_access(const struct message *message)
{
    bool known = message->operation == LOCAL_WRITE || message->operation == LOCAL_READ;

    return known && (message->size == 1 || message->size == 2 || message->size == 4);
}

/* docs/PROTOCOL.md: every access is answered, also one that no register takes or whose buffer isn't
 * there. */
static uint32_t serve_access(struct local *local, const struct local_client *client,
                             const struct message *message, const struct port_handler *handler)
{
    bool write = message->operation == LOCAL_WRITE;

    if (message->port < PORT_BASE || message->port - PORT_BASE >= PORT_COUNT) {
        return 0;
    }
    if (message->port != PORT_REQUEST) {
        return transport_serve_port(handler, message->port, message->size, write, message->value);
    }
    uint8_t *guest = client_buffer(client, message->value);
    if (write && message->size == 4 && guest != NULL) {
        transport_serve_buffer(&local->buffers, guest, WIRE_BUFFER_SIZE, handler);
    }
    return 0;
}

static enum local_result serve_message(struct local *local, struct local_client *client,
                                       const struct message *message,
                                       const struct port_handler *handler, uint32_t *value)
{
    if (!message->well_formed) {
        return LOCAL_BAD_MESSAGE;
    }
    if (message->operation == LOCAL_MEMORY) {
        return client->memory == NULL ? map_memory(client, message->fds[0]) : LOCAL_BAD_MESSAGE;
    }
    if (!is_access(message)) {
        return LOCAL_BAD_MESSAGE;
    }
    if (client->memory == NULL) {
        return LOCAL_NO_MEMORY;
    }
    *value = serve_access(local, client, message, handler);
    return LOCAL_SERVED;
}

static const char *result_text(enum local_result result)
{
    static const char *const texts[] = {
        [LOCAL_SERVED] = "served",
        [LOCAL_BAD_MESSAGE] = "a message that is none",
        [LOCAL_NO_MEMORY] = "a port access before memory was passed",
        [LOCAL_NOT_SEALED] = "memory that isn't sealed against shrinking",
        [LOCAL_NOT_MEMORY] = "a descriptor that isn't mappable memory",
        [LOCAL_FULL] = "too many clients",
    };
    return texts[result];
}

static void refuse(struct local *local, int fd, enum local_result result)
{
    log_limited(&local->limit, LOG_LEVEL_WARNING, "local client refused: %s", result_text(result));
    send_answer(fd, result, 0);
}

static void serve_client(struct local *local, struct local_client *client,
                         const struct port_handler *handler)
{
    struct message message;
    uint32_t value = 0;
    enum received received = receive_message(client->fd, &message);

    if (received == RECEIVED_NOTHING) {
        return;
    }
    if (received == RECEIVED_END) {
        client_close(client);
        return;
    }
    enum local_result result = serve_message(local, client, &message, handler, &value);
    message_close(&message);
    if (result != LOCAL_SERVED) {
        refuse(local, client->fd, result);
        client_close(client);
    } else if (!send_answer(client->fd, LOCAL_SERVED, value)) {
        client_close(client);
    }
}

static bool watch(struct local *local, int fd, struct local_client *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

    return epoll_ctl(local->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static struct local_client *free_slot(struct local *local)
{
    for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        if (local->clients[i].fd < 0) {
            return &local->clients[i];
        }
    }
    return NULL;
}

static void accept_client(struct local *local)
{
    auto_close int fd = accept4(local->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct local_client *client = free_slot(local);

    if (fd < 0) {
        return;
    }
    if (client == NULL || !watch(local, fd, client)) {
        refuse(local, fd, LOCAL_FULL);
        return;
    }
    *client = (struct local_client){.fd = take_fd(&fd)};
}

/* One message of each client that has some: nobody is served twice before everybody was once. */
static enum transport_result local_serve(struct transport *transport,
                                         const struct port_handler *handler, struct err *err)
{
    struct local *local = local_of(transport);
    struct epoll_event events[LOCAL_CLIENTS_MAX + 1];
    int count = epoll_wait(local->epoll, events, LOCAL_CLIENTS_MAX + 1, 0);

    if (count < 0 && errno != EINTR) {
        err_errno(err, "the local transport's epoll descriptor");
        return TRANSPORT_FAILED;
    }
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            accept_client(local);
        } else {
            serve_client(local, events[i].data.ptr, handler);
        }
    }
    return TRANSPORT_OK;
}

/* ---------------------------------------------------------------------------- opening, closing */

static int local_fd(struct transport *transport)
{
    return local_of(transport)->epoll;
}

/* Whoever can connect finds the daemon serving. */
static bool local_announce(struct transport *transport, struct err *err)
{
    (void)transport;
    (void)err;
    return true;
}

static void local_close(struct transport *transport)
{
    struct local *local = local_of(transport);

    for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        client_close(&local->clients[i]);
    }
    local_socket_close(&local->listener);
    if (local->epoll >= 0) {
        close(local->epoll);
    }
    free(local);
}

static const struct transport_ops local_ops = {
    .fd = local_fd,
    .serve = local_serve,
    .announce = local_announce,
    .close = local_close,
};

static bool local_start(struct local *local, const char *path, struct err *err)
{
    local->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (local->epoll < 0) {
        return err_errno(err, "can't make an epoll descriptor");
    }
    if (!local_socket_listen(&local->listener, path, err)) {
        return false;
    }
    return watch(local, local->listener.fd, NULL) || err_errno(err, "%s: can't wait for it", path);
}

struct transport *local_open(const char *path, struct err *err)
{
    struct local *local = calloc(1, sizeof(*local));

    if (local == NULL) {
        err_set(err, "%s: no memory", path);
        return NULL;
    }
    local->transport.ops = &local_ops;
    local->listener.fd = -1;
    for (size_t i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        local->clients[i].fd = -1;
    }
    if (!local_start(local, path, err)) {
        local_close(&local->transport);
        return NULL;
    }
    return &local->transport;
}
