// SPDX-License-Identifier: BSD-2-Clause
#include "tools/xapi_options.h"

#include "backend/xapi.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_usage(FILE *stream, const struct xapi_usage *usage)
{
    fprintf(stream,
            "Usage: %s [OPTION]... %s\n"
            "%s"
            "  -d         leave the namespaces of the caller\n"
            "  -g GID     become this group\n"
            "  -r CHROOT  change the root to this folder\n"
            "  -s SOCKET  XAPI's socket, in the chroot (" XAPI_SOCKET_DEFAULT ")\n"
            "  -u UID     become this user\n"
            "  -h         show this help\n",
            usage->name, usage->arguments, usage->help);
}

static bool parse_id(unsigned *out, bool *given, const char *text)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 0);
    if (end == text || *end != '\0' || errno != 0 || value >= UINT_MAX || text[0] == '-') {
        fprintf(stderr, "%s is not a number of a user or group\n", text);
        return false;
    }
    *out = (unsigned)value;
    *given = true;
    return true;
}

/* One option; false when it is wrong. */
static bool take_option(struct xapi_options *out, int option, const char *value)
{
    struct privileges *privileges = &out->privileges;

    switch (option) {
    case 'd':
        privileges->namespaces = true;
        return true;
    case 'g':
        return parse_id(&privileges->gid, &privileges->has_gid, value);
    case 'u':
        return parse_id(&privileges->uid, &privileges->has_uid, value);
    case 'r':
        privileges->chroot = value;
        return true;
    case 's':
        out->socket = value;
        return true;
    case 'a':
    case 'c':
        out->flag = true;
        return true;
    case 'C':
    case 'K':
        out->folder = value;
        return true;
    default:
        return false;
    }
}

enum xapi_parse xapi_options_parse(struct xapi_options *out, const struct xapi_usage *usage,
                                   int argc, char **argv)
{
    char letters[32];
    int option;

    snprintf(letters, sizeof(letters), "hdg:r:s:u:%s", usage->options);
    *out = (struct xapi_options){.socket = XAPI_SOCKET_DEFAULT};
    while ((option = getopt(argc, argv, letters)) != -1) {
        if (option == 'h') {
            print_usage(stdout, usage);
            return XAPI_PARSE_HELP;
        }
        if (!take_option(out, option, optarg)) {
            print_usage(stderr, usage);
            return XAPI_PARSE_WRONG;
        }
    }
    int wanted = usage->count != NULL ? usage->count(usage, out->flag) : usage->wanted;
    if (argc - optind != wanted) {
        print_usage(stderr, usage);
        return XAPI_PARSE_WRONG;
    }
    out->args = argv + optind;
    return XAPI_PARSE_RUN;
}
