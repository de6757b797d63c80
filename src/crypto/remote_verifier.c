// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bytes of a request are sent from where they lie. The send buffer has room for the largest
 * request, and there is never more than one in it: so sending doesn't block, and a
 * request that doesn't fit shows that the other side left something unread.
 */
#include "crypto/remote_verifier.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "crypto/verifier_message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PARTS_MAX 16u /* of a message's content */

struct remote_verifier {
    struct verifier base;
    struct remote_verifier_config config;
    int fd; /* -1: given up */
    uint32_t sequence;
    struct log_limit limit;
};

/* A span for the request's head, which only looks at its length: the parts lie apart. */
static struct span parts_extent(const struct signed_message *message)
{
    size_t len = 0;

    for (size_t i = 0; i < message->part_count; i++) {
        len += message->parts[i].len;
    }
    return span_of(NULL, len);
}

static bool give_up(struct remote_verifier *verifier, const char *reason)
{
    close(verifier->fd);
    verifier->fd = -1;
    log_error("signatures can't be checked any more: %s; every signed write is refused until the "
              "VM is started again",
              reason);
    return false;
}

/* Not sendmsg: with that, a descriptor could be passed. */
static bool send_piece(struct remote_verifier *verifier, struct span piece)
{
    ssize_t sent;

    do {
        sent = send(verifier->fd, piece.data, piece.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
        return give_up(verifier, "the verifier has ended");
    }
    return (sent >= 0 && (size_t)sent == piece.len) ||
           give_up(verifier, "the verifier doesn't take the request");
}

static bool send_pieces(struct remote_verifier *verifier, const struct span *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0 && !send_piece(verifier, pieces[i])) {
            return false;
        }
    }
    return true;
}

/* Waits until fds[0], of the two at most, has something. */
static bool wait_readable(struct pollfd *fds, nfds_t count, unsigned timeout_ms)
{
    int ready;

    do { /* SIGSTOP and SIGCONT interrupt it */
        ready = poll(fds, count, (int)timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[0].revents != 0;
}

static bool wait_for_answer(const struct remote_verifier *verifier)
{
    const struct remote_verifier_config *config = &verifier->config;
    struct pollfd fds[] = {{.fd = verifier->fd, .events = POLLIN},
                           {.fd = config->hurry_fd, .events = POLLIN}};

    return wait_readable(fds, 2, config->timeout_ms) ||
           (fds[1].revents != 0 && wait_readable(fds, 1, config->hurry_ms));
}

/* An answer comes as a whole, or is none. */
static bool receive_answer(struct remote_verifier *verifier, struct verifier_answer *answer)
{
    uint8_t bytes[VERIFIER_ANSWER_SIZE];

    if (!wait_for_answer(verifier)) {
        return give_up(verifier, "the verifier doesn't answer");
    }
    ssize_t got = recv(verifier->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got <= 0) {
        return give_up(verifier, "the verifier has ended");
    }
    return (verifier_read_answer(answer, span_of(bytes, (size_t)got)) &&
            answer->sequence == verifier->sequence) ||
           give_up(verifier, "the verifier answers nonsense");
}

/*
 * Sends the request, whose operation and certificates are set, about the message. True when the
 * answer is yes.
 */
static bool ask(struct verifier *base, struct verifier_request *request,
                const struct signed_message *message, struct verifier_answer *answer)
{
    struct remote_verifier *verifier = (struct remote_verifier *)base;
    uint8_t bytes[VERIFIER_HEAD_MAX];
    struct writer head = writer_of(bytes, sizeof(bytes));

    request->sequence = ++verifier->sequence;
    request->pkcs7 = message->pkcs7;
    request->content = parts_extent(message);
    if (verifier->fd < 0) {
        return false;
    }
    if (message->part_count > PARTS_MAX || !verifier_write_head(&head, request)) {
        log_limited(&verifier->limit, LOG_LEVEL_WARNING,
                    "a signed write is refused: there is too much to verify");
        return false;
    }
    const struct span pieces[] = {writer_span(&head), message->pkcs7};
    return send_pieces(verifier, pieces, 2) &&
           send_pieces(verifier, message->parts, message->part_count) &&
           send_pieces(verifier, request->certificates, request->certificate_count) &&
           receive_answer(verifier, answer) && answer->yes;
}

/* Takes the certificates into the request as far as it has room: verifier_write_head refuses one
 * that counts more. */
static void set_certificates(struct verifier_request *request, const struct span *certificates,
                             size_t count)
{
    request->certificate_count = count;
    for (size_t i = 0; i < count && i < VERIFIER_CERTIFICATES_MAX; i++) {
        request->certificates[i] = certificates[i];
    }
}

static bool verify_trusted(struct verifier *verifier, const struct signed_message *message,
                           const struct span *trusted, size_t trusted_count)
{
    struct verifier_request request;
    struct verifier_answer answer;

    request.operation = VERIFIER_TRUSTED;
    set_certificates(&request, trusted, trusted_count);
    return ask(verifier, &request, message, &answer);
}

static bool verify_owner(struct verifier *verifier, const struct signed_message *message,
                         uint8_t owner[SHA256_SIZE])
{
    struct verifier_request request;
    struct verifier_answer answer;

    request.operation = VERIFIER_OWNER;
    request.certificate_count = 0;
    if (!ask(verifier, &request, message, &answer)) {
        return false;
    }
    memcpy(owner, answer.owner, SHA256_SIZE);
    return true;
}

static bool check_certificate(struct verifier *verifier, struct span certificate)
{
    static const struct signed_message no_message;
    struct verifier_request request;
    struct verifier_answer answer;

    request.operation = VERIFIER_CERTIFICATE;
    set_certificates(&request, &certificate, 1);
    return ask(verifier, &request, &no_message, &answer);
}

static void verifier_destroy(struct verifier *base)
{
    struct remote_verifier *verifier = (struct remote_verifier *)base;

    if (verifier->fd >= 0) {
        close(verifier->fd);
    }
    free(verifier);
}

static const struct verifier_ops ops = {
    .verify_trusted = verify_trusted,
    .verify_owner = verify_owner,
    .check_certificate = check_certificate,
    .free = verifier_destroy,
};

struct verifier *remote_verifier_new(const struct remote_verifier_config *config, struct err *err)
{
    /* The kernel doubles it, for what it needs beside. */
    static const int send_buffer = VERIFIER_LENGTH_SIZE + VERIFIER_REQUEST_MAX;
    struct remote_verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier == NULL) {
        err_set(err, "out of memory");
        close(config->fd);
        return NULL;
    }
    verifier->base.ops = &ops;
    verifier->config = *config;
    verifier->fd = config->fd;
    if (setsockopt(config->fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer)) != 0) {
        err_errno(err, "can't set up the socket to the verifier");
        verifier_destroy(&verifier->base);
        return NULL;
    }
    return &verifier->base;
}
