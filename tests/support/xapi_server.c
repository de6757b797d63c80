// SPDX-License-Identifier: BSD-2-Clause
#include "support/xapi_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t server; /* 0: none */
static char socket_path[80];

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
    char command[256];
    int pid = 0;

    snprintf(command, sizeof(command),
             "tests/xapi/server.py --background --socket %s --nvram %s/nvram.json", socket_path,
             folder);
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
    if (access(socket_path, F_OK) != 0) {
        stop();
        start(folder->path);
    }
    return socket_path;
}
