// SPDX-License-Identifier: BSD-2-Clause
/*
 * A firmware's whole boot, up to the shell and into Linux, as its variable requests: about 700 of
 * them in OVMF's order. The first boot of a VM creates what later ones find.
 */
#ifndef TESTS_SUPPORT_BOOT_H
#define TESTS_SUPPORT_BOOT_H

#include "support/client.h"

#define BOOT_REQUESTS 700u /* roughly, for a progress line */
#define BOOT_TIMES_MAX 1024u

enum boot_kind { BOOT_GET, BOOT_SET, BOOT_NEXT, BOOT_KINDS };

struct boot {
    struct client *client;
    void (*progress)(void *self, const struct boot *boot, const char *doing); /* may be NULL */
    void *self;
    unsigned requests;                       /* made so far */
    struct client_times times[BOOT_KINDS];   /* what they took */
    uint64_t ns[BOOT_KINDS][BOOT_TIMES_MAX]; /* behind times */
    char failure[200];                       /* what no firmware would have survived; else empty */
};

/* Plays it. False: an answer that the firmware can't live with, failure says which. */
bool boot_play(struct boot *boot, struct client *client);

/* A variable as a walk finds it. */
struct boot_variable {
    struct guid guid;
    struct span name;
    uint32_t attributes;
    struct span data;
};

/* Calls visit for every variable, in the order of the walk. False: the walk failed. */
bool boot_walk(struct client *client, void (*visit)(void *self, const struct boot_variable *),
               void *self);

#endif
