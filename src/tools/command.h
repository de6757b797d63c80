// SPDX-License-Identifier: BSD-2-Clause
/*
 * The subcommands of varstore: one command line for all of them, of which each takes its part.
 *
 * Exit codes: 0 done; 1 it could not be done, and stderr says why; 2 wrong usage. `diff` and
 * `status --check` have codes of their own.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include "base/err.h"
#include "base/span.h"

#include <stdio.h>

struct command_line {
    const char *vm;     /* --vm UUID */
    const char *store;  /* --store DIR */
    const char *socket; /* --socket PATH, XAPI's */
    const char *from;   /* --from FORMAT */
    const char *to;     /* --to FORMAT */
    const char *output; /* --output FILE */
    const char *template_file;
    const char *attributes;
    const char *keys;    /* --keys DIR */
    const char *profile; /* --profile NAME */
    const char *name;    /* --name TEXT */
    const char *wanted;  /* --wanted on|off */
    const char *arch;    /* --arch NAME */
    const char *owner;   /* --owner GUID */
    bool json, hex, check, all, dry_run, yes, merge, append, quiet, optional, force;
    char **args;
    int count;
};

struct command {
    const char *name;
    const char *arguments; /* for the usage */
    const char *summary;
    const char *options; /* the letters of those it takes, see command.c */
    int least, most;     /* arguments, the store included where neither --vm nor --store is given;
                            most -1: any number */
    int (*run)(struct command_line *line, struct err *err);
};

extern const struct command *const COMMANDS[]; /* ends with NULL */

/* Runs `varstore SUBCOMMAND ...`; gives the exit code. */
int command_main(int argc, char **argv);

/* The first argument, which is taken; NULL when there is none left. */
const char *command_take(struct command_line *line);

/* Is stdout a terminal, so that colours are welcome? */
bool command_colours(void);

/* Asks on the terminal; true with --yes. Without a terminal, false with err set. */
bool command_confirm(const struct command_line *line, const char *question, struct err *err);

#define EXIT_DIFFERENT 1
#define EXIT_WRONG_USAGE 2

#endif
