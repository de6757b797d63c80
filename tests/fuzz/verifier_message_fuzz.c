// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the daemon and its verifier read of each other: never beyond the end, and what is taken is
 * what would be written. Nor does a server that is sent anything do more than end.
 */
#include "crypto/verifier_message.h"
#include "crypto/verifier_server.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECONDS 10u
#define STREAM_MAX 4096u /* so that nobody has to read the answers */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_request(struct span bytes)
{
    struct verifier_request request;
    uint8_t head[VERIFIER_HEAD_MAX];
    struct writer writer = writer_of(head, sizeof(head));

    if (!verifier_read_request(&request, bytes)) {
        return;
    }
    must(verifier_write_head(&writer, &request));
    must(writer.len - VERIFIER_LENGTH_SIZE <= bytes.len);
    must(memcmp(head + VERIFIER_LENGTH_SIZE, bytes.data, writer.len - VERIFIER_LENGTH_SIZE) == 0);
}

static void check_answer(struct span bytes)
{
    struct verifier_answer answer;
    uint8_t again[VERIFIER_ANSWER_SIZE];
    struct writer writer = writer_of(again, sizeof(again));

    if (verifier_read_answer(&answer, bytes)) {
        verifier_write_answer(&writer, &answer);
        must(span_equal(writer_span(&writer), bytes));
    }
}

/* A verifier without cryptography, which looks at all that it is given. */
static uint8_t sum_of(struct span bytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        sum = (uint8_t)(sum + bytes.data[i]);
    }
    return sum;
}

static bool look_at_message(struct verifier *verifier, const struct signed_message *message,
                            const struct span *trusted, size_t count)
{
    uint8_t sum = (uint8_t)(sum_of(message->pkcs7) + sum_of(message->parts[0]));

    (void)verifier;
    for (size_t i = 0; i < count; i++) {
        sum = (uint8_t)(sum + sum_of(trusted[i]));
    }
    return sum % 2 == 0;
}

static bool look_at_owner(struct verifier *verifier, const struct signed_message *message,
                          uint8_t owner[SHA256_SIZE])
{
    memset(owner, 0xa5, SHA256_SIZE);
    return look_at_message(verifier, message, NULL, 0);
}

static bool look_at_certificate(struct verifier *verifier, struct span certificate)
{
    (void)verifier;
    return sum_of(certificate) % 2 == 0;
}

static void serve(struct span bytes)
{
    static const struct verifier_ops ops = {.verify_trusted = look_at_message,
                                            .verify_owner = look_at_owner,
                                            .check_certificate = look_at_certificate};
    struct verifier verifier = {.ops = &ops};
    int sockets[2];

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    if (send(sockets[0], bytes.data, bytes.len, MSG_DONTWAIT) == (ssize_t)bytes.len) {
        shutdown(sockets[0], SHUT_WR);
        (void)!verifier_serve(sockets[1], &verifier, SECONDS);
    }
    close(sockets[0]);
    close(sockets[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(span_of(data, size));
    check_answer(span_of(data, size));
    serve(span_of(data, size < STREAM_MAX ? size : STREAM_MAX));
    return 0;
}
