// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/verifier_server.h"

#include "base/cleanup.h"
#include "crypto/verifier_message.h"

#include <errno.h>
#include <sys/socket.h>

enum received {
    RECEIVED_ALL,
    RECEIVED_END, /* nothing came any more */
    RECEIVED_PART,
};

static enum received receive(int fd, uint8_t *bytes, size_t len)
{
    size_t used = 0;

    while (used < len) {
        ssize_t got = recv(fd, bytes + used, len - used, MSG_WAITALL);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return used == 0 ? RECEIVED_END : RECEIVED_PART;
        }
        used += (size_t)got;
    }
    return RECEIVED_ALL;
}

static bool decide(struct verifier *verifier, const struct verifier_request *request,
                   struct verifier_answer *answer)
{
    const struct signed_message message = {
        .pkcs7 = request->pkcs7, .parts = &request->content, .part_count = 1};

    switch (request->operation) {
    case VERIFIER_TRUSTED:
        return verifier->ops->verify_trusted(verifier, &message, request->certificates,
                                             request->certificate_count);
    case VERIFIER_OWNER:
        return verifier->ops->verify_owner(verifier, &message, answer->owner);
    default:
        return verifier->ops->check_certificate(verifier, request->certificates[0]);
    }
}

static bool answer_request(int fd, struct verifier *verifier, struct span bytes, unsigned seconds)
{
    struct verifier_request request;
    uint8_t reply[VERIFIER_ANSWER_SIZE];
    struct writer writer = writer_of(reply, sizeof(reply));

    if (!verifier_read_request(&request, bytes)) {
        return false;
    }
    struct verifier_answer answer = {.sequence = request.sequence};
    alarm(seconds);
    answer.yes = decide(verifier, &request, &answer);
    alarm(0);
    verifier_write_answer(&writer, &answer);
    return send(fd, reply, writer.len, MSG_NOSIGNAL) == (ssize_t)writer.len;
}

/* The rest of a request whose length has come. */
static bool serve_request(int fd, struct verifier *verifier, struct reader length, unsigned seconds)
{
    uint32_t len;

    if (!reader_u32le(&length, &len) || len > VERIFIER_REQUEST_MAX) {
        return false;
    }
    auto_free uint8_t *bytes = malloc((size_t)len + 1);
    return bytes != NULL && receive(fd, bytes, len) == RECEIVED_ALL &&
           answer_request(fd, verifier, span_of(bytes, len), seconds);
}

bool verifier_serve(int fd, struct verifier *verifier, unsigned seconds)
{
    uint8_t length[VERIFIER_LENGTH_SIZE];
    enum received received;

    while ((received = receive(fd, length, sizeof(length))) == RECEIVED_ALL) {
        struct reader reader = reader_of(span_of(length, sizeof(length)));

        if (!serve_request(fd, verifier, reader, seconds)) {
            return false;
        }
    }
    return received == RECEIVED_END;
}
