// SPDX-License-Identifier: BSD-2-Clause
/*
 * The verifier that asks another process: the same answers as the real one gives, and a refusal
 * whatever the other process does wrong.
 */
#include "crypto/remote_verifier.h"

#include "crypto/openssl_verifier.h"
#include "crypto/verifier_message.h"
#include "crypto/verifier_server.h"
#include "support/alloc_fault.h"
#include "support/signing.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 10000u
#define SHORT_TIMEOUT_MS 200u
#define SERVER_SECONDS 10u

static const uint8_t content[] = "what is signed, in three parts";
static const struct span parts[] = {
    {.data = content, .len = 5}, {.len = 0}, {.data = content + 5, .len = sizeof(content) - 5}};

static struct {
    struct signing_key *root, *leaf, *stranger;
    uint8_t pkcs7[8192]; /* by leaf */
    struct signed_message message;
} fixture;

static int setup(void **state)
{
    (void)state;
    fixture.root = signing_key_new(&(struct signing_key_options){.name = "root"});
    fixture.leaf = signing_key_new(
        &(struct signing_key_options){.name = "leaf", .issuer = fixture.root, .serial = 2});
    fixture.stranger = signing_key_new(&(struct signing_key_options){.name = "stranger"});
    size_t len = signing_pkcs7(fixture.pkcs7, sizeof(fixture.pkcs7), fixture.leaf, NULL,
                               span_of(content, sizeof(content)));
    fixture.message = (struct signed_message){
        .pkcs7 = span_of(fixture.pkcs7, len), .parts = parts, .part_count = 3};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    signing_key_free(fixture.root);
    signing_key_free(fixture.leaf);
    signing_key_free(fixture.stranger);
    return 0;
}

/* --------------------------------------------------------------------- with a process that works
 */

struct pair {
    struct verifier *verifier;
    pid_t server;
};

