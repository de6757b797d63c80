// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a durable SetVariable costs on the file store, beside what the disk takes for the same
 * bytes: write, fsync, rename and fsync of the folder, bare. The two take turns, so that whatever
 * else the machine does meets both alike.
 */
#include "backend/file.h"

#include "backend/persist.h"
#include "backend/vars.h"
#include "base/io.h"
#include "support/folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "file_bench: %s failed\n", what);
        exit(1);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static efi_status set(struct service *service, unsigned number, const uint8_t *data, size_t len)
{
    const uint8_t name[] = {'V',
                            0,
                            (uint8_t)('0' + number / 100),
                            0,
                            (uint8_t)('0' + number / 10 % 10),
                            0,
                            (uint8_t)('0' + number % 10),
                            0};
    const struct request request = {.command = WIRE_SET_VARIABLE,
                                    .name = span_of(name, sizeof(name)),
                                    .data = span_of(data, len),
                                    .attributes = EFI_VARIABLE_NV_BS_RT};

    return service_set_variable(service, &request);
}

/* A fresh service on a file store with that many variables of len bytes. */
static struct service *fill(const struct persistence *persistence, unsigned count, size_t len)
{
    static const struct service_config config = {.enforce = true};
    static const uint8_t zeros[4096];
    struct service *service = service_new(&config, persistence, NULL);

    must(service != NULL, "a service");
    service_begin(service);
    for (unsigned i = 0; i < count; i++) {
        must(set(service, i, zeros, len) == EFI_SUCCESS, "filling the store");
    }
    must(service_commit(service) == EFI_SUCCESS, "saving the store");
    return service;
}

static void bare_save(int dir, struct span bytes)
{
    int fd = openat(dir, "bare.new", O_WRONLY | O_CREAT | O_TRUNC, 0600);

    must(fd >= 0 && io_write_all(fd, bytes) && fsync(fd) == 0 && close(fd) == 0 &&
             renameat(dir, "bare.new", dir, "bare") == 0 && fsync(dir) == 0,
         "a bare save");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(values[0]), by_value);
    return values[ROUNDS / 2];
}

static void bench_durable(struct service *service, int dir, unsigned count, size_t len)
{
    static double set_times[ROUNDS], bare_times[ROUNDS];
    uint8_t data[4096] = {0};
    struct err err;
    size_t blob_len;
    uint8_t *blob = vars_encode_store(service_store(service), &blob_len, &err);

    for (int i = 0; i < ROUNDS; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        data[0]++;
        must(set(service, (unsigned)i % count, data, len) == EFI_SUCCESS, "a durable set");
        double middle = seconds(CLOCK_MONOTONIC);
        bare_save(dir, span_of(blob, blob_len));
        set_times[i] = middle - start;
        bare_times[i] = seconds(CLOCK_MONOTONIC) - middle;
    }
    double set_median = median(set_times), bare_median = median(bare_times);
    printf("durable set, %3u variables, %6zu bytes   %8.1f us   bare %8.1f us   ratio %.2f\n",
           count, blob_len, set_median * 1e6, bare_median * 1e6, set_median / bare_median);
    free(blob);
}

static void bench_unchanged(struct service *service, size_t len)
{
    const int rounds = 100000;
    uint8_t data[4096] = {1};

    must(set(service, 0, data, len) == EFI_SUCCESS, "a set");
    double start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < rounds; i++) {
        must(set(service, 0, data, len) == EFI_SUCCESS, "a set that changes nothing");
    }
    printf("set that changes nothing                   %8.3f us\n",
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - start) / rounds * 1e6);
}

int main(void)
{
    static const struct {
        unsigned count;
        size_t len;
    } stores[] = {{50, 500}, {200, 300}, {900, 4}};
    struct err err = {.text = ""};

    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        struct folder folder = folder_new_on_disk();
        struct backend *backend = file_backend_open(folder.path, geteuid(), getegid(), &err);
        must(backend != NULL, err.text);
        struct persistence persistence = persist_in(backend);
        struct service *service = fill(&persistence, stores[i].count, stores[i].len);
        int dir = open(folder.path, O_RDONLY | O_DIRECTORY);

        bench_durable(service, dir, stores[i].count, stores[i].len);
        if (i == 0) {
            bench_unchanged(service, stores[i].len);
        }
        close(dir);
        service_free(service);
        backend_close(backend);
        folder_remove(&folder);
    }
    return 0;
}
