// SPDX-License-Identifier: BSD-2-Clause
/*
 * One binary, many names: each tool is a function that is run with the command line it was called
 * by, and gives the process's exit code.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include "base/err.h"
#include "base/span.h"

struct tool {
    const char *name;
    const char *summary; /* one line, for the list of subcommands; NULL: not listed */
    int (*run)(int argc, char **argv);
};

/* The names that XAPI and its scripts call. */
int tool_varstore_ls(int argc, char **argv);
int tool_varstore_get(int argc, char **argv);
int tool_varstore_set(int argc, char **argv);
int tool_varstore_rm(int argc, char **argv);
int tool_varstore_sb_state(int argc, char **argv);
int tool_varstore_nvram_certcheck(int argc, char **argv);
int tool_create_auth(int argc, char **argv);
int tool_secureboot_certs(int argc, char **argv);

/* "name: text" on stderr; gives 1, the exit code of a tool that failed. */
int tool_fail(const char *name, const struct err *err);

/* "NAME (uefistored) VERSION" on stdout; gives 0. */
int tool_print_version(const char *name);

/* A whole file, allocated, for the caller to free; NULL with err set (it names the file). */
uint8_t *tool_read_file(const char *path, size_t limit, size_t *len, struct err *err);

/* Replaces the file in one step, so that nobody ever finds half of it, and what was there stays
 * when it fails. mode: of a new file. */
bool tool_write_file(const char *path, struct span bytes, unsigned mode, struct err *err);

/* A file's name with this ending, in whatever case. */
bool tool_ends_with(const char *text, const char *end);

/* Everything into stdout, now: false with err set when it can't be (a full disk, a closed pipe). */
bool tool_flush(struct err *err);

#endif
