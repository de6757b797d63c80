// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a save costs XAPI (requests and connections) and this process (its own processor time; the
 * server in Python that it talks to is slower than either).
 */
#include "backend/xapi.h"

#include "support/xapi_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SAVES 100

static void must(bool ok, const char *what, const struct err *err)
{
    if (!ok) {
        fprintf(stderr, "xapi_bench: %s: %s\n", what, err->text);
        exit(1);
    }
}

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void measure(struct backend *backend, size_t len)
{
    static uint8_t blob[128u << 10];
    struct err err;

    must(backend->ops->save(backend, span_of(blob, len), false, &err), "save", &err);
    struct xapi_server_counts before = xapi_server_count();
    double begun = cpu_us();
    for (unsigned i = 0; i < SAVES; i++) {
        blob[0] = (uint8_t)i;
        must(backend->ops->save(backend, span_of(blob, len), false, &err), "save", &err);
    }
    double us = (cpu_us() - begun) / SAVES;
    struct xapi_server_counts after = xapi_server_count();
    double requests = (double)(after.requests - before.requests) / SAVES;
    double connections = (double)(after.connections - before.connections) / SAVES;
    printf("save of %3zu KiB in XAPI   %8.1f us CPU   %4.2f requests (target 1)   %4.2f "
           "connections (target 0)%s\n",
           len >> 10, us, requests, connections,
           requests > 1 || connections > 0 ? "   MISSED" : "");
}

int main(void)
{
    struct folder folder = folder_new();
    const struct xapi_config config = {.socket = xapi_server_in(&folder),
                                       .uuid = "12345678-9abc-def0-1234-56789abcdef0",
                                       .abort_fd = -1,
                                       .save_burst = INT32_MAX};
    struct err err;
    struct backend *backend = xapi_backend_open(&config, &err);

    must(backend != NULL, "open", &err);
    measure(backend, 4u << 10);
    measure(backend, 32u << 10);
    measure(backend, 128u << 10);
    backend_close(backend);
    folder_remove(&folder);
    return 0;
}
