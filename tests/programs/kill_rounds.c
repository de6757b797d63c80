// SPDX-License-Identifier: BSD-2-Clause
/*
 * kill_rounds DAEMON FOLDER ROUNDS SEED
 *
 * Each round starts the daemon on the file store in FOLDER/vm, compares every variable with what
 * was acknowledged in all the rounds before, and then writes, until the daemon is killed with
 * SIGKILL at a random moment: in the stream of writes, in the comparison, or while it starts. After
 * each kill the file on disk itself has to decode with nothing left out. The one write that was
 * under way may be there or not; the next round finds out, and holds the daemon to it.
 *
 * The kill comes from a timer, so that the writer doesn't know when.
 */
#include "backend/file.h"
#include "backend/vars.h"
#include "base/cleanup.h"
#include "support/client.h"
#include "support/sample.h"

#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>

#define NAMES 24u /* the last one is db, so that snapshots are made on the way */
#define DB (NAMES - 1)
#define DATA_MAX 12000u

static const struct guid our_guid = {{'k', 'i', 'l', 'l'}};

/* What a variable was told to be: len bytes that follow from a stamp; len 0: it isn't there. */
struct content {
    uint32_t stamp;
    uint32_t len;
};

struct run {
    const char *daemon;
    char store[256], socket[256];
    struct sample random;
    struct content acknowledged[NAMES];
    struct content pending; /* of the write that was under way at the kill */
    unsigned pending_name;  /* NAMES: there was none */
    uint32_t stamp;
    unsigned writes, killed_starting, killed_writing, found_new, found_old;
};

static volatile sig_atomic_t daemon_pid; /* what the timer kills */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "kill_rounds: %s: %s\n", what, why);
    if (daemon_pid > 0) {
        kill(daemon_pid, SIGKILL);
    }
    exit(1);
}

static void on_timer(int signal)
{
    (void)signal;
    if (daemon_pid > 0) {
        kill(daemon_pid, SIGKILL);
    }
}

static void set_timer(uint32_t microseconds)
{
    const struct itimerval timer = {
        .it_value = {.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000}};

    setitimer(ITIMER_REAL, &timer, NULL);
}

static void kill_after(uint32_t microseconds)
{
    set_timer(microseconds + 1);
}

static void start_daemon(struct run *run)
{
    char transport[300], path[300];

    snprintf(transport, sizeof(transport), "unix:%s", run->socket);
    snprintf(path, sizeof(path), "path:%s", run->store);
    pid_t pid = fork();
    if (pid == 0) {
        execl(run->daemon, run->daemon, "--transport", transport, "--backend", "file", "--arg",
              path, "--keys", "/nonexistent", "--log-level", "error", NULL);
        _exit(127);
    }
    daemon_pid = pid;
}

/* Waits for its end, which has to be the kill. */
static void reap_daemon(void)
{
    int status = 0;
    pid_t pid = daemon_pid;

    while (waitpid(pid, &status, 0) < 0) {
        /* interrupted by the timer */
    }
    daemon_pid = 0;
    set_timer(0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail("the daemon", "ended before it was killed");
    }
}

/* A variable's key and attributes; name: room for it. */
static struct variable variable_of(uint8_t name[4], unsigned number)
{
    if (number == DB) {
        return (struct variable){
            .guid = EFI_IMAGE_SECURITY_DATABASE, .name = EFI_NAME("db"), .attributes = 0x27};
    }
    name[0] = 'v';
    name[2] = (uint8_t)('a' + number);
    name[1] = name[3] = 0;
    return (struct variable){.guid = our_guid, .name = span_of(name, 4), .attributes = 7};
}

/* The bytes of a variable; of db, signature lists. */
static void write_content(struct writer *writer, unsigned number, struct content content)
{
    struct sample sample = {.state = (uint64_t)content.stamp + 1};

    if (number == DB && content.len > 0) {
        sample_hashes(&sample, writer, 1 + content.len / 100);
    } else {
        sample_bytes(&sample, writer->data + writer->len, content.len);
        writer->len += content.len;
    }
}

/* ------------------------------------------------------------------------------------- comparison
 */

static bool same_content(unsigned number, struct content content, struct span found)
{
    static uint8_t expected[DATA_MAX];
    struct writer writer = writer_of(expected, sizeof(expected));

    write_content(&writer, number, content);
    return span_equal(writer_span(&writer), found);
}

/* A variable after the kill: as acknowledged, or as the write under way would have made it. */
static void compare_one(struct run *run, unsigned number, struct span found)
{
    if (same_content(number, run->acknowledged[number], found)) {
        run->found_old += number == run->pending_name;
        return;
    }
    if (number == run->pending_name && same_content(number, run->pending, found)) {
        run->acknowledged[number] = run->pending;
        run->found_new++;
        return;
    }
    fail("a variable", found.len == 0 ? "an acknowledged write is lost"
                                      : "it is neither as acknowledged nor as under way");
}

