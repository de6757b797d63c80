// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a get takes over the local transport: time for the guest, and the daemon's CPU beside an
 * echo server's, which is the same transport with nothing behind it. The two take turns.
 */
#include "base/cleanup.h"
#include "support/client.h"
#include "support/sample.h"
#include "support/timing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define ROUNDS 41
#define REQUESTS 1500u
#define VARIABLES 50u
#define TARGET 1.3

struct server {
    pid_t process;
    clockid_t clock;
    struct client *client;
    double cpu[ROUNDS];  /* ns a request */
    double time[ROUNDS]; /* the same, for the guest */
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "local_bench: %s failed\n", what);
        exit(1);
    }
}

static void start(struct server *server, const char *socket, const char *const argv[])
{
    struct err err = {0};

    server->process = fork();
    must(server->process >= 0, "fork");
    if (server->process == 0) {
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    server->clock = timing_clock_of(server->process);
    server->client = client_open(socket, 10000, &err);
    must(server->client != NULL, err.text);
}

static void stop(struct server *server)
{
    client_close(server->client);
    kill(server->process, SIGTERM);
    waitpid(server->process, NULL, 0);
}

static void fill(struct client *client)
{
    char16_t name[12];
    static const uint8_t data[60];

    for (unsigned i = 0; i < VARIABLES; i++) {
        must(client_set(client, &EFI_GLOBAL_VARIABLE, sample_numbered_name(&name, i),
                        EFI_VARIABLE_NV_BS_RT, span_of(data, sizeof(data))) == EFI_SUCCESS,
             "a set");
    }
}

/* The echo's reply is the request, which as a reply to a get makes no sense: only the port access
 * counts. */
static void run_round(struct server *server, unsigned round)
{
    char16_t name[12];
    uint8_t data[64];
    uint64_t cpu = timing_now(server->clock);
    uint64_t time = timing_now(CLOCK_MONOTONIC);

    for (unsigned i = 0; i < REQUESTS; i++) {
        size_t len = sizeof(data);
        client_get(server->client, &EFI_GLOBAL_VARIABLE,
                   sample_numbered_name(&name, i * 7919u % VARIABLES), data, &len, NULL);
    }
    must(!client_lost(server->client), "a request");
    server->time[round] = (double)(timing_now(CLOCK_MONOTONIC) - time) / REQUESTS;
    server->cpu[round] = (double)(timing_now(server->clock) - cpu) / REQUESTS;
}

static void report(struct server *daemon, struct server *echo)
{
    double daemon_cpu = timing_median(daemon->cpu, ROUNDS);
    double echo_cpu = timing_median(echo->cpu, ROUNDS);
    double daemon_time = timing_median(daemon->time, ROUNDS);
    double echo_time = timing_median(echo->time, ROUNDS);

    printf("  %-30s %12s %12s\n", "", "uefistored", "echo");
    printf("  %-30s %12.0f %12.0f\n", "requests a second", 1e9 / daemon_time, 1e9 / echo_time);
    printf("  %-30s %9.2f us %9.2f us\n", "time of a request", daemon_time / 1e3, echo_time / 1e3);
    printf("  %-30s %9.2f us %9.2f us\n", "CPU of a request", daemon_cpu / 1e3, echo_cpu / 1e3);
    timing_target("CPU of a get beside an echo", daemon_cpu / echo_cpu, TARGET);
}

int main(void)
{
    static struct server daemon;
    static struct server echo;
    const char *build = getenv("BUILD_DIR");
    char folder[] = "/tmp/local_bench.XXXXXX";
    char paths[2][300], sockets[2][64], transport[80];

    must(build != NULL && mkdtemp(folder) != NULL, "BUILD_DIR, or a folder");
    snprintf(paths[0], sizeof(paths[0]), "%s/uefistored", build);
    snprintf(paths[1], sizeof(paths[1]), "%s/tests/programs/echo_server", build);
    snprintf(sockets[0], sizeof(sockets[0]), "%s/daemon", folder);
    snprintf(sockets[1], sizeof(sockets[1]), "%s/echo", folder);
    snprintf(transport, sizeof(transport), "unix:%s", sockets[0]);
    start(&daemon, sockets[0],
          (const char *[]){paths[0], "--transport", transport, "--backend", "memory", "--log-level",
                           "error", "--keys", folder, NULL});
    start(&echo, sockets[1], (const char *[]){paths[1], sockets[1], NULL});
    fill(daemon.client);
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_round(&daemon, round);
        run_round(&echo, round);
    }
    stop(&daemon);
    stop(&echo);
    report(&daemon, &echo);
    unlink(sockets[1]);
    rmdir(folder);
    return 0;
}
