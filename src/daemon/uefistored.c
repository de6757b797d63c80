// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/daemon.h"

#include <malloc.h>
#include <stdio.h>

enum exit_status {
    EXIT_OK = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
};

/*
 * A host runs hundreds of these, and each is idle nearly all its life: what is free goes back to
 * the system. By itself glibc keeps a blob's worth once one was loaded or saved.
 */
static void keep_no_free_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 10);
    mallopt(M_TRIM_THRESHOLD, 64 << 10);
    mallopt(M_TOP_PAD, 16 << 10);
}

int main(int argc, char *argv[])
{
    struct options options;
    struct err err;

    keep_no_free_memory();
    log_init();
    if (!options_parse(&options, argc, argv, &err)) {
        log_error("%s (see uefistored --help)", err.text);
        return EXIT_USAGE;
    }
    if (options.help) {
        options_print_help();
        return EXIT_OK;
    }
    if (options.version) {
        puts("uefistored " UEFISTORED_VERSION);
        return EXIT_OK;
    }
    log_set_level(options.log_level);
    if (!daemon_run(&options, &err)) {
        log_error("%s", err.text);
        return EXIT_ERROR;
    }
    return EXIT_OK;
}