/* False: the daemon is gone. */
static bool compare_all(struct run *run, struct client *client)
{
    static uint8_t data[DATA_MAX];
    uint8_t name[4];

    for (unsigned i = 0; i < NAMES; i++) {
        struct variable variable = variable_of(name, i);
        size_t len = sizeof(data);
        efi_status status = client_get(client, &variable.guid, variable.name, data, &len, NULL);

        if (status == CLIENT_LOST) {
            return false;
        }
        compare_one(run, i, span_of(data, status == EFI_SUCCESS ? len : 0));
    }
    run->pending_name = NAMES; /* known now */
    return true;
}

static bool take_variable(void *self, const struct variable *variable)
{
    (void)self;
    (void)variable;
    return true;
}

static void take_device(void *self, const struct device_state *state)
{
    (void)self;
    (void)state;
}

static void take_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    (void)self;
    (void)guid;
    (void)name;
    fail("the state on disk", reason);
}

/* The file that a kill left, as it is. */
static void check_disk(const struct run *run)
{
    const struct vars_sink sink = {
        .variable = take_variable, .device = take_device, .rejected = take_rejected};
    struct err err;
    auto_free uint8_t *blob = NULL;
    size_t len = 0;
    struct backend *backend = file_backend_open_read(run->store, &err);

    if (backend == NULL) {
        return; /* killed before it made its folder */
    }
    enum backend_load result = backend->ops->load(backend, &blob, &len, &err);
    if (result == BACKEND_FAILED ||
        (result == BACKEND_LOADED && !vars_decode(span_of(blob, len), &sink, &err))) {
        fail("the state on disk", err.text);
    }
    if (result == BACKEND_FIRST_BOOT && run->writes > 0) {
        fail("the state on disk", "it is gone");
    }
    backend_close(backend);
}

/* ------------------------------------------------------------------------------------------ writes
 */

static struct content next_content(struct run *run)
{
    uint32_t kind = sample_below(&run->random, 8);
    struct content content = {.stamp = ++run->stamp};

    if (kind > 0) { /* otherwise a deletion */
        content.len = 1 + sample_below(&run->random, kind == 1 ? DATA_MAX : 200);
    }
    return content;
}

static efi_status write_one(struct run *run, struct client *client, unsigned number,
                            struct content content)
{
    static uint8_t data[DATA_MAX + 100];
    uint8_t name[4];
    struct variable variable = variable_of(name, number);
    struct writer writer = writer_of(data, sizeof(data));

    if (number == DB) { /* in setup mode any signature will do */
        sample_descriptor(&run->random, &writer);
    }
    write_content(&writer, number, content);
    return client_set(client, &variable.guid, variable.name, variable.attributes,
                      writer_span(&writer));
}

/* Until the daemon is gone. */
static void write_on(struct run *run, struct client *client)
{
    for (;;) {
        unsigned number = sample_below(&run->random, NAMES);
        struct content content = next_content(run);
        efi_status status = write_one(run, client, number, content);
        bool was_there = run->acknowledged[number].len > 0;

        if (status == CLIENT_LOST) {
            run->pending = content;
            run->pending_name = number;
            return;
        }
        if (status != (content.len > 0 || was_there ? EFI_SUCCESS : EFI_NOT_FOUND)) {
            fail("a write", efi_status_text(status));
        }
        run->acknowledged[number] = content;
        run->writes++;
    }
}

/* ------------------------------------------------------------------------------------------ rounds
 */

/* Compares and writes until the daemon is gone; false when it was gone before the first write. */
static bool use_daemon(struct run *run, uint32_t microseconds)
{
    struct err err;
    struct client *client = client_open(run->socket, 20000, &err);

    if (client == NULL) {
        fail("connecting", err.text);
    }
    bool compared = compare_all(run, client);
    if (compared) {
        kill_after(microseconds);
        write_on(run, client);
    }
    client_close(client);
    return compared;
}

static void run_round(struct run *run)
{
    bool early = sample_below(&run->random, 10) == 0;

    start_daemon(run);
    if (early) {
        kill_after(sample_below(&run->random, 30000));
        run->killed_starting++;
    } else if (use_daemon(run, sample_below(&run->random, 20000))) {
        run->killed_writing++;
    } else {
        fail("the daemon", "it ended by itself");
    }
    reap_daemon();
    check_disk(run);
}

int main(int argc, char *argv[])
{
    struct run run = {.pending_name = NAMES};

    if (argc != 5) {
        fprintf(stderr, "usage: kill_rounds DAEMON FOLDER ROUNDS SEED\n");
        return 2;
    }
    run.daemon = argv[1];
    snprintf(run.store, sizeof(run.store), "%s/vm", argv[2]);
    snprintf(run.socket, sizeof(run.socket), "%s/socket", argv[2]);
    run.random.state = strtoull(argv[4], NULL, 10) | 1;
    signal(SIGALRM, on_timer);
    for (unsigned long n = strtoul(argv[3], NULL, 10); n > 0; n--) {
        run_round(&run);
    }
    printf(
        "%u killed while starting, %u while writing; %u writes acknowledged and found; the write "
        "under way was there %u times, not there %u times\n",
        run.killed_starting, run.killed_writing, run.writes, run.found_new, run.found_old);
    return 0;
}
