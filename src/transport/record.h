// SPDX-License-Identifier: BSD-2-Clause
/*
 * A recording of everything a guest asks and is answered (--record FILE), to be replayed, measured
 * or fed to a fuzzer. The format is in docs/PROTOCOL.md, "Recordings".
 *
 * The recorder stands between a transport and its handler. A request is in the file before it is
 * served: one that kills the daemon is the last of its recording.
 */
#ifndef TRANSPORT_RECORD_H
#define TRANSPORT_RECORD_H

#include "base/reader.h"
#include "transport/transport.h"

/* A recording ends there, with a warning: a guest must not be able to fill the host's disk. */
#define RECORD_SIZE_MAX (256u << 20)

struct recorder;

/*
 * Makes the file, mode 0600, anew. inner: what serves the accesses, borrowed. NULL: err says why.
 * What can't be written later ends the recording with a warning, never the service.
 */
struct recorder *record_open(const char *path, const struct port_handler *inner, struct err *err);
const struct port_handler *record_handler(struct recorder *recorder);
void record_close(struct recorder *recorder); /* NULL is fine */

enum record_kind {
    RECORD_REQUEST = 1,
    RECORD_REPLY = 2, /* to the request before it */
    RECORD_PORT_WRITE = 3,
    RECORD_PORT_READ = 4,
};

struct record_event {
    enum record_kind kind;
    struct span bytes; /* of a request or reply, in the recording's bytes */
    uint16_t port;     /* of a port access, with its size in bytes and its value */
    uint8_t size;
    uint32_t value;
};

/* Reading: the head, then events until the reader is at its end. False: not a recording; an event
 * that is none, or whose end is missing (a killed daemon's last one may be). */
MUST_CHECK bool record_read_head(struct reader *reader);
MUST_CHECK bool record_read_event(struct reader *reader, struct record_event *out);

#endif
