// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line that the tools XAPI calls have in common: options before, between or behind the
 * arguments, -h for help on stdout, anything wrong answered with the usage and exit code 1.
 */
#ifndef TOOLS_XAPI_OPTIONS_H
#define TOOLS_XAPI_OPTIONS_H

#include "tools/privileges.h"

/* What a tool takes beside the common options. */
struct xapi_usage {
    const char *name;
    const char *arguments; /* for the usage: "UUID GUID NAME" */
    const char *help;      /* its own options, a line each; "" when there are none */
    const char *options;   /* the same for getopt */
    int (*count)(const struct xapi_usage *usage, bool flag); /* arguments wanted; NULL: `wanted` */
    int wanted;
};

struct xapi_options {
    struct privileges privileges;
    const char *socket; /* in the chroot */
    bool flag;          /* the tool's own flag was given (-a, -c) */
    const char *folder; /* the argument of the tool's own option (-C, -K); NULL: not given */
    char **args;
    void *self; /* for the tool's action: see vm_run */
};

enum xapi_parse {
    XAPI_PARSE_RUN,
    XAPI_PARSE_HELP,  /* it was printed: exit code 0 */
    XAPI_PARSE_WRONG, /* the usage was printed: exit code 1 */
};

enum xapi_parse xapi_options_parse(struct xapi_options *out, const struct xapi_usage *usage,
                                   int argc, char **argv);

#endif
