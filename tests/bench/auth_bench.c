// SPDX-License-Identifier: BSD-2-Clause
/*
 * What authenticated writes cost, beside what OpenSSL needs at the least: a bare EVP_DigestVerify
 * of as many bytes with the same key, measured in the same run. CPU time; of several rounds the
 * best.
 *
 *     auth_bench [ROUNDS]
 *
 * The last column is the ratio to the bare verify above it, or to what the line says. Exits 1 when
 * a write isn't answered as it should be.
 */
#include "backend/file.h"
#include "backend/memory.h"
#include "backend/persist.h"
#include "base/log.h"
#include "base/reader.h"
#include "base/writer.h"
#include "crypto/openssl_verifier.h"
#include "crypto/remote_verifier.h"
#include "crypto/verifier_server.h"
#include "support/secure_boot.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE
#define WRITES 200u /* in a round */
#define KNOWN 443u  /* entries: as many as Microsoft's dbx has */
#define REQUEST_CAPACITY 32768u

/* A request as it lies in the guest's buffer. */
struct encoded {
    uint8_t *bytes;
    size_t len;
};

static struct secure_boot vm;
static uint8_t reply[WIRE_BUFFER_SIZE];

static double clock_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The CPU time of the process that checks signatures; 0 when there is none. */
static clockid_t other_process;

static double now_us(void)
{
    return clock_us(CLOCK_PROCESS_CPUTIME_ID) + (other_process != 0 ? clock_us(other_process) : 0);
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "auth_bench: %s\n", what);
        exit(1);
    }
}

static struct encoded make_request(const char *name, const struct signing_key *signer,
                                   unsigned time, uint32_t append, struct span payload)
{
    static uint8_t write[REQUEST_CAPACITY];
    struct signing_target target = secure_boot_target(name);
    struct encoded request = {.bytes = malloc(REQUEST_CAPACITY)};
    struct writer writer = writer_of(request.bytes, REQUEST_CAPACITY);

    target.time = signing_time(time);
    target.attributes |= append;
    target.payload = payload;
    size_t len = signing_write(write, sizeof(write), signer, NULL, &target);
    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, WIRE_SET_VARIABLE);
    writer_u64le(&writer, target.name.len);
    writer_bytes(&writer, target.name);
    writer_guid(&writer, target.guid);
    writer_u64le(&writer, len);
    writer_bytes(&writer, span_of(write, len));
    writer_u32le(&writer, target.attributes);
    writer_u8(&writer, 0);
    must(request.bytes != NULL && writer_ok(&writer), "room for a request");
    request.len = writer.len;
    return request;
}

static efi_status serve(const struct encoded *request)
{
    struct reader reader;
    uint64_t status;

    reader = reader_of(
        span_of(reply, service_handle(vm.service, span_of(request->bytes, request->len), reply)));
    must(reader_u64le(&reader, &status), "a reply without a status");
    return status;
}

/* Serves count requests; gives the time of one in microseconds. stride 0: the same one again. */
static double measure(const struct encoded *requests, size_t stride, unsigned count,
                      efi_status expected)
{
    double start = now_us();

    for (unsigned i = 0; i < count; i++) {
        must(serve(&requests[i * stride]) == expected, "a write was answered otherwise");
    }
    return (now_us() - start) / count;
}

/* ------------------------------------------------------------------------------------------- bare
 */

struct bare {
    EVP_PKEY *key;
    EVP_MD *md;
    uint8_t signature[512];
    size_t signature_len;
    const uint8_t *content;
    size_t len;
};

static EVP_PKEY *make_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);

    must(key != NULL, "no key");
    return key;
}

static struct bare bare_of(EVP_PKEY *key, size_t len)
{
    static const uint8_t zeros[REQUEST_CAPACITY];
    struct bare bare = {.key = key,
                        .md = EVP_MD_fetch(NULL, "SHA256", NULL),
                        .signature_len = sizeof(bare.signature),
                        .content = zeros,
                        .len = len};
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    must(EVP_DigestSignInit(context, NULL, bare.md, NULL, key) == 1 &&
             EVP_DigestSign(context, bare.signature, &bare.signature_len, zeros, len) == 1,
         "signing");
    EVP_MD_CTX_free(context);
    return bare;
}

