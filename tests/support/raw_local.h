// SPDX-License-Identifier: BSD-2-Clause
/*
 * The local transport message by message, also those that no client should send.
 */
#ifndef TESTS_SUPPORT_RAW_LOCAL_H
#define TESTS_SUPPORT_RAW_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A memfd of so many bytes, with F_SEAL_ flags; -1: errno says why. */
int raw_memfd(size_t len, int seals);

/* Connects, and nothing more; -1 where nobody listens. Receiving times out after half a minute. */
int raw_connect(const char *path);

/* Any bytes, and any descriptors, 16 at most. False: the daemon hung up. */
bool raw_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count);

/* A message of the right length. */
bool raw_send_message(int fd, uint32_t operation, uint32_t port, uint32_t size, uint32_t value);

/* The message that passes memory, with any descriptors. */
bool raw_send_memory(int fd, const int *fds, size_t fd_count);

/* An answer. False: the daemon hung up. */
bool raw_receive(int fd, uint32_t *result, uint32_t *value);

/* How many descriptors this process has open. */
unsigned raw_count_descriptors(void);

#endif
