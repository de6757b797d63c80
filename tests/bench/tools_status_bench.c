// SPDX-License-Identifier: BSD-2-Clause
/*
 * 1000 stores in one `varstore status --all`: each with the variables of a VM that has Microsoft's
 * keys and a dbx of 443 hashes. Target: 2 seconds.
 */
#include "support/signing.h"
#include "tools/format.h"
#include "tools/source.h"

#include "auth/auth.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STORES 1000
#define TARGET_SECONDS 2.0
#define HASHES 443u

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "tools_status_bench: %s failed\n", what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint8_t *make_blob(size_t *len)
{
    static uint8_t hashes[64 * 1024];
    struct source source;
    struct notes notes = {0};
    struct err err;
    size_t hashes_len = signing_esl_hashes(hashes, sizeof(hashes), 1, HASHES);

    must(source_open_path(&source, "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", NULL, SOURCE_READ, &err),
         "reading OVMF_VARS_4M.ms.fd (package ovmf)");
    must(document_set(&source.document, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"),
                      AUTH_KEY_ATTRIBUTES | EFI_VARIABLE_APPEND_WRITE,
                      span_of(hashes, hashes_len)) == EFI_SUCCESS,
         "setting dbx");
    uint8_t *blob = FORMAT_VARS.encode(&source.document, span_of(NULL, 0), &notes, len, &err);
    must(blob != NULL, "encoding");
    notes_free(&notes);
    source_close(&source);
    return blob;
}

static void make_stores(const char *folder, struct span blob)
{
    char path[PATH_MAX];

    for (int i = 0; i < STORES; i++) {
        snprintf(path, sizeof(path), "%s/vm%d", folder, i);
        must(mkdir(path, 0700) == 0, "making a folder");
        snprintf(path, sizeof(path), "%s/vm%d/EFI-variables", folder, i);
        FILE *file = fopen(path, "wb"); /* without tool_write_file's fsync */
        must(file != NULL && fwrite(blob.data, 1, blob.len, file) == blob.len && fclose(file) == 0,
             "writing a store");
    }
}

static double run(const char *folder)
{
    char command[PATH_MAX * 2];
    double begun = now();

    snprintf(command, sizeof(command), "%s/varstore status --all %s > %s/out", getenv("BUILD_DIR"),
             folder, folder);
    must(system(command) == 0, "varstore status");
    return now() - begun;
}

int main(void)
{
    char folder[] = "/tmp/tools_bench.XXXXXX";
    char command[PATH_MAX];
    size_t len;
    uint8_t *blob = make_blob(&len);

    must(mkdtemp(folder) != NULL, "a folder");
    make_stores(folder, span_of(blob, len));
    double seconds = run(folder);
    printf("status --all of %d stores of %zu KiB: %.2f s (target %.1f s)%s\n", STORES, len / 1024,
           seconds, TARGET_SECONDS, seconds > TARGET_SECONDS ? " MISSED" : "");
    snprintf(command, sizeof(command), "rm -r %s", folder);
    must(system(command) == 0, "removing the stores");
    free(blob);
    return 0;
}