static double measure_bare(const struct bare *bare, unsigned count)
{
    double start = now_us();

    for (unsigned i = 0; i < count; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        must(EVP_DigestVerifyInit(context, NULL, bare->md, NULL, bare->key) == 1 &&
                 EVP_DigestVerify(context, bare->signature, bare->signature_len, bare->content,
                                  bare->len) == 1,
             "a bare signature isn't valid");
        EVP_MD_CTX_free(context);
    }
    return (now_us() - start) / count;
}

/* ------------------------------------------------------------------------------------ the rounds
 */

/* The best times, in microseconds. */
struct times {
    double bare_small, bare_large, write, saved, refused, known, known_shuffled, first;
    double process_write, process_known;
};

static void take(double *best, double time)
{
    *best = *best == 0 || time < *best ? time : *best;
}

/* The entries in another order: the merge has to search for them. */
static struct span shuffled(struct span list)
{
    static uint8_t out[REQUEST_CAPACITY];
    size_t count = (list.len - 28) / 48;

    memcpy(out, list.data, 28);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + 28 + 48 * i, list.data + 28 + 48 * (i * 100 % count), 48);
    }
    return span_of(out, list.len);
}

struct requests {
    struct encoded writes[WRITES]; /* of one entry to db, each later than the one before */
    struct encoded refused, known, known_shuffled;
};

static void make_requests(struct requests *requests)
{
    for (unsigned i = 0; i < WRITES; i++) {
        requests->writes[i] = make_request("db", vm.kek, 200 + i, 0, secure_boot_hashes(i, 1));
    }
    requests->refused = make_request("db", vm.stranger, 9999, 0, secure_boot_hashes(0, 1));
    requests->known = make_request("dbx", vm.kek, 1, APPEND, secure_boot_hashes(0, KNOWN));
    requests->known_shuffled =
        make_request("dbx", vm.kek, 1, APPEND, shuffled(secure_boot_hashes(0, KNOWN)));
}

static void free_requests(struct requests *requests)
{
    for (unsigned i = 0; i < WRITES; i++) {
        free(requests->writes[i].bytes);
    }
    free(requests->refused.bytes);
    free(requests->known.bytes);
    free(requests->known_shuffled.bytes);
}

static void run_round(struct times *best, const struct requests *requests,
                      const struct bare *bare_small, const struct bare *bare_large)
{
    secure_boot_enroll(&vm);
    take(&best->first, measure(&requests->known, 0, 1, EFI_SUCCESS));
    take(&best->bare_small, measure_bare(bare_small, WRITES));
    take(&best->write, measure(requests->writes, 1, WRITES, EFI_SUCCESS));
    take(&best->refused, measure(&requests->refused, 0, WRITES, EFI_SECURITY_VIOLATION));
    take(&best->bare_large, measure_bare(bare_large, WRITES));
    take(&best->known, measure(&requests->known, 0, WRITES, EFI_SUCCESS));
    take(&best->known_shuffled, measure(&requests->known_shuffled, 0, WRITES, EFI_SUCCESS));
}

/* Fewer, since they wait for the disk. */
static void run_saved_round(struct times *best, const struct requests *requests)
{
    secure_boot_enroll(&vm);
    take(&best->saved, measure(requests->writes, 1, 20, EFI_SUCCESS));
}

static void run_process_round(struct times *best, const struct requests *requests)
{
    secure_boot_enroll(&vm);
    measure(&requests->known, 0, 1, EFI_SUCCESS);
    take(&best->process_write, measure(requests->writes, 1, WRITES, EFI_SUCCESS));
    take(&best->process_known, measure(&requests->known, 0, WRITES, EFI_SUCCESS));
}

static void print_line(const char *what, double us, double base)
{
    printf("%-52s %8.1f us %7.2f\n", what, us, us / base);
}

