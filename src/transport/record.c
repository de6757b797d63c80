// SPDX-License-Identifier: BSD-2-Clause
#include "transport/record.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/writer.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <sys/stat.h>

static const uint8_t magic[8] = {'U', 'E', 'F', 'I', 'R', 'E', 'C', '1'};

struct recorder {
    const struct port_handler *inner;
    struct port_handler handler;
    int fd; /* -1: the recording has ended */
    size_t written;
    uint8_t event[5 + WIRE_BUFFER_SIZE]; /* the one being written */
};

/* ------------------------------------------------------------------------------------- writing */

static void end_recording(struct recorder *recorder, const char *reason)
{
    log_warning("the recording ends here: %s", reason);
    close(recorder->fd);
    recorder->fd = -1;
}

/* One event is one system call, so that only a crash of the host can leave half of one. */
static void append(struct recorder *recorder, const struct writer *event)
{
    if (recorder->fd < 0) {
        return;
    }
    if (!writer_ok(event) || event->len > RECORD_SIZE_MAX - recorder->written) {
        end_recording(recorder, "it has reached its largest size");
        return;
    }
    if (write(recorder->fd, event->data, event->len) != (ssize_t)event->len) {
        end_recording(recorder, "its file can't be written");
        return;
    }
    recorder->written += event->len;
}

static void append_bytes(struct recorder *recorder, enum record_kind kind, struct span bytes)
{
    struct writer event = writer_of(recorder->event, sizeof(recorder->event));

    writer_u8(&event, (uint8_t)kind);
    writer_u32le(&event, (uint32_t)bytes.len);
    writer_bytes(&event, bytes);
    append(recorder, &event);
}

static void append_access(struct recorder *recorder, enum record_kind kind, uint32_t port,
                          unsigned size, uint32_t value)
{
    struct writer event = writer_of(recorder->event, sizeof(recorder->event));

    writer_u8(&event, (uint8_t)kind);
    writer_u16le(&event, (uint16_t)port);
    writer_u8(&event, (uint8_t)size);
    writer_u32le(&event, value);
    append(recorder, &event);
}

/* ------------------------------------------------------------------------------------- handler */

/* A transport may have copied more than the request has. */
static struct span used_part(struct span request)
{
    size_t extent = wire_request_extent(request);

    return span_of(request.data, extent < request.len ? extent : request.len);
}

static size_t record_request(void *self, struct span request, uint8_t *reply)
{
    struct recorder *recorder = self;

    append_bytes(recorder, RECORD_REQUEST, used_part(request));
    size_t len = recorder->inner->request(recorder->inner->self, request, reply);
    append_bytes(recorder, RECORD_REPLY, span_of(reply, len));
    return len;
}

static uint32_t record_port_read(void *self, uint32_t port, unsigned size)
{
    struct recorder *recorder = self;
    uint32_t value = recorder->inner->port_read(recorder->inner->self, port, size);

    append_access(recorder, RECORD_PORT_READ, port, size, value);
    return value;
}

static void record_port_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    struct recorder *recorder = self;

    append_access(recorder, RECORD_PORT_WRITE, port, size, value);
    recorder->inner->port_write(recorder->inner->self, port, size, value);
}

struct recorder *record_open(const char *path, const struct port_handler *inner, struct err *err)
{
    auto_free struct recorder *recorder = malloc(sizeof(*recorder));
    auto_close int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        write(fd, magic, sizeof(magic)) != (ssize_t)sizeof(magic)) {
        err_errno(err, "%s: can't make the recording", path);
        return NULL;
    }
    if (recorder == NULL) {
        err_set(err, "%s: no memory", path);
        return NULL;
    }
    recorder->inner = inner;
    recorder->handler = (struct port_handler){
        .self = recorder,
        .request = record_request,
        .port_read = record_port_read,
        .port_write = record_port_write,
    };
    recorder->fd = take_fd(&fd);
    recorder->written = sizeof(magic);
    return take_ptr(recorder);
}

const struct port_handler *record_handler(struct recorder *recorder)
{
    return &recorder->handler;
}

void record_close(struct recorder *recorder)
{
    if (recorder != NULL) {
        cleanup_close(&recorder->fd);
        free(recorder);
    }
}

/* ------------------------------------------------------------------------------------- reading */

bool record_read_head(struct reader *reader)
{
    uint8_t head[sizeof(magic)];
    struct reader after = *reader;

    if (!reader_copy(&after, head, sizeof(head)) || memcmp(head, magic, sizeof(magic)) != 0) {
        return false;
    }
    *reader = after;
    return true;
}

static bool read_bytes(struct reader *reader, struct record_event *out)
{
    uint32_t len;

    return reader_u32le(reader, &len) && len <= WIRE_BUFFER_SIZE &&
           reader_span(reader, &out->bytes, len);
}

static bool read_access(struct reader *reader, struct record_event *out)
{
    return reader_u16le(reader, &out->port) && reader_u8(reader, &out->size) &&
           reader_u32le(reader, &out->value) &&
           (out->size == 1 || out->size == 2 || out->size == 4);
}

static bool read_body(struct reader *reader, uint8_t kind, struct record_event *out)
{
    switch (kind) {
    case RECORD_REQUEST:
    case RECORD_REPLY:
        return read_bytes(reader, out);
    case RECORD_PORT_WRITE:
    case RECORD_PORT_READ:
        return read_access(reader, out);
    default:
        return false;
    }
}

bool record_read_event(struct reader *reader, struct record_event *out)
{
    struct reader after = *reader;
    struct record_event event = {0};
    uint8_t kind;

    if (!reader_u8(&after, &kind) || !read_body(&after, kind, &event)) {
        return false;
    }
    event.kind = (enum record_kind)kind;
    *out = event;
    *reader = after;
    return true;
}
