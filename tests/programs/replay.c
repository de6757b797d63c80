// SPDX-License-Identifier: BSD-2-Clause
/*
 * replay SOCKET RECORDING          asks a daemon everything that a recording has, and says where
 *                                  its answers differ; fails when one does
 * replay --corpus RECORDING DIR    writes each request of a recording into a file of DIR, named
 *                                  by number and command, as seeds for a fuzzer; no two alike
 * replay --list RECORDING          shows it
 */
#include "base/cleanup.h"
#include "base/io.h"
#include "support/client.h"
#include "transport/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define DIFFERENCES_SHOWN 10u
#define CORPUS_MAX 4096u

/* What is done with each event of a recording. */
struct visitor {
    bool (*request)(struct visitor *visitor, struct span request, struct span reply);
    bool (*access)(struct visitor *visitor, const struct record_event *event);
    struct client *client;
    const char *folder;
    struct span seen[CORPUS_MAX]; /* of the corpus */
    unsigned requests, accesses, differences;
};

static const char *const command_names[] = {"get", "set", "next", "query", "notify"};

static const char *command_name(struct span request)
{
    struct reader reader = reader_of(request);
    uint32_t version, command;

    return reader_u32le(&reader, &version) && reader_u32le(&reader, &command) && command < 5
               ? command_names[command]
               : "other";
}

static uint64_t status_of(struct span reply)
{
    struct reader reader = reader_of(reply);
    uint64_t status;

    return reader_u64le(&reader, &status) ? status : CLIENT_LOST;
}

/* ------------------------------------------------------------------------------------- replaying
 */

static void differ(struct visitor *visitor, const char *what, uint64_t recorded, uint64_t now)
{
    if (++visitor->differences <= DIFFERENCES_SHOWN) {
        fprintf(stderr, "replay: event %u, %s: recorded %" PRIx64 ", now %" PRIx64 "\n",
                visitor->requests + visitor->accesses, what, recorded, now);
    }
}

static bool replay_request(struct visitor *visitor, struct span request, struct span reply)
{
    struct span now = client_raw(visitor->client, request);

    if (!span_equal(span_of(now.data, reply.len), reply)) {
        differ(visitor, command_name(request), status_of(reply), status_of(now));
    }
    return !client_lost(visitor->client);
}

static bool replay_access(struct visitor *visitor, const struct record_event *event)
{
    if (event->kind == RECORD_PORT_WRITE) {
        client_write(visitor->client, event->port, event->size, event->value);
    } else {
        uint32_t now = client_read(visitor->client, event->port, event->size);
        if (now != event->value) {
            differ(visitor, "port read", event->value, now);
        }
    }
    return !client_lost(visitor->client);
}

/* ---------------------------------------------------------------------------------- other visits
 */

static bool list_request(struct visitor *visitor, struct span request, struct span reply)
{
    (void)visitor;
    printf("%-7s %6zu bytes  %6zu bytes  %s\n", command_name(request), request.len, reply.len,
           efi_status_text(status_of(reply)));
    return true;
}

static bool list_access(struct visitor *visitor, const struct record_event *event)
{
    (void)visitor;
    printf("%-7s port %#x, %u bytes: %#" PRIx32 "\n",
           event->kind == RECORD_PORT_WRITE ? "write" : "read", event->port, event->size,
           event->value);
    return true;
}

static bool seen_before(struct visitor *visitor, struct span request, unsigned kept)
{
    for (unsigned i = 0; i < kept; i++) {
        if (span_equal(visitor->seen[i], request)) {
            return true;
        }
    }
    return false;
}

static bool save_request(struct visitor *visitor, struct span request, struct span reply)
{
    char path[512];

    (void)reply;
    visitor->requests--; /* counts the files here */
    if (visitor->requests == CORPUS_MAX || seen_before(visitor, request, visitor->requests)) {
        return true;
    }
    snprintf(path, sizeof(path), "%s/%04u-%s", visitor->folder, visitor->requests,
             command_name(request));
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    visitor->seen[visitor->requests++] = request;
    return fd >= 0 && io_write_all(fd, request);
}

static bool ignore_access(struct visitor *visitor, const struct record_event *event)
{
    (void)event;
    visitor->accesses--;
    return true;
}

/* ------------------------------------------------------------------------------------ recordings
 */

/* A request without a reply is the last of a daemon that was killed: there is nothing to compare.
 */
static bool visit_request(struct visitor *visitor, struct reader *reader, struct span request)
{
    struct record_event reply;

    if (reader_end(reader) || !record_read_event(reader, &reply)) {
        return true;
    }
    visitor->requests++;
    return reply.kind == RECORD_REPLY && visitor->request(visitor, request, reply.bytes);
}

static bool visit_all(struct visitor *visitor, struct span bytes)
{
    struct reader reader = reader_of(bytes);
    struct record_event event;
    bool ok = record_read_head(&reader);

    while (ok && record_read_event(&reader, &event)) {
        if (event.kind == RECORD_REQUEST) {
            ok = visit_request(visitor, &reader, event.bytes);
        } else if (event.kind != RECORD_REPLY) {
            visitor->accesses++;
            ok = visitor->access(visitor, &event);
        } else {
            ok = false;
        }
    }
    return ok;
}

static int run(struct visitor *visitor, const char *recording)
{
    struct err err = {0};
    size_t len;
    auto_close int fd = open(recording, O_RDONLY | O_CLOEXEC);
    auto_free uint8_t *bytes = fd < 0 ? NULL : io_read_all(fd, RECORD_SIZE_MAX, &len, &err);

    if (bytes == NULL) {
        fprintf(stderr, "replay: %s can't be read %s\n", recording, err.text);
        return 1;
    }
    if (!visit_all(visitor, span_of(bytes, len))) {
        fprintf(stderr, "replay: %s: stopped at event %u: not a recording, or the daemon is gone\n",
                recording, visitor->requests + visitor->accesses);
        return 1;
    }
    fprintf(stderr, "replay: %u requests, %u port accesses, %u differences\n", visitor->requests,
            visitor->accesses, visitor->differences);
    return visitor->differences == 0 && visitor->requests + visitor->accesses > 0 ? 0 : 1;
}

static int run_replay(struct visitor *visitor, const char *socket, const char *recording)
{
    struct err err = {0};

    visitor->request = replay_request;
    visitor->access = replay_access;
    visitor->client = client_open(socket, 10000, &err);
    if (visitor->client == NULL) {
        fprintf(stderr, "replay: %s\n", err.text);
        return 1;
    }
    int result = run(visitor, recording);
    client_close(visitor->client);
    return result;
}

int main(int argc, char **argv)
{
    static struct visitor visitor;

    if (argc == 4 && strcmp(argv[1], "--corpus") == 0) {
        visitor.request = save_request;
        visitor.access = ignore_access;
        visitor.folder = argv[3];
        return run(&visitor, argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "--list") == 0) {
        visitor.request = list_request;
        visitor.access = list_access;
        return run(&visitor, argv[2]);
    }
    if (argc == 3) {
        return run_replay(&visitor, argv[1], argv[2]);
    }
    fprintf(stderr, "usage: replay SOCKET RECORDING | --corpus RECORDING DIR | --list RECORDING\n");
    return 2;
}
