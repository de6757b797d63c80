// SPDX-License-Identifier: BSD-2-Clause
#include "transport/xen_store.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <xen/io/xs_wire.h>

#define HEADER_SIZE 16u
#define REPLY_TIMEOUT_MS 10000 /* xenstored answers in less than one, unless it is stuck */
#define WATCH_TOKEN "uefistored"

struct message {
    uint32_t type;
    size_t len;
    char payload[XENSTORE_PAYLOAD_MAX + 1]; /* NUL-terminated for whoever takes it as text */
};

/* ---------------------------------------------------------------------------------- connecting */

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_close int fd = -1;

    if (path == NULL || strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        return -1;
    }
    return take_fd(&fd);
}

bool xen_store_open(struct xen_store *store, struct err *err)
{
    static const char *const devices[] = {"/dev/xen/xenbus", "/proc/xen/xenbus"};
    const char *chosen = getenv("XENSTORED_PATH");

    *store = (struct xen_store){.fd = connect_socket(chosen)};
    if (store->fd < 0 && chosen == NULL) {
        store->fd = connect_socket("/run/xenstored/socket");
    }
    for (size_t i = 0; store->fd < 0 && chosen == NULL && i < 2; i++) {
        store->fd = open(devices[i], O_RDWR | O_CLOEXEC);
    }
    return store->fd >= 0 || err_errno(err, "can't connect to xenstored (is this a Xen host?)");
}

void xen_store_close(struct xen_store *store)
{
    if (store->fd >= 0) {
        close(store->fd);
        store->fd = -1;
    }
}

/* ------------------------------------------------------------------------------------ messages */

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.data, bytes.len);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes = span_of(bytes.data + written, bytes.len - (size_t)written);
        }
    }
    return true;
}

static bool read_all(int fd, void *out, size_t len)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    for (size_t have = 0; have < len;) {
        int ready = poll(&wait, 1, REPLY_TIMEOUT_MS);
        ssize_t got = ready > 0 ? read(fd, (char *)out + have, len - have) : -1;
        if (ready == 0) {
            errno = ETIMEDOUT;
        } else if (got == 0) {
            errno = ECONNRESET;
        }
        if (got > 0) {
            have += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* The fields are in the host's byte order, which is little-endian wherever there are I/O ports. */
static bool receive(struct xen_store *store, struct message *out)
{
    uint8_t header[HEADER_SIZE];
    struct reader reader = reader_of(span_of(header, sizeof(header)));
    uint32_t len;

    if (!read_all(store->fd, header, sizeof(header))) {
        return false;
    }
    if (!reader_u32le(&reader, &out->type) || !reader_skip(&reader, 8) ||
        !reader_u32le(&reader, &len) || len > XENSTORE_PAYLOAD_MAX) {
        errno = EPROTO;
        return false;
    }
    out->len = len;
    out->payload[len] = '\0';
    if (!read_all(store->fd, out->payload, len)) {
        return false;
    }
    store->fired = store->fired || out->type == XS_WATCH_EVENT;
    return true;
}

static bool send_request(struct xen_store *store, uint32_t type, const struct span parts[2])
{
    uint8_t bytes[HEADER_SIZE + XENSTORE_PAYLOAD_MAX];
    struct writer writer = writer_of(bytes, sizeof(bytes));

    writer_u32le(&writer, type);
    writer_zeros(&writer, 8); /* no request id, as there is one request at a time; no transaction */
    writer_u32le(&writer, (uint32_t)(parts[0].len + parts[1].len));
    writer_bytes(&writer, parts[0]);
    writer_bytes(&writer, parts[1]);
    if (!writer_ok(&writer)) {
        errno = E2BIG;
        return false;
    }
    return write_all(store->fd, writer_span(&writer));
}

/* Puts what xenstored calls the failure into errno. */
static bool reply_failed(const struct message *reply)
{
    errno = EIO;
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
        if (strcmp(reply->payload, xsd_errors[i].errstring) == 0) {
            errno = xsd_errors[i].errnum;
        }
    }
    return false;
}

/* One request and its reply; watch events may come in between. False: errno says why. */
static bool talk(struct xen_store *store, uint32_t type, struct span first, struct span second,
                 struct message *reply)
{
    if (!send_request(store, type, (const struct span[]){first, second})) {
        return false;
    }
    do {
        if (!receive(store, reply)) {
            return false;
        }
    } while (reply->type == XS_WATCH_EVENT);
    if (reply->type == XS_ERROR) {
        return reply_failed(reply);
    }
    errno = EPROTO;
    return reply->type == type;
}

static struct span text_with_nul(const char *text)
{
    return span_of(text, strlen(text) + 1);
}

/* ---------------------------------------------------------------------------------- the requests
 */

enum xen_store_read xen_store_read(struct xen_store *store, const char *path, char *value,
                                   size_t size, struct err *err)
{
    struct message reply;

    if (!talk(store, XS_READ, text_with_nul(path), span_of("", 0), &reply)) {
        bool absent = errno == ENOENT;
        err_errno(err, "xenstore: can't read %s", path);
        return absent ? XEN_STORE_ABSENT : XEN_STORE_FAILED;
    }
    if (reply.len >= size) {
        err_set(err, "xenstore: the value of %s is too long", path);
        return XEN_STORE_FAILED;
    }
    memcpy(value, reply.payload, reply.len + 1);
    return XEN_STORE_VALUE;
}

bool xen_store_write(struct xen_store *store, const char *path, const char *value, struct err *err)
{
    struct message reply;

    return talk(store, XS_WRITE, text_with_nul(path), span_of(value, strlen(value)), &reply) ||
           err_errno(err, "xenstore: can't write %s", path);
}

bool xen_store_watch(struct xen_store *store, const char *path, struct err *err)
{
    struct message reply;

    return talk(store, XS_WATCH, text_with_nul(path), text_with_nul(WATCH_TOKEN), &reply) ||
           err_errno(err, "xenstore: can't watch %s", path);
}

enum xen_store_event xen_store_event(struct xen_store *store)
{
    struct pollfd wait = {.fd = store->fd, .events = POLLIN};
    struct message event;

    if (poll(&wait, 1, 0) > 0 && !receive(store, &event)) {
        return XEN_STORE_LOST;
    }
    bool fired = store->fired;
    store->fired = false;
    return fired ? XEN_STORE_FIRED : XEN_STORE_QUIET;
}
