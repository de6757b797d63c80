// SPDX-License-Identifier: BSD-2-Clause
/*
 * xen_race FOLDER COUNT: a guest of a pretended Xen host that rewrites its requests while they are
 * served.
 *
 * Each race is about one aligned word of a request, which another thread turns to and fro between
 * two values for as long as the daemon is at it. What lies in the buffer afterwards has to be what
 * the one or the other value leads to when nobody interferes, bytes that the request doesn't have
 * included; only the word itself is anybody's guess. A daemon that looks at the word twice gives
 * itself away.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "support/xen_guest.h"
#include "wire/wire.h"

#define GFN 256u
#define COMPARED 2048u /* bytes of the buffer: more than any reply here */
#define ROUND 200u     /* requests */
#define UNUSED 0xee    /* in the buffer where no request is */

static const struct guid vendor =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

/* Names have four characters, so that every field is aligned: version 0, command 4, name_len 8,
 * name 16, GUID 24, capacity or data_len 40, data 48. */
#define NAME_A EFI_NAME("Va A")
#define NAME_B EFI_NAME("Va B")
#define A_SIZE 304u
#define B_SIZE 504u

enum kind {
    KIND_GET,
    KIND_SET,
    KIND_NEXT,
};

struct race {
    const char *name;
    enum kind kind;
    size_t offset; /* of the word */
    uint64_t values[2];
};

static const struct race races[] = {
    {"version", KIND_GET, 0, {1, 2}},
    {"command, get or query", KIND_GET, 0, {1, UINT64_C(3) << 32 | 1}},
    {"command, get or none", KIND_GET, 0, {1, UINT64_C(99) << 32 | 1}},
    {"name_len, in bounds or far out", KIND_GET, 8, {8, UINT64_MAX - 7}},
    {"name_len, in bounds or at the limit", KIND_GET, 8, {8, WIRE_NAME_MAX}},
    {"name_len, in bounds or beyond", KIND_GET, 8, {8, WIRE_NAME_MAX + 2}},
    {"name_len, even or odd", KIND_GET, 8, {8, 7}},
    {"name_len, this or another", KIND_GET, 8, {8, 6}},
    {"name", KIND_GET, 16, {UINT64_C(0x0041002000610056), UINT64_C(0x0042002000610056)}},
    {"guid", KIND_GET, 24, {UINT64_C(0x3333222211111111), 0}},
    {"capacity, enough or just not", KIND_GET, 40, {A_SIZE, A_SIZE - 1}},
    {"capacity, enough or none", KIND_GET, 40, {UINT64_MAX, 0}},
    {"data_len, this or another", KIND_SET, 40, {96, 200}},
    {"data_len, in bounds or far out", KIND_SET, 40, {96, UINT64_MAX}},
    {"data_len, in bounds or at the limit", KIND_SET, 40, {96, WIRE_DATA_MAX}},
    {"data_len, this or a little more", KIND_SET, 40, {96, 104}},
    {"next's capacity", KIND_NEXT, 8, {1024, 2}},
    {"next's name_len", KIND_NEXT, 16, {8, UINT64_C(1) << 40}},
};

struct racer {
    _Atomic bool stop;
    volatile uint64_t *word;
    uint64_t values[2];
};

static void *interfere(void *self)
{
    struct racer *racer = self;

    for (unsigned i = 0; !racer->stop; i++) {
        *racer->word = racer->values[i % 2];
        if (i % 64 == 0) {
            sched_yield(); /* on a machine with one processor the daemon has to run, too */
        }
    }
    return NULL;
}

static void put_request(uint8_t *buffer, const struct race *race, uint64_t value)
{
    struct writer writer = writer_of(buffer, COMPARED);

    memset(buffer, UNUSED, COMPARED);
    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, race->kind == KIND_GET   ? WIRE_GET_VARIABLE
                          : race->kind == KIND_SET ? WIRE_SET_VARIABLE
                                                   : WIRE_GET_NEXT_VARIABLE_NAME);
    if (race->kind == KIND_NEXT) {
        writer_u64le(&writer, 1024);
    }
    writer_u64le(&writer, 8);
    writer_bytes(&writer, NAME_A);
    writer_guid(&writer, &vendor);
    writer_u64le(&writer, race->kind == KIND_SET ? 96 : 1024);
    for (unsigned i = 0; race->kind == KIND_SET && i < 400; i++) {
        writer_u8(&writer, (uint8_t)(i % 8 == 0 ? EFI_VARIABLE_NV_BS_RT : 0));
    }
    /* Where the attributes are when the data is as long as it may be. */
    buffer[48 + WIRE_DATA_MAX] = EFI_VARIABLE_NV_BS_RT;
    memcpy(buffer + race->offset, &value, sizeof(value));
}

