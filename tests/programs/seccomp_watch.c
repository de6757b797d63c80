// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp_watch REPORT COMMAND...: runs a daemon, and notes which rules of its system call filter
 * (src/daemon/seccomp_table.h) it makes use of once the filter is there. REPORT gets a line for
 * each rule, "used NUMBER NAME", "unused ..." or "elsewhere ..."; and "outside NUMBER" for each
 * call that no rule allows. Ends as the daemon does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/seccomp_table.h"

#define RULES (sizeof(seccomp_rules) / sizeof(seccomp_rules[0]))

struct watch {
    unsigned uses;
    bool filtered; /* the filter is loaded */
    bool used[RULES];
    bool outside[512];
};

static bool rule_holds(const struct seccomp_rule *rule, unsigned uses,
                       const struct __ptrace_syscall_info *call)
{
    uint32_t argument = (uint32_t)call->entry.args[rule->argument];

    if (rule->number != call->entry.nr || (rule->uses != 0 && (rule->uses & uses) == 0)) {
        return false;
    }
    switch (rule->condition) {
    case SECCOMP_EQUAL:
        return argument == rule->value;
    case SECCOMP_UNEQUAL:
        return argument != rule->value;
    case SECCOMP_WITHOUT:
        return (argument & rule->value) == 0;
    default:
        return true;
    }
}

static void note_call(struct watch *watch, const struct __ptrace_syscall_info *call)
{
    bool known = false;

    if (call->op != PTRACE_SYSCALL_INFO_ENTRY) {
        return;
    }
    for (size_t i = 0; i < RULES && watch->filtered; i++) {
        if (rule_holds(&seccomp_rules[i], watch->uses, call)) {
            watch->used[i] = true;
            known = true;
        }
    }
    if (watch->filtered && !known && call->entry.nr < 512) {
        watch->outside[call->entry.nr] = true;
    }
    if (call->entry.nr == SYS_prctl && call->entry.args[0] == PR_SET_SECCOMP) {
        watch->filtered = true;
    }
}

/* The signal to go on with after a stop. */
static int handle_stop(struct watch *watch, pid_t daemon, int status)
{
    struct __ptrace_syscall_info call = {0};

    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
        return WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    }
    if (ptrace(PTRACE_GET_SYSCALL_INFO, daemon, sizeof(call), &call) > 0) {
        note_call(watch, &call);
    }
    return 0;
}

static int run(struct watch *watch, pid_t daemon)
{
    int status, number = 0;

    if (waitpid(daemon, &status, 0) != daemon ||
        ptrace(PTRACE_SETOPTIONS, daemon, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
        return 1;
    }
    for (;;) {
        if (ptrace(PTRACE_SYSCALL, daemon, NULL, number) != 0 && errno != ESRCH) {
            return 1;
        }
        if (waitpid(daemon, &status, 0) != daemon) {
            return 1;
        }
        if (WIFEXITED(status)) {
            return WEXITSTATUS(status);
        }
        if (WIFSIGNALED(status)) {
            return 128 + WTERMSIG(status);
        }
        number = handle_stop(watch, daemon, status);
    }
}

static void report(const struct watch *watch, FILE *file)
{
    for (size_t i = 0; i < RULES; i++) {
        fprintf(file, "%s %zu %s\n",
                watch->used[i]               ? "used"
                : seccomp_rules[i].elsewhere ? "elsewhere"
                                             : "unused",
                i, seccomp_rules[i].name);
    }
    for (size_t i = 0; i < 512; i++) {
        if (watch->outside[i]) {
            fprintf(file, "outside %zu\n", i);
        }
    }
}

int main(int argc, char **argv)
{
    struct watch watch = {0};
    FILE *file = argc > 3 ? fopen(argv[1], "we") : NULL;

    if (file == NULL) {
        fprintf(stderr, "usage: seccomp_watch REPORT USES COMMAND...\n");
        return 2;
    }
    watch.uses = (unsigned)atoi(argv[2]);
    pid_t daemon = fork();
    if (daemon == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[3], argv + 3);
        perror(argv[3]);
        _exit(127);
    }
    int result = run(&watch, daemon);
    report(&watch, file);
    fclose(file);
    return result;
}
