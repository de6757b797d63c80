// SPDX-License-Identifier: BSD-2-Clause
/*
 * A local transport served in this process by a thread of its own: what a test of the transport
 * talks to. Requests are answered with their own bytes; the last port written is read back.
 */
#ifndef TESTS_SUPPORT_ECHO_H
#define TESTS_SUPPORT_ECHO_H

#include "transport/transport.h"

struct echo;

/* NULL: err says why. */
struct echo *echo_start(const char *path, struct err *err);

/* Ends the thread, and closes the transport. */
void echo_stop(struct echo *echo);

/* How many requests and other port accesses have reached the handler. */
unsigned echo_requests(const struct echo *echo);
unsigned echo_accesses(const struct echo *echo);

#endif
