// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_connection.h"

#include "backend/xapi_http.h"
#include "base/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PAUSE_FIRST_MS 20 /* between attempts to connect; doubled each time */
#define PAUSE_MAX_MS 500

/* What became of a part of an exchange. */
enum progress {
    DONE,
    BROKEN, /* the server closed the connection: a new one may help */
    FAILED,
};

void xapi_connection_close(struct xapi_connection *connection)
{
    if (connection->fd >= 0) {
        close(connection->fd);
        connection->fd = -1;
    }
}

/* errno says why it is not connected. */
static bool connect_once(struct xapi_connection *connection)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(connection->path);

    if (len >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address.sun_path, connection->path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int code = errno;
        close(fd);
        errno = code;
        return false;
    }
    connection->fd = fd;
    return true;
}

/* No socket, nobody behind it, or a full queue: as while a server restarts. */
static bool may_come_back(int code)
{
    return code == ENOENT || code == ECONNREFUSED || code == EAGAIN;
}

static bool connect_patiently(struct xapi_connection *connection, struct err *err)
{
    int64_t until = xapi_now() + connection->reconnect_ms;
    int64_t patient_until = until < connection->deadline ? until : connection->deadline;
    int64_t pause = PAUSE_FIRST_MS;

    while (!connect_once(connection)) {
        bool wait = may_come_back(errno) && (connection->was_connected || errno == EAGAIN) &&
                    xapi_now() + pause < patient_until;
        if (!wait) {
            return err_errno(err, "can't connect (does the toolstack run?)");
        }
        if (!xapi_wait_ms(connection->waiter, pause, err)) {
            return false;
        }
        pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
    }
    connection->was_connected = true;
    return true;
}

/* A connection that is closed, or says something before it was asked, serves no request. */
static void drop_stale(struct xapi_connection *connection)
{
    uint8_t byte;

    if (connection->fd >= 0 &&
        (recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)) {
        xapi_connection_close(connection);
    }
}

static bool is_broken(int code)
{
    return code == EPIPE || code == ECONNRESET || code == ENOTCONN;
}

/* Waits after an EAGAIN, and says what any other errno means. DONE: try again. */
static enum progress after_errno(struct xapi_connection *connection, short events, struct err *err)
{
    if (errno == EINTR) {
        return DONE;
    }
    if (errno == EAGAIN) {
        return xapi_wait_for(connection->waiter, connection->fd, events, connection->deadline, err)
                   ? DONE
                   : FAILED;
    }
    enum progress progress = is_broken(errno) ? BROKEN : FAILED;
    err_errno(err, "connection");
    return progress;
}

static enum progress send_all(struct xapi_connection *connection, struct span bytes,
                              struct err *err)
{
    struct reader reader = reader_of(bytes);

    while (!reader_end(&reader)) {
        ssize_t sent = send(connection->fd, reader.rest.data, reader.rest.len, MSG_NOSIGNAL);
        enum progress progress = DONE;

        if (sent < 0) {
            progress = after_errno(connection, POLLOUT, err);
        } else if (!reader_skip(&reader, (uint64_t)sent)) {
            progress = FAILED;
        }
        if (progress != DONE) {
            return progress;
        }
    }
    return DONE;
}

/* Some bytes more behind the len that are there; at least one. */
static enum progress receive_some(struct xapi_connection *connection, uint8_t *data,
                                  size_t capacity, size_t *len, struct err *err)
{
    for (;;) {
        ssize_t received = recv(connection->fd, data + *len, capacity - *len, 0);

        if (received > 0) {
            *len += (size_t)received;
            return DONE;
        }
        if (received == 0) {
            err_set(err, "the connection was closed before the answer was complete");
            return BROKEN;
        }
        enum progress progress = after_errno(connection, POLLIN, err);
        if (progress != DONE) {
            return progress;
        }
    }
}

static enum progress receive_head(struct xapi_connection *connection, struct xapi_http_head *head,
                                  uint8_t *data, size_t *len, struct err *err)
{
    for (;;) {
        enum progress progress = receive_some(connection, data, XAPI_HTTP_HEAD_MAX, len, err);
        if (progress != DONE) {
            return progress;
        }
        enum xapi_http_parse parsed = xapi_http_parse_head(head, span_of(data, *len), err);
        if (parsed != XAPI_HTTP_MORE) {
            return parsed == XAPI_HTTP_HEAD ? DONE : FAILED;
        }
    }
}

/* begun: what came of the body together with the head */
static enum progress receive_body(struct xapi_connection *connection, struct span begun,
                                  uint8_t *body, size_t body_len, struct err *err)
{
    size_t len = begun.len < body_len ? begun.len : body_len;
    enum progress progress = DONE;

    if (len > 0) {
        memcpy(body, begun.data, len);
    }
    while (progress == DONE && len < body_len) {
        progress = receive_some(connection, body, body_len, &len, err);
    }
    return progress;
}

static enum progress receive_answer(struct xapi_connection *connection, uint8_t **body, size_t *len,
                                    struct err *err)
{
    uint8_t data[XAPI_HTTP_HEAD_MAX];
    size_t received = 0;
    struct xapi_http_head head;
    enum progress progress = receive_head(connection, &head, data, &received, err);

    if (progress != DONE) {
        return progress;
    }
    auto_free uint8_t *bytes = malloc(head.body_len > 0 ? head.body_len : 1);
    if (bytes == NULL) {
        err_set(err, "no memory for the answer");
        return FAILED;
    }
    struct span begun = span_of(data + head.head_len, received - head.head_len);
    progress = receive_body(connection, begun, bytes, head.body_len, err);
    if (progress != DONE) {
        return progress;
    }
    if (!head.keep_alive || begun.len > head.body_len) {
        xapi_connection_close(connection);
    }
    *body = take_ptr(bytes);
    *len = head.body_len;
    return DONE;
}

static enum progress try_exchange(struct xapi_connection *connection, struct span request,
                                  uint8_t **body, size_t *len, struct err *err)
{
    uint8_t head_bytes[256];
    struct writer head = writer_of(head_bytes, sizeof(head_bytes));

    if (connection->fd < 0 && !connect_patiently(connection, err)) {
        return FAILED;
    }
    xapi_http_encode_head(&head, request.len);
    enum progress progress = send_all(connection, writer_span(&head), err);
    if (progress == DONE) {
        progress = send_all(connection, request, err);
    }
    if (progress == DONE) {
        progress = receive_answer(connection, body, len, err);
    }
    if (progress != DONE) {
        xapi_connection_close(connection);
    }
    return progress;
}

bool xapi_connection_exchange(struct xapi_connection *connection, struct span request,
                              uint8_t **body, size_t *len, int64_t deadline, struct err *err)
{
    connection->deadline = deadline;
    drop_stale(connection);
    enum progress progress = try_exchange(connection, request, body, len, err);
    if (progress == BROKEN) {
        progress = try_exchange(connection, request, body, len, err);
    }
    return progress == DONE;
}
