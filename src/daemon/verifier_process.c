// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/verifier_process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#define PROGRAM_NAME "uefistored-verifier"
#define PROGRAM_FD 3

/* The command line of the program: the daemon's own settings of the sandbox. */
#define ARGUMENTS_MAX 12u
struct command_line {
    char *arguments[ARGUMENTS_MAX];
    size_t count;
    char uid[16], gid[16];
};

/* --------------------------------------------------------------------------------- the program */

static int open_program(const char *path)
{
    return access(path, X_OK) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* The one that was built with this daemon. */
static int open_beside(void)
{
    char path[PATH_MAX + sizeof(PROGRAM_NAME)];
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX);
    const char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;

    if (slash == NULL) {
        return -1;
    }
    strcpy(path + (slash + 1 - path), PROGRAM_NAME);
    return open_program(path);
}

static int find_program(struct err *err)
{
    int program = open_beside();

    if (program < 0) {
        program = open_program(VERIFIER_PATH);
    }
    if (program < 0) {
        err_errno(err, "can't run %s, which checks signatures", VERIFIER_PATH);
    }
    return program;
}

static void add(struct command_line *line, const char *argument)
{
    line->arguments[line->count++] = (char *)(uintptr_t)argument;
}

static void make_command_line(struct command_line *line, const struct options *options)
{
    line->count = 0;
    add(line, PROGRAM_NAME);
    if (options->chroot_dir != NULL) {
        add(line, "-c");
        add(line, options->chroot_dir);
    }
    if (options->depriv) {
        add(line, options->strict_sandbox ? "-s" : "-n");
    }
    if (options->uid.given) {
        snprintf(line->uid, sizeof(line->uid), "%u", options->uid.value);
        snprintf(line->gid, sizeof(line->gid), "%u", options->gid.value);
        add(line, "-u");
        add(line, line->uid);
        add(line, "-g");
        add(line, line->gid);
    }
    add(line, NULL);
}

/* --------------------------------------------------------------------------------- the process */

static void close_from(unsigned first)
{
    struct rlimit limit;

#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0u, 0u) == 0) {
        return;
    }
#endif
    /* A kernel before 5.9. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        for (rlim_t fd = first; fd < limit.rlim_cur; fd++) {
            close((int)fd);
        }
    }
}

/* The socket as standard input, the program behind standard error, and nothing else. */
static bool keep_descriptors(int socket, int program)
{
    if (dup2(socket, STDIN_FILENO) < 0 ||
        (program != PROGRAM_FD && dup3(program, PROGRAM_FD, O_CLOEXEC) < 0)) {
        return false;
    }
    close(STDOUT_FILENO);
    close_from(PROGRAM_FD + 1);
    return true;
}

/* Waits until there is something to read, and leaves it there. False at the end of the stream. */
static bool wait_for_request(void)
{
    char byte;
    ssize_t got;

    do {
        got = recv(STDIN_FILENO, &byte, sizeof(byte), MSG_PEEK);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Its signals are blocked, as the daemon's: the daemon decides when it is over. */
static _Noreturn void live(int socket, int program, struct command_line *line)
{
    static char *const no_environment[] = {NULL};

    prctl(PR_SET_NAME, "uefi-verifier", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (keep_descriptors(socket, program) && wait_for_request()) {
        fexecve(PROGRAM_FD, line->arguments, no_environment);
        log_error("can't run %s: %s", VERIFIER_PATH, strerror(errno));
    }
    _exit(1);
}

int verifier_process_start(const struct options *options, struct err *err)
{
    struct command_line line;
    int sockets[2];
    auto_close int program = find_program(err);

    if (program < 0) {
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        err_errno(err, "can't make a socket pair");
        return -1;
    }
    make_command_line(&line, options);
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        live(sockets[1], program, &line);
    }
    close(sockets[1]);
    if (pid < 0) {
        err_errno(err, "can't start a process");
        close(sockets[0]);
        return -1;
    }
    return sockets[0];
}