static void ring(struct xen_guest *guest)
{
    if (!xen_guest_out(guest, 0, PORT_REQUEST, GFN)) {
        fprintf(stderr, "xen_race: a request was not answered\n");
        exit(1);
    }
}

/* What each value leads to, by itself. */
static void learn(struct xen_guest *guest, const struct race *race, uint8_t expected[2][COMPARED])
{
    uint8_t *buffer = xen_guest_memory(guest, GFN);

    for (unsigned i = 0; i < 2; i++) {
        put_request(buffer, race, race->values[i]);
        ring(guest);
        memcpy(expected[i], buffer, COMPARED);
    }
}

static bool explains(const uint8_t *expected, const uint8_t *got, size_t offset)
{
    return memcmp(expected, got, offset) == 0 &&
           memcmp(expected + offset + 8, got + offset + 8, COMPARED - offset - 8) == 0;
}

static bool set_variable(struct xen_guest *guest, struct span name, uint64_t len)
{
    struct writer writer = writer_of(xen_guest_memory(guest, GFN), WIRE_BUFFER_SIZE);
    uint64_t status;

    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, WIRE_SET_VARIABLE);
    writer_u64le(&writer, name.len);
    writer_bytes(&writer, name);
    writer_guid(&writer, &vendor);
    writer_u64le(&writer, len);
    for (uint64_t i = 0; i < len; i++) {
        writer_u8(&writer, name.data[6]);
    }
    writer_u32le(&writer, len == 0 ? 0 : EFI_VARIABLE_NV_BS_RT);
    writer_u8(&writer, 0);
    ring(guest);
    memcpy(&status, writer.data, sizeof(status));
    return status == EFI_SUCCESS;
}

/* The variables as every round finds them. */
static void prepare(struct xen_guest *guest, const struct race *race)
{
    bool ready = race->kind == KIND_SET
                     ? true
                     : set_variable(guest, NAME_A, A_SIZE) && set_variable(guest, NAME_B, B_SIZE);

    if (!ready) {
        fprintf(stderr, "xen_race: the variables can't be set\n");
        exit(1);
    }
}

struct result {
    unsigned turned; /* answers to the other value than the one that was there when the port rang */
    unsigned strange; /* answers that neither value explains */
};

static void run_round(struct xen_guest *guest, const struct race *race, struct result *result)
{
    static uint8_t expected[2][COMPARED];
    uint8_t *buffer = xen_guest_memory(guest, GFN);
    struct racer racer = {.word = (volatile uint64_t *)(void *)(buffer + race->offset),
                          .values = {race->values[0], race->values[1]}};
    pthread_t thread;

    prepare(guest, race);
    learn(guest, race, expected);
    pthread_create(&thread, NULL, interfere, &racer);
    for (unsigned i = 0; i < ROUND; i++) {
        put_request(buffer, race, race->values[i % 2]);
        ring(guest);
        bool as_rung = explains(expected[i % 2], buffer, race->offset);
        bool as_turned = explains(expected[1 - i % 2], buffer, race->offset);
        result->turned += as_turned && !as_rung;
        result->strange += !as_turned && !as_rung;
    }
    racer.stop = true;
    pthread_join(thread, NULL);
    set_variable(guest, NAME_A, 0);
}

int main(int argc, char **argv)
{
    struct xen_guest *guest = argc == 3 ? xen_guest_open(argv[1]) : NULL;
    unsigned wanted = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    const unsigned count = sizeof(races) / sizeof(races[0]);
    struct result result = {0};
    unsigned done = 0;

    if (guest == NULL) {
        fprintf(stderr, "usage: xen_race FOLDER COUNT\n");
        return 2;
    }
    for (unsigned round = 0; done < wanted; round++, done += ROUND) {
        unsigned before = result.strange;
        run_round(guest, &races[round % count], &result);
        if (result.strange > before) {
            printf("%s: %u answers that no version of the request explains\n",
                   races[round % count].name, result.strange - before);
        }
    }
    printf("%u requests, %u turned while they were served, %u answered as no version of them\n",
           done, result.turned, result.strange);
    xen_guest_close(guest);
    return result.strange == 0 ? 0 : 1;
}
