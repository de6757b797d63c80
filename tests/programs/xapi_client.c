// SPDX-License-Identifier: BSD-2-Clause
/*
 * xapi_client SOCKET UUID [CALL_MS [RECONNECT_MS]]: the XAPI backend, driven by lines on stdin,
 * each answered by a line on stdout:
 *
 *   load               "loaded LEN HEX" (the first 16 bytes), "first-boot" or "failed: why"
 *   save LEN BYTE KEYS LEN bytes of BYTE; KEYS is yes or no: "saved" or "failed: why"
 *   notify             "notified" or "failed: why"
 *   memory             "private N": KiB of private memory
 *   close              "closed", and the end; so does the end of stdin
 *
 * SIGTERM makes the descriptor readable that tells the backend to give up, and nothing else.
 */
#include "backend/xapi.h"
#include "base/cleanup.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

static void say(bool ok, const char *word, const struct err *err)
{
    if (ok) {
        printf("%s\n", word);
    } else {
        printf("failed: %s\n", err->text);
    }
}

static void do_load(struct backend *backend)
{
    auto_free uint8_t *blob = NULL;
    size_t len = 0;
    struct err err;
    enum backend_load result = backend->ops->load(backend, &blob, &len, &err);

    if (result != BACKEND_LOADED) {
        say(result == BACKEND_FIRST_BOOT, "first-boot", &err);
        return;
    }
    printf("loaded %zu ", len);
    for (size_t i = 0; i < len && i < 16; i++) {
        printf("%02x", blob[i]);
    }
    printf("\n");
}

static void do_save(struct backend *backend, const char *line)
{
    size_t len;
    unsigned byte;
    char keys[4];
    struct err err;

    if (sscanf(line, "save %zu %u %3s", &len, &byte, keys) != 3) {
        printf("failed: usage\n");
        return;
    }
    auto_free uint8_t *blob = malloc(len + 1);
    if (blob != NULL) {
        memset(blob, (int)byte, len);
        say(backend->ops->save(backend, span_of(blob, len), strcmp(keys, "yes") == 0, &err),
            "saved", &err);
    }
}

static void do_memory(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    unsigned long kilobytes = 0;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Private_Dirty: %lu", &kilobytes) == 1) {
            break;
        }
    }
    printf("private %lu\n", kilobytes);
    if (file != NULL) {
        fclose(file);
    }
}

static bool do_line(struct backend *backend, const char *line)
{
    struct err err;

    if (strcmp(line, "load\n") == 0) {
        do_load(backend);
    } else if (strncmp(line, "save ", 5) == 0) {
        do_save(backend, line);
    } else if (strcmp(line, "notify\n") == 0) {
        say(backend->ops->notify(backend, &err), "notified", &err);
    } else if (strcmp(line, "memory\n") == 0) {
        do_memory();
    } else {
        return false;
    }
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    char line[128];
    sigset_t signals;
    struct err err;

    if (argc < 3) {
        fprintf(stderr, "usage: xapi_client SOCKET UUID [CALL_MS [RECONNECT_MS]]\n");
        return 2;
    }
    mallopt(M_MMAP_THRESHOLD, 32 << 10);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    struct xapi_config config = {
        .socket = argv[1],
        .uuid = argv[2],
        .abort_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK),
        .call_ms = argc > 3 ? atoi(argv[3]) : 0,
        .reconnect_ms = argc > 4 ? atoi(argv[4]) : 0,
    };
    struct backend *backend = xapi_backend_open(&config, &err);
    if (backend == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL && do_line(backend, line)) {
    }
    backend_close(backend);
    printf("closed\n");
    return 0;
}
