// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a daemon with the file backend costs the host beside CPU: the private memory of its two
 * processes with a VM's variables loaded, idle and after signed writes, and the time from exec to
 * readiness. No sandbox, which would need root.
 */
#include "base/cleanup.h"
#include "support/folder.h"
#include "support/memory.h"
#include "support/timing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STARTS 21
#define SIGNED_WRITES 50
#define TARGET_IDLE 500u   /* KiB */
#define TARGET_SIGNED 900u /* KiB */
#define TARGET_READY 10e6  /* ns */

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "memory_bench: %s failed\n", what);
        exit(1);
    }
}

struct bench {
    const char *build;
    struct folder folder;
    char transport[128], store[128];
    pid_t daemon;
    pid_t guest;
    FILE *guest_lines; /* commands and answers */
};

/* A program with fd as its `as`; in the child's copy of everything else. */
static pid_t run(const char *build, const char *name, int fd, int as, const char *const *arguments)
{
    const char *argv[16] = {name};
    char path[300];
    pid_t pid = fork();

    must(pid >= 0, "fork");
    if (pid > 0) {
        return pid;
    }
    snprintf(path, sizeof(path), "%s/%s", build, name);
    for (size_t i = 0; i < 14 && arguments[i] != NULL; i++) {
        argv[i + 1] = arguments[i];
    }
    dup2(fd, as);
    execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Gives how long it took until the daemon said that it is ready, ns. */
static double start(struct bench *bench)
{
    const char *const arguments[] = {"--transport", bench->transport, "--backend",
                                     "file",        "--arg",          bench->store,
                                     "--keys",      "/nonexistent",   NULL};
    char line[512] = "";
    int ends[2];

    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    uint64_t begun = timing_now(CLOCK_MONOTONIC);
    bench->daemon = run(bench->build, "uefistored", ends[1], STDERR_FILENO, arguments);
    close(ends[1]);
    FILE *log = fdopen(ends[0], "r");
    while (strstr(line, ": ready\n") == NULL) {
        must(fgets(line, sizeof(line), log) != NULL, "starting the daemon");
    }
    uint64_t took = timing_now(CLOCK_MONOTONIC) - begun;
    fclose(log); /* SIGPIPE is ignored there */
    return (double)took;
}

static void stop(pid_t process, int signal)
{
    int status;

    kill(process, signal);
    must(waitpid(process, &status, 0) == process && (WIFEXITED(status) && WEXITSTATUS(status) == 0),
         "ending a process");
}

static void ask(struct bench *bench, const char *command, const char *expected)
{
    char answer[128];

    fprintf(bench->guest_lines, "%s\n", command);
    fflush(bench->guest_lines);
    must(fgets(answer, sizeof(answer), bench->guest_lines) != NULL &&
             strncmp(answer, expected, strlen(expected)) == 0,
         command);
}

static void start_guest(struct bench *bench)
{
    const char *const arguments[] = {bench->transport + strlen("unix:"), NULL};
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    int out = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    bench->guest =
        run(bench->build, "tests/programs/signed_guest", ends[1], STDIN_FILENO, arguments);
    dup2(out, STDOUT_FILENO);
    close(out);
    close(ends[1]);
    bench->guest_lines = fdopen(ends[0], "r+");
    must(bench->guest_lines != NULL, "fdopen");
}

static void stop_guest(struct bench *bench)
{
    fclose(bench->guest_lines);
    stop(bench->guest, 0);
}

static void report(const struct bench *bench, const char *name, unsigned target)
{
    struct memory memory = memory_of(bench->daemon);

    memory_print(name, &memory, target);
}

/* A VM that has booted, with keys and 40 variables. */
static void first_boot(struct bench *bench)
{
    start(bench);
    start_guest(bench);
    ask(bench, "enroll", "Success");
    ask(bench, "fill 36 300", "Success");
    stop_guest(bench);
    stop(bench->daemon, SIGTERM);
}

static void measure_starts(struct bench *bench)
{
    double times[STARTS];

    for (size_t i = 0; i < STARTS; i++) {
        times[i] = start(bench);
        stop(bench->daemon, SIGTERM);
    }
    double median = timing_median(times, STARTS);
    printf("  %-36s %8.2f ms    target %.0f%s\n", "exec to readiness", median / 1e6,
           TARGET_READY / 1e6, median > TARGET_READY ? "   MISSED" : "");
}

static void measure_memory(struct bench *bench)
{
    start(bench);
    report(bench, "idle, 40 variables loaded", TARGET_IDLE);
    start_guest(bench);
    ask(bench, "private", "Success");
    report(bench, "after one signed write", TARGET_SIGNED);
    for (int i = 0; i < SIGNED_WRITES; i++) {
        ask(bench, "forge", "Security Violation");
        ask(bench, "plain", "Success");
    }
    report(bench, "after many", TARGET_SIGNED);
    stop_guest(bench);
    stop(bench->daemon, SIGTERM);
}

int main(void)
{
    struct bench bench = {.build = getenv("BUILD_DIR"), .folder = folder_new()};

    must(bench.build != NULL, "BUILD_DIR");
    snprintf(bench.transport, sizeof(bench.transport), "unix:%s",
             folder_file(&bench.folder, "socket"));
    snprintf(bench.store, sizeof(bench.store), "path:%s", folder_file(&bench.folder, "store"));
    sync(); /* or the pages of files just written count as dirty */
    first_boot(&bench);
    measure_starts(&bench);
    measure_memory(&bench);
    folder_remove(&bench.folder);
    return 0;
}
