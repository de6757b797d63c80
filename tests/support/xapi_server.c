// SPDX-License-Identifier: BSD-2-Clause
#include "support/xapi_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t server; /* 0: none */
static char socket_path[80], control_path[80];

static void stop(void)
{
    if (server > 0) {
        kill(server, SIGTERM);
        server = 0;
    }
}

/* Started so, the server prints its process id when it serves. */
static void start(const char *folder)
{
    char command[512];
    int pid = 0;

    snprintf(command, sizeof(command),
             "tests/xapi/server.py --background --socket %s --control %s --nvram %s/nvram.json",
             socket_path, control_path, folder);
    FILE *output = popen(command, "re");
    if (output == NULL || fscanf(output, "%d", &pid) != 1 || pid <= 0) {
        fprintf(stderr, "can't start %s\n", command);
        exit(1);
    }
    pclose(output);
    server = pid;
}

const char *xapi_server_in(const struct folder *folder)
{
    if (server == 0) {
        atexit(stop);
    }
    snprintf(socket_path, sizeof(socket_path), "%s/xapi", folder->path);
    snprintf(control_path, sizeof(control_path), "%s/control", folder->path);
    if (access(socket_path, F_OK) != 0) {
        stop();
        start(folder->path);
    }
    return socket_path;
}

struct xapi_server_counts xapi_server_count(void)
{
    char command[256];
    struct xapi_server_counts counts;
    char rest[256];

    snprintf(command, sizeof(command), "tests/xapi/server.py ctl %s counts", control_path);
    FILE *output = popen(command, "re");
    if (output == NULL || fscanf(output, "{\"connections\": %u, \"requests\": %u,",
                                 &counts.connections, &counts.requests) != 2) {
        fprintf(stderr, "can't ask the server\n");
        exit(1);
    }
    while (fgets(rest, sizeof(rest), output) != NULL) { /* or it couldn't say all of it */
    }
    pclose(output);
    return counts;
}
