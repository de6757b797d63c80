// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a daemon costs on a Xen host, where there is one for each VM: CPU of a get beside a daemon
 * that does nothing on the same (pretended) libraries, private memory, and the time from exec to
 * readiness. As root the daemon is in its whole sandbox.
 */
#include "auth/auth.h"
#include "support/folder.h"
#include "support/memory.h"
#include "support/sample.h"
#include "support/signing.h"
#include "support/timing.h"
#include "support/xapi_server.h"
#include "support/xen_guest.h"
#include "wire/wire.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ROUNDS 41
#define REQUESTS 2000u
#define VARIABLES 50u
#define STARTS 21
#define CPU_TARGET 1.4
#define IDLE_TARGET_KIB 500u
#define SIGNED_TARGET_KIB 900u
#define READY_TARGET_MS 10.0
#define GFN 256u
#define DOMAIN "7"
#define NOBODY "65533"
#define VM "12345678-9abc-def0-1234-56789abcdef0"

/* A pretended host and what serves its guest. */
struct server {
    char folder[128];
    pid_t host, process;
    struct xen_guest *guest;
    double cpu[ROUNDS];
    double time[ROUNDS];
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "xen_bench: %s\n", what);
        exit(1);
    }
}

static const char *built(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", getenv("BUILD_DIR"), name);
    return path;
}