static void print_times(const struct times *t)
{
    print_line("bare verify, one entry (76 bytes)", t->bare_small, t->bare_small);
    print_line("signed write of one entry", t->write, t->bare_small);
    print_line("signed write of one entry, by the process (target 4)", t->process_write,
               t->bare_small);
    print_line("signed write of one entry, saved in a folder", t->saved, t->bare_small);
    print_line("refused write, a stranger's", t->refused, t->bare_small);
    print_line("bare verify, 443 entries (21 KiB)", t->bare_large, t->bare_large);
    print_line("append of 443 entries, none there", t->first, t->bare_large);
    print_line("append of 443 known onto 443", t->known, t->bare_large);
    print_line("append of 443 known, by the process", t->process_known, t->bare_large);
    print_line("append of 443 known in another order", t->known_shuffled, t->bare_large);
    print_line("append of 443 known : signed write", t->known, t->write);
    print_line("the same by the process (target 1.3)", t->process_known, t->process_write);
    print_line("append of 443 known : signed write, saved", t->known, t->saved);
}

static void remove_folder(const char *folder)
{
    char command[256];

    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    must(system(command) == 0, "the folder can't be removed");
}

static void measure_in_memory(struct times *best, int rounds, const struct requests *requests)
{
    EVP_PKEY *key = make_key();
    struct bare bare_small = bare_of(key, signing_esl_hashes_size(1));
    struct bare bare_large = bare_of(key, signing_esl_hashes_size(KNOWN));
    struct backend *backend = memory_backend_open(NULL, NULL);
    struct persistence persistence = persist_in(backend);

    must(backend != NULL, "no memory");
    vm.persistence = &persistence;
    for (int i = 0; i < rounds; i++) {
        run_round(best, requests, &bare_small, &bare_large);
    }
    backend_close(backend);
    EVP_MD_free(bare_small.md);
    EVP_MD_free(bare_large.md);
    EVP_PKEY_free(key);
}

/* Forks the process that checks signatures; gives the verifier that asks it. */
static struct verifier *start_process(pid_t *child)
{
    struct err err = {.text = "no sockets"};
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, err.text);
    *child = fork();
    if (*child == 0) {
        close(fds[0]);
        struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
        mallopt(M_MMAP_THRESHOLD, 4096); /* as uefistored-verifier has it */
        _exit(verifier != NULL && verifier_serve(fds[1], verifier, 10) ? 0 : 1);
    }
    close(fds[1]);
    const struct remote_verifier_config config = {
        .fd = fds[0], .timeout_ms = 10000, .hurry_fd = -1};
    struct verifier *verifier = remote_verifier_new(&config, &err);
    must(verifier != NULL, err.text);
    must(clock_getcpuclockid(*child, &other_process) == 0, "no clock of the other process");
    return verifier;
}

static void measure_by_process(struct times *best, int rounds, const struct requests *requests)
{
    pid_t child;
    struct backend *backend = memory_backend_open(NULL, NULL);
    struct persistence persistence = persist_in(backend);
    struct verifier *own = vm.verifier;

    must(backend != NULL, "no memory");
    vm.persistence = &persistence;
    vm.verifier = start_process(&child);
    for (int i = 0; i < rounds; i++) {
        run_process_round(best, requests);
    }
    other_process = 0;
    verifier_free(vm.verifier);
    vm.verifier = own;
    must(waitpid(child, NULL, 0) == child, "the other process is gone");
    backend_close(backend);
}

static void measure_in_folder(struct times *best, int rounds, const struct requests *requests)
{
    char folder[] = "/tmp/auth_bench.XXXXXX";
    struct err err = {.text = ""};

    must(mkdtemp(folder) != NULL, "no folder");
    struct backend *backend = file_backend_open(folder, geteuid(), getegid(), &err);
    must(backend != NULL, err.text);
    struct persistence persistence = persist_in(backend);
    vm.persistence = &persistence;
    for (int i = 0; i < rounds; i++) {
        run_saved_round(best, requests);
    }
    backend_close(backend);
    remove_folder(folder);
}

int main(int argc, char **argv)
{
    static struct requests requests;
    struct times best = {0};
    int rounds = argc > 1 ? atoi(argv[1]) : 10;

    log_set_level(LOG_LEVEL_ERROR);
    secure_boot_make_keys(&vm);
    secure_boot_enroll(&vm);
    make_requests(&requests);
    measure_in_memory(&best, rounds, &requests);
    measure_by_process(&best, rounds, &requests);
    measure_in_folder(&best, rounds, &requests);
    print_times(&best);
    free_requests(&requests);
    secure_boot_free_keys(&vm);
    return 0;
}
