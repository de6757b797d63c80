// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the service takes for a request, in this process and without saving: a look-up, a change
 * and a walk with 50, 200 and 900 variables. None may depend on how many there are. The quickest of
 * many rounds counts.
 */
#include "base/log.h"
#include "support/timing.h"
#include "support/vm.h"

#include <stdio.h>
#include <stdlib.h>

#define SIZES 3
#define ROUNDS 31
#define REQUESTS 9000u
#define TARGET 1.2

static const unsigned sizes[SIZES] = {50, 200, 900};

enum measured { GET_HIT, GET_MISS, SET_CHANGE, SET_SAME, NEXT, MEASURED };

static const char *const names[MEASURED] = {
    [GET_HIT] = "get, hit",         [GET_MISS] = "get, miss", [SET_CHANGE] = "set, new value",
    [SET_SAME] = "set, same value", [NEXT] = "walk, a step",
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "service_bench: %s failed\n", what);
        exit(1);
    }
}

/* 900 variables fit the quota only with short names and little data. */
static struct span name_of(char16_t (*name)[6], unsigned number)
{
    memcpy(*name, u"Va000", sizeof(*name));
    (*name)[2] = (char16_t)(u'0' + number / 100);
    (*name)[3] = (char16_t)(u'0' + number / 10 % 10);
    (*name)[4] = (char16_t)(u'0' + number % 10);
    return span_of(*name, 10);
}

/* Visits the variables in an order that no cache expects. */
static unsigned pick(unsigned i, unsigned count)
{
    return i * 7919u % count;
}

static double time_get(struct vm *vm, unsigned count, bool hit)
{
    char16_t name[6];
    uint8_t data[64];
    uint64_t start = timing_now(CLOCK_PROCESS_CPUTIME_ID);

    for (unsigned i = 0; i < REQUESTS; i++) {
        size_t len = sizeof(data);
        struct span key = name_of(&name, pick(i, count));
        if (!hit) {
            name[4] = u'x';
        }
        efi_status status = client_get(vm->client, &EFI_GLOBAL_VARIABLE, key, data, &len, NULL);
        must(status == (hit ? EFI_SUCCESS : EFI_NOT_FOUND), "a get");
    }
    return (double)(timing_now(CLOCK_PROCESS_CPUTIME_ID) - start) / REQUESTS;
}

static double time_set(struct vm *vm, unsigned count, bool change, uint32_t value)
{
    char16_t name[6];
    uint8_t data[4] = {0};
    uint64_t start = timing_now(CLOCK_PROCESS_CPUTIME_ID);

    for (unsigned i = 0; i < REQUESTS; i++) {
        if (change) {
            memcpy(data, &value, sizeof(value));
            value++;
        }
        efi_status status = client_set(vm->client, &EFI_GLOBAL_VARIABLE,
                                       name_of(&name, change ? pick(i, count) : 0),
                                       EFI_VARIABLE_NV_BS_RT, span_of(data, sizeof(data)));
        must(status == EFI_SUCCESS, "a set");
    }
    return (double)(timing_now(CLOCK_PROCESS_CPUTIME_ID) - start) / REQUESTS;
}

/* Whole walks, as many as make about as many requests as the others. */
static double time_walk(struct vm *vm, unsigned count)
{
    unsigned steps = 0;
    uint64_t start = timing_now(CLOCK_PROCESS_CPUTIME_ID);

    for (unsigned i = 0; i < REQUESTS / count; i++) {
        struct guid guid = {0};
        uint8_t name[128];
        size_t len = 0;
        while (client_next(vm->client, &guid, name, &len, sizeof(name)) == EFI_SUCCESS) {
            steps++;
        }
        steps++;
    }
    must(steps > REQUESTS / count * count, "a walk");
    return (double)(timing_now(CLOCK_PROCESS_CPUTIME_ID) - start) / steps;
}

static double measure(struct vm *vm, enum measured what, unsigned count, unsigned round)
{
    switch (what) {
    case GET_HIT:
    case GET_MISS:
        return time_get(vm, count, what == GET_HIT);
    case SET_CHANGE:
    case SET_SAME:
        return time_set(vm, count, what == SET_CHANGE, round * REQUESTS + 1);
    default:
        return time_walk(vm, count);
    }
}

static struct vm *filled(unsigned count)
{
    static const struct service_config config = {.enforce = true};
    struct vm *vm = vm_open(&config, NULL);
    char16_t name[6];
    const uint8_t data[4] = {0};

    for (unsigned i = 0; i < count; i++) {
        must(client_set(vm->client, &EFI_GLOBAL_VARIABLE, name_of(&name, i), EFI_VARIABLE_NV_BS_RT,
                        span_of(data, sizeof(data))) == EFI_SUCCESS,
             "filling the store");
    }
    return vm;
}

static void report(double times[SIZES][MEASURED][ROUNDS])
{
    double least[SIZES][MEASURED];

    printf("  %-22s %12s %12s %12s   variables\n", "CPU of a request", "50", "200", "900");
    for (unsigned what = 0; what < MEASURED; what++) {
        printf("  %-22s", names[what]);
        for (unsigned size = 0; size < SIZES; size++) {
            least[size][what] = timing_least(times[size][what], ROUNDS);
            printf(" %9.0f ns", least[size][what]);
        }
        printf("\n");
    }
    for (unsigned what = 0; what < MEASURED; what++) {
        char text[64];
        snprintf(text, sizeof(text), "%s: 900 beside 50", names[what]);
        timing_target(text, least[2][what] / least[0][what], TARGET);
    }
}

int main(void)
{
    static double times[SIZES][MEASURED][ROUNDS];
    struct vm *vms[SIZES];

    log_set_level(LOG_LEVEL_ERROR);
    for (unsigned size = 0; size < SIZES; size++) {
        vms[size] = filled(sizes[size]);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned what = 0; what < MEASURED; what++) {
            for (unsigned size = 0; size < SIZES; size++) {
                times[size][what][round] =
                    measure(vms[size], (enum measured)what, sizes[size], round);
            }
        }
    }
    report(times);
    for (unsigned size = 0; size < SIZES; size++) {
        vm_close(vms[size]);
    }
    return 0;
}