static pid_t start_host(const char *folder)
{
    int ready[2];
    char byte;
    pid_t host;

    must(pipe(ready) == 0, "pipe");
    host = fork();
    if (host == 0) {
        dup2(ready[1], STDOUT_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(built("tests/programs/xen_host"), "xen_host", folder, DOMAIN, "1", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    must(read(ready[0], &byte, 1) == 1, "the host doesn't start");
    close(ready[0]);
    return host;
}

static void open_server(struct server *server, const struct folder *folder, const char *name)
{
    snprintf(server->folder, sizeof(server->folder), "%s", folder_file(folder, name));
    server->host = start_host(server->folder);
    server->guest = xen_guest_open(server->folder);
}

static void run_on_host(struct server *server, const char *const argv[])
{
    char path[256];

    server->process = fork();
    if (server->process != 0) {
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("LD_LIBRARY_PATH", built("xenstub"), 1);
    setenv("XENSTUB_DIR", server->folder, 1);
    snprintf(path, sizeof(path), "%s/xenstored", server->folder);
    setenv("XENSTORED_PATH", path, 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void start_daemon(struct server *server, const struct folder *root, const char *backend)
{
    const char *argv[32] = {built("uefistored"), "--domain",  DOMAIN,
                            "--log-level",       "error",     "--keys",
                            "/nonexistent",      "--backend", backend};
    size_t count = 9;

    if (strcmp(backend, "xapidb") == 0) {
        argv[count++] = "--arg";
        argv[count++] = geteuid() == 0 ? "socket:/xapi" : folder_file(root, "xapi");
        argv[count++] = "--arg";
        argv[count++] = "uuid:" VM;
    }
    if (geteuid() == 0) {
        const char *const sandbox[] = {"--depriv", "--chroot", root->path, "--uid",
                                       NOBODY,     "--gid",    NOBODY};
        memcpy(argv + count, sandbox, sizeof(sandbox));
    }
    run_on_host(server, argv);
}

static void wait_ready(const struct server *server)
{
    char key[256];

    snprintf(key, sizeof(key), "%s/store/local/domain/" DOMAIN "/varstored-pid", server->folder);
    while (access(key, F_OK) != 0) {
        must(waitpid(server->process, NULL, WNOHANG) == 0, "the daemon doesn't start");
        usleep(50);
    }
    unlink(key);
}

static void stop(struct server *server)
{
    kill(server->process, SIGTERM);
    waitpid(server->process, NULL, 0);
}

/* ------------------------------------------------------------------------------------- requests */

static struct writer begin(const struct server *server, uint32_t command, const struct guid *guid,
                           struct span name)
{
    struct writer writer = writer_of(xen_guest_memory(server->guest, GFN), WIRE_BUFFER_SIZE);

    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, command);
    writer_u64le(&writer, name.len);
    writer_bytes(&writer, name);
    writer_guid(&writer, guid);
    return writer;
}

static efi_status ring(const struct server *server)
{
    efi_status status;

    must(xen_guest_out(server->guest, 0, PORT_REQUEST, GFN), "a request is not answered");
    memcpy(&status, xen_guest_memory(server->guest, GFN), sizeof(status));
    return status;
}

static void set(const struct server *server, const struct guid *guid, struct span name,
                uint32_t attributes, struct span data)
{
    struct writer writer = begin(server, WIRE_SET_VARIABLE, guid, name);

    writer_u64le(&writer, data.len);
    writer_bytes(&writer, data);
    writer_u32le(&writer, attributes);
    writer_u8(&writer, 0);
    must(ring(server) == EFI_SUCCESS, "a set fails");
}

static void fill(const struct server *server)
{
    static const uint8_t data[60] = {1};
    char16_t name[12];

    for (unsigned i = 0; i < VARIABLES; i++) {
        set(server, &EFI_GLOBAL_VARIABLE, sample_numbered_name(&name, i), EFI_VARIABLE_NV_BS_RT,
            span_of(data, sizeof(data)));
    }
}

static void run_round(struct server *server, unsigned round)
{
    clockid_t clock = timing_clock_of(server->process);
    uint64_t cpu = timing_now(clock), time = timing_now(CLOCK_MONOTONIC);
    char16_t name[12];

    for (unsigned i = 0; i < REQUESTS; i++) {
        struct writer writer = begin(server, WIRE_GET_VARIABLE, &EFI_GLOBAL_VARIABLE,
                                     sample_numbered_name(&name, i * 7919u % VARIABLES));
        writer_u64le(&writer, 1024);
        writer_u8(&writer, 0);
        must(ring(server) == EFI_SUCCESS, "a get fails");
    }
    server->time[round] = (double)(timing_now(CLOCK_MONOTONIC) - time) / REQUESTS;
    server->cpu[round] = (double)(timing_now(clock) - cpu) / REQUESTS;
}

static void measure_gets(const struct folder *folder)
{
    static struct server daemon, null;

    open_server(&daemon, folder, "daemon");
    open_server(&null, folder, "null");
    start_daemon(&daemon, folder, "memory");
    run_on_host(&null, (const char *[]){built("tests/programs/xen_null"), DOMAIN, NULL});
    wait_ready(&daemon);
    while (!xen_guest_control(null.guest)->servers[0].bound[0]) {
        usleep(1000);
    }
    fill(&daemon);
    for (unsigned round = 0; round < ROUNDS; round++) {
        run_round(&daemon, round);
        run_round(&null, round);
    }
    stop(&daemon);
    stop(&null);
    double cpu = timing_median(daemon.cpu, ROUNDS), null_cpu = timing_median(null.cpu, ROUNDS);
    printf("  %-30s %9.2f us\n", "time of a get", timing_median(daemon.time, ROUNDS) / 1e3);
    printf("  %-30s %9.2f us   (null daemon %.2f us)\n", "CPU of a get", cpu / 1e3, null_cpu / 1e3);
    timing_target("CPU of a get beside a null daemon", cpu / null_cpu, CPU_TARGET);
}

/* --------------------------------------------------------------------------- memory and readiness
 */

static void set_signed(const struct server *server, const struct guid *guid, struct span name,
                       const struct signing_key *signer, const struct signing_key *subject)
{
    static uint8_t esl[8192], data[16384];
    size_t esl_len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(subject));
    size_t len = signing_write(data, sizeof(data), signer, NULL,
                               &(struct signing_target){.guid = guid,
                                                        .name = name,
                                                        .attributes = AUTH_KEY_ATTRIBUTES,
                                                        .time = signing_time(1),
                                                        .payload = span_of(esl, esl_len)});

    set(server, guid, name, AUTH_KEY_ATTRIBUTES, span_of(data, len));
}

/* Keys as a guest enrolls them: three signatures verified. */
static void write_signed(const struct server *server)
{
    struct signing_key *pk = signing_key_new(&(struct signing_key_options){.name = "PK"});
    struct signing_key *kek = signing_key_new(&(struct signing_key_options){.name = "KEK"});

    set_signed(server, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), pk, pk);
    set_signed(server, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), pk, kek);
    set_signed(server, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), kek, kek);
    signing_key_free(pk);
    signing_key_free(kek);
}

static void measure_starts(const struct folder *folder)
{
    static struct server daemon;
    static double times[STARTS];
    struct memory idle = {0};
    const char *socket = xapi_server_in(folder);

    must(chmod(folder->path, 0755) == 0 && chmod(socket, 0666) == 0, "chmod");
    open_server(&daemon, folder, "starts");
    start_daemon(&daemon, folder, "xapidb");
    wait_ready(&daemon);
    fill(&daemon);
    stop(&daemon);
    for (unsigned i = 0; i < STARTS; i++) {
        uint64_t begun = timing_now(CLOCK_MONOTONIC);
        start_daemon(&daemon, folder, "xapidb");
        wait_ready(&daemon);
        times[i] = (double)(timing_now(CLOCK_MONOTONIC) - begun);
        usleep(10000);
        idle = memory_of(daemon.process);
        if (i < STARTS - 1) {
            stop(&daemon);
        }
    }
    write_signed(&daemon);
    usleep(10000);
    struct memory after = memory_of(daemon.process);
    stop(&daemon);
    double ms = timing_median(times, STARTS) / 1e6;
    printf("  %-36s %8.2f ms    target %.0f%s\n", "exec to readiness, XAPI included", ms,
           READY_TARGET_MS, ms > READY_TARGET_MS ? "   MISSED" : "");
    memory_print("private memory, idle after a load", &idle, IDLE_TARGET_KIB);
    memory_print("private memory, after signed writes", &after, SIGNED_TARGET_KIB);
}

int main(void)
{
    struct folder folder = folder_new();

    must(getenv("BUILD_DIR") != NULL, "BUILD_DIR is not set");
    must(chmod(folder.path, 0755) == 0, "chmod");
    sync(); /* pages of a binary that was only just linked would count as the daemon's */
    measure_gets(&folder);
    measure_starts(&folder);
    folder_remove(&folder);
    return 0;
}