static void make_sockets(int sockets[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
}

static struct verifier *remote(int fd, unsigned timeout_ms)
{
    const struct remote_verifier_config config = {
        .fd = fd, .timeout_ms = timeout_ms, .hurry_fd = -1};
    struct err err;
    struct verifier *verifier = remote_verifier_new(&config, &err);

    assert_non_null(verifier);
    return verifier;
}

static struct pair pair_open(void)
{
    int sockets[2];

    make_sockets(sockets);
    struct pair pair = {.server = fork()};
    assert_true(pair.server >= 0);
    if (pair.server == 0) {
        close(sockets[0]);
        struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
        bool ok = verifier_serve(sockets[1], verifier, SERVER_SECONDS);
        verifier_free(verifier);
        _exit(ok ? 0 : 1);
    }
    close(sockets[1]);
    pair.verifier = remote(sockets[0], TIMEOUT_MS);
    return pair;
}

static int wait_for(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* The server ends with the connection, content. */
static void pair_close(struct pair *pair)
{
    verifier_free(pair->verifier);
    assert_int_equal(wait_for(pair->server), 0);
}

static bool trusts(struct verifier *verifier, const struct signing_key *key)
{
    struct span trusted[] = {signing_certificate(fixture.stranger), signing_certificate(key)};

    return verifier->ops->verify_trusted(verifier, &fixture.message, trusted, 2);
}

static void the_same_answers(void **state)
{
    (void)state;
    struct pair pair = pair_open();
    struct verifier *local = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    uint8_t owner[SHA256_SIZE], expected[SHA256_SIZE];

    for (unsigned i = 0; i < 3; i++) {
        assert_true(trusts(pair.verifier, fixture.leaf));
        assert_true(trusts(pair.verifier, fixture.root));
        assert_false(trusts(pair.verifier, fixture.stranger));
        assert_false(pair.verifier->ops->verify_trusted(pair.verifier, &fixture.message, NULL, 0));
        assert_true(pair.verifier->ops->verify_owner(pair.verifier, &fixture.message, owner));
        assert_true(local->ops->verify_owner(local, &fixture.message, expected));
        assert_memory_equal(owner, expected, SHA256_SIZE);
        assert_true(pair.verifier->ops->check_certificate(pair.verifier,
                                                          signing_certificate(fixture.leaf)));
        assert_false(pair.verifier->ops->check_certificate(pair.verifier, span_of(content, 5)));
    }
    verifier_free(local);
    pair_close(&pair);
}

static void a_changed_message_is_refused(void **state)
{
    (void)state;
    struct pair pair = pair_open();
    const struct span less[] = {parts[0]};
    struct signed_message message = fixture.message;
    struct span trusted = signing_certificate(fixture.leaf);
    uint8_t owner[SHA256_SIZE];

    message.parts = less;
    message.part_count = 1;
    assert_false(pair.verifier->ops->verify_trusted(pair.verifier, &message, &trusted, 1));
    assert_false(pair.verifier->ops->verify_owner(pair.verifier, &message, owner));
    message = fixture.message;
    message.pkcs7.len--;
    assert_false(pair.verifier->ops->verify_trusted(pair.verifier, &message, &trusted, 1));
    assert_true(trusts(pair.verifier, fixture.leaf));
    pair_close(&pair);
}

/* As much as there can be in PK and KEK, and a write of the greatest length. */
static void a_large_request(void **state)
{
    (void)state;
    static uint8_t filler[2 * 57344];
    struct pair pair = pair_open();
    struct span trusted[VERIFIER_CERTIFICATES_MAX];
    struct span large[] = {parts[0], span_of(filler, 61440), parts[2]};
    struct signed_message message = fixture.message;

    for (size_t i = 0; i < VERIFIER_CERTIFICATES_MAX; i++) {
        trusted[i] = span_of(filler, sizeof(filler) / VERIFIER_CERTIFICATES_MAX);
    }
    message.parts = large;
    assert_false(pair.verifier->ops->verify_trusted(pair.verifier, &message, trusted,
                                                    VERIFIER_CERTIFICATES_MAX));
    trusted[VERIFIER_CERTIFICATES_MAX - 1] = signing_certificate(fixture.leaf);
    assert_true(pair.verifier->ops->verify_trusted(pair.verifier, &fixture.message, trusted,
                                                   VERIFIER_CERTIFICATES_MAX));
    pair_close(&pair);
}

/* ...is refused alone: what comes next is checked. */
static void too_large_a_request(void **state)
{
    (void)state;
    static uint8_t filler[VERIFIER_REQUEST_MAX];
    static struct span trusted[VERIFIER_CERTIFICATES_MAX + 1];
    struct pair pair = pair_open();
    struct span many[32] = {{0}};
    struct span large = span_of(filler, sizeof(filler));
    struct signed_message message = fixture.message;
    uint8_t owner[SHA256_SIZE];

    trusted[0] = signing_certificate(fixture.leaf);
    assert_false(pair.verifier->ops->verify_trusted(pair.verifier, &message, trusted,
                                                    VERIFIER_CERTIFICATES_MAX + 1));
    message.parts = many;
    message.part_count = 32;
    assert_false(pair.verifier->ops->verify_owner(pair.verifier, &message, owner));
    message.parts = &large;
    message.part_count = 1;
    assert_false(pair.verifier->ops->verify_owner(pair.verifier, &message, owner));
    assert_false(pair.verifier->ops->check_certificate(pair.verifier, large));
    assert_true(trusts(pair.verifier, fixture.leaf));
    pair_close(&pair);
}

/* ------------------------------------------------------------------------- with one that doesn't
 */

/* Stderr, caught in memory. */
struct capture {
    int memory, saved;
};

static struct capture capture_begin(void)
{
    struct capture capture = {.memory = memfd_create("stderr", 0), .saved = dup(STDERR_FILENO)};

    assert_true(capture.memory >= 0 && capture.saved >= 0);
    dup2(capture.memory, STDERR_FILENO);
    return capture;
}

static void capture_end(struct capture *capture, char *text, size_t size)
{
    dup2(capture->saved, STDERR_FILENO);
    close(capture->saved);
    ssize_t got = pread(capture->memory, text, size - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    close(capture->memory);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What a verifier that is given up does: refuses all, at once, and has said why in one line. */
static void assert_gives_up(struct verifier *verifier, const char *reason)
{
    char log[1024];
    uint8_t owner[SHA256_SIZE];
    struct capture capture = capture_begin();

    bool first = trusts(verifier, fixture.leaf);
    uint64_t begun = now_ms();
    bool second = trusts(verifier, fixture.leaf);
    bool owned = verifier->ops->verify_owner(verifier, &fixture.message, owner);
    bool checked = verifier->ops->check_certificate(verifier, signing_certificate(fixture.leaf));
    uint64_t took = now_ms() - begun;

    capture_end(&capture, log, sizeof(log));
    assert_false(first || second || owned || checked);
    assert_true(took < SHORT_TIMEOUT_MS);
    assert_non_null(strstr(log, reason));
    assert_ptr_equal(strchr(log, '\n'), strrchr(log, '\n'));
}

static size_t good_answer(uint8_t bytes[VERIFIER_ANSWER_SIZE], uint32_t sequence)
{
    struct writer writer = writer_of(bytes, VERIFIER_ANSWER_SIZE);

    verifier_write_answer(&writer, &(struct verifier_answer){.sequence = sequence, .yes = true});
    return writer.len;
}

/* A verifier whose peer has answered already; hang up: and is gone. */
static struct verifier *answered(int *peer, const void *bytes, size_t len, bool hang_up)
{
    int sockets[2];

    make_sockets(sockets);
    assert_int_equal(send(sockets[1], bytes, len, 0), (ssize_t)len);
    if (hang_up) {
        shutdown(sockets[1], SHUT_WR);
    }
    *peer = sockets[1];
    return remote(sockets[0], SHORT_TIMEOUT_MS);
}

/* The test of the tests below: with the right answer they would fail. */
static void a_good_answer_is_taken(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    int peer;

    struct verifier *verifier = answered(&peer, bytes, good_answer(bytes, 1), true);
    assert_true(trusts(verifier, fixture.leaf));
    verifier_free(verifier);
    close(peer);
}

static void a_truncated_answer(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    int peer;

    for (size_t len = good_answer(bytes, 1) - 1; len > 0; len--) {
        struct verifier *verifier = answered(&peer, bytes, len, true);

        assert_gives_up(verifier, "nonsense");
        verifier_free(verifier);
        close(peer);
    }
}

static void a_garbage_answer(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    int peer;

    for (size_t at = 0; at < 8; at++) { /* sequence, and yes or no */
        good_answer(bytes, 1);
        bytes[at] ^= 0x82;
        struct verifier *verifier = answered(&peer, bytes, sizeof(bytes), false);

        assert_gives_up(verifier, "nonsense");
        verifier_free(verifier);
        close(peer);
    }
}

/* Bytes that nobody asked for are nonsense when the next answer is read. */
static void an_oversized_answer(void **state)
{
    (void)state;
    uint8_t bytes[3 * VERIFIER_ANSWER_SIZE];
    int peer;

    good_answer(bytes, 1);
    good_answer(bytes + VERIFIER_ANSWER_SIZE, 1);
    good_answer(bytes + 2 * VERIFIER_ANSWER_SIZE, 2);
    struct verifier *verifier = answered(&peer, bytes, sizeof(bytes), false);
    assert_true(trusts(verifier, fixture.leaf));
    assert_gives_up(verifier, "nonsense");
    verifier_free(verifier);
    close(peer);
}

static void a_peer_that_is_gone(void **state)
{
    (void)state;
    int sockets[2];

    make_sockets(sockets);
    struct verifier *verifier = remote(sockets[0], SHORT_TIMEOUT_MS);
    close(sockets[1]);
    assert_gives_up(verifier, "ended");
    verifier_free(verifier);
}

static void a_peer_that_is_killed(void **state)
{
    (void)state;
    struct pair pair = pair_open();

    assert_true(trusts(pair.verifier, fixture.leaf));
    kill(pair.server, SIGKILL);
    assert_int_equal(WTERMSIG(wait_for(pair.server)), SIGKILL);
    assert_gives_up(pair.verifier, "ended");
    verifier_free(pair.verifier);
}

/* Dies with the request in its hands. */
static void a_peer_that_dies_at_work(void **state)
{
    (void)state;
    int sockets[2];

    make_sockets(sockets);
    pid_t peer = fork();
    if (peer == 0) {
        char byte;

        _exit(recv(sockets[1], &byte, 1, 0) == 1 ? 0 : 1);
    }
    close(sockets[1]);
    struct verifier *verifier = remote(sockets[0], TIMEOUT_MS);
    assert_gives_up(verifier, "ended");
    verifier_free(verifier);
    assert_int_equal(wait_for(peer), 0);
}

/* A verifier whose owner is in a hurry already. */
struct hurry {
    struct verifier *verifier;
    int peer, told[2];
};

static struct hurry hurry_open(unsigned hurry_ms)
{
    struct hurry hurry;
    struct err err;
    int sockets[2];

    make_sockets(sockets);
    assert_int_equal(pipe(hurry.told), 0);
    assert_int_equal(write(hurry.told[1], "", 1), 1);
    const struct remote_verifier_config config = {.fd = sockets[0],
                                                  .timeout_ms = TIMEOUT_MS,
                                                  .hurry_fd = hurry.told[0],
                                                  .hurry_ms = hurry_ms};
    hurry.verifier = remote_verifier_new(&config, &err);
    hurry.peer = sockets[1];
    assert_non_null(hurry.verifier);
    return hurry;
}

static void hurry_close(struct hurry *hurry)
{
    verifier_free(hurry->verifier);
    close(hurry->peer);
    close(hurry->told[0]);
    close(hurry->told[1]);
}

static void a_silent_peer(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    int peer;

    good_answer(bytes, 1);
    struct verifier *verifier = answered(&peer, bytes, 0, false);
    uint64_t begun = now_ms();
    assert_gives_up(verifier, "doesn't answer");
    assert_in_range(now_ms() - begun, SHORT_TIMEOUT_MS * 9 / 10, SHORT_TIMEOUT_MS * 10);
    verifier_free(verifier);
    close(peer);
}

/* When the daemon has to end, there is less time... */
static void a_silent_peer_in_a_hurry(void **state)
{
    (void)state;
    struct hurry hurry = hurry_open(SHORT_TIMEOUT_MS);

    uint64_t begun = now_ms();
    assert_gives_up(hurry.verifier, "doesn't answer");
    assert_in_range(now_ms() - begun, SHORT_TIMEOUT_MS * 9 / 10, TIMEOUT_MS / 2);
    hurry_close(&hurry);
}

/* ...but an answer that comes in it is taken. */
static void an_answer_in_a_hurry(void **state)
{
    (void)state;
    struct hurry hurry = hurry_open(TIMEOUT_MS);
    uint8_t bytes[VERIFIER_ANSWER_SIZE];

    good_answer(bytes, 1);
    pid_t peer = fork();
    if (peer == 0) {
        usleep(SHORT_TIMEOUT_MS * 1000 / 2);
        _exit(send(hurry.peer, bytes, sizeof(bytes), 0) == sizeof(bytes) ? 0 : 1);
    }
    assert_true(trusts(hurry.verifier, fixture.leaf));
    assert_int_equal(wait_for(peer), 0);
    hurry_close(&hurry);
}

/* One that trickles its answer can't hold a VM up for longer. */
static void a_trickling_peer(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    int sockets[2];

    good_answer(bytes, 1);
    make_sockets(sockets);
    pid_t peer = fork();
    if (peer == 0) {
        close(sockets[0]);
        for (size_t i = 0; i < sizeof(bytes); i++) {
            usleep(SHORT_TIMEOUT_MS * 1000 / 4);
            if (send(sockets[1], bytes + i, 1, MSG_NOSIGNAL) != 1) {
                _exit(0);
            }
        }
        _exit(1);
    }
    close(sockets[1]);
    struct verifier *verifier = remote(sockets[0], SHORT_TIMEOUT_MS);
    uint64_t begun = now_ms();
    assert_gives_up(verifier, "nonsense");
    assert_true(now_ms() - begun < SHORT_TIMEOUT_MS * 5);
    verifier_free(verifier);
    assert_int_equal(wait_for(peer), 0);
}

/* One that answers without reading: when the buffer is full, sending doesn't wait. */
static void a_peer_that_reads_nothing(void **state)
{
    (void)state;
    static uint8_t filler[VERIFIER_REQUEST_MAX / 2];
    uint8_t bytes[VERIFIER_ANSWER_SIZE];
    struct span large = span_of(filler, sizeof(filler));
    uint8_t owner[SHA256_SIZE];
    char log[512];
    unsigned asked = 0;
    int sockets[2];

    make_sockets(sockets);
    struct verifier *verifier = remote(sockets[0], TIMEOUT_MS);
    struct capture capture = capture_begin();
    uint64_t begun = now_ms();
    const struct signed_message message = {.parts = &large, .part_count = 1};
    do {
        good_answer(bytes, ++asked);
        assert_int_equal(send(sockets[1], bytes, sizeof(bytes), 0), sizeof(bytes));
    } while (verifier->ops->verify_owner(verifier, &message, owner) && asked < 1000);
    capture_end(&capture, log, sizeof(log));
    assert_true(asked > 1 && asked < 1000);
    assert_true(now_ms() - begun < TIMEOUT_MS);
    assert_non_null(strstr(log, "doesn't take the request"));
    verifier_free(verifier);
    close(sockets[1]);
}

/* -------------------------------------------------------------------------------- the other side
 */

/* What becomes of a server that is told these bytes, and nothing more. */
static bool serves(const void *bytes, size_t len)
{
    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    int sockets[2];

    make_sockets(sockets);
    assert_int_equal(send(sockets[0], bytes, len, 0), (ssize_t)len);
    shutdown(sockets[0], SHUT_WR);
    bool ok = verifier_serve(sockets[1], verifier, SERVER_SECONDS);
    close(sockets[0]);
    close(sockets[1]);
    verifier_free(verifier);
    return ok;
}

static void a_server_that_is_told_nonsense(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    const struct verifier_request request = {
        .sequence = 1, .operation = VERIFIER_CERTIFICATE, .certificate_count = 1};

    assert_true(verifier_write_head(&writer, &request));
    assert_true(serves(bytes, writer.len));
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(serves(bytes, len), len == 0);
    }
    bytes[8] = 9; /* an operation that isn't */
    assert_false(serves(bytes, writer.len));
    bytes[8] = VERIFIER_CERTIFICATE;
    bytes[3] = 0x7f; /* a length */
    assert_false(serves(bytes, writer.len));
}

static bool is_slow(struct verifier *verifier, struct span certificate)
{
    (void)verifier;
    (void)certificate;
    pause();
    return true;
}

static void a_server_that_takes_too_long(void **state)
{
    (void)state;
    static const struct verifier_ops slow_ops = {.check_certificate = is_slow};
    struct verifier slow = {.ops = &slow_ops};
    int sockets[2];

    make_sockets(sockets);
    pid_t server = fork();
    if (server == 0) {
        close(sockets[0]);
        _exit(verifier_serve(sockets[1], &slow, 1) ? 0 : 1);
    }
    close(sockets[1]);
    struct verifier *verifier = remote(sockets[0], TIMEOUT_MS);
    assert_false(verifier->ops->check_certificate(verifier, span_of(content, 5)));
    assert_int_equal(WTERMSIG(wait_for(server)), SIGALRM);
    verifier_free(verifier);
}

static void without_memory(void **state)
{
    (void)state;
    struct err err;
    int sockets[2];
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));
    const struct verifier_request request = {
        .sequence = 1, .operation = VERIFIER_CERTIFICATE, .certificate_count = 1};

    make_sockets(sockets);
    const struct remote_verifier_config config = {.fd = sockets[0], .hurry_fd = -1};
    alloc_fault_arm(0);
    assert_null(remote_verifier_new(&config, &err));
    assert_true(alloc_fault_disarm());
    assert_int_equal(recv(sockets[1], bytes, 1, 0), 0); /* the socket was given back */
    close(sockets[1]);

    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    make_sockets(sockets);
    assert_true(verifier_write_head(&writer, &request));
    assert_int_equal(send(sockets[0], bytes, writer.len, 0), (ssize_t)writer.len);
    alloc_fault_arm(0);
    assert_false(verifier_serve(sockets[1], verifier, SERVER_SECONDS));
    assert_true(alloc_fault_disarm());
    close(sockets[0]);
    close(sockets[1]);
    verifier_free(verifier);
}

static void what_is_no_socket(void **state)
{
    (void)state;
    const struct remote_verifier_config config = {.fd = memfd_create("none", 0), .hurry_fd = -1};
    struct err err;

    assert_null(remote_verifier_new(&config, &err));
    assert_non_null(strstr(err.text, "verifier"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_answers),
        cmocka_unit_test(a_changed_message_is_refused),
        cmocka_unit_test(a_large_request),
        cmocka_unit_test(too_large_a_request),
        cmocka_unit_test(a_good_answer_is_taken),
        cmocka_unit_test(a_truncated_answer),
        cmocka_unit_test(a_garbage_answer),
        cmocka_unit_test(an_oversized_answer),
        cmocka_unit_test(a_peer_that_is_gone),
        cmocka_unit_test(a_peer_that_is_killed),
        cmocka_unit_test(a_peer_that_dies_at_work),
        cmocka_unit_test(a_silent_peer),
        cmocka_unit_test(a_silent_peer_in_a_hurry),
        cmocka_unit_test(an_answer_in_a_hurry),
        cmocka_unit_test(a_trickling_peer),
        cmocka_unit_test(a_peer_that_reads_nothing),
        cmocka_unit_test(a_server_that_is_told_nonsense),
        cmocka_unit_test(a_server_that_takes_too_long),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(what_is_no_socket),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
