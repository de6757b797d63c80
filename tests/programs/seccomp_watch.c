// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp_watch REPORT USES COMMAND...: runs a daemon, and notes which rules of its system call
 * filter and of its verifier's (src/daemon/seccomp_table.h) are made use of once the filters are
 * there. REPORT gets a line for each rule, "used NUMBER NAME", "unused ..." or "elsewhere ..." (the
 * verifier's numbers begin at 1000); and "outside NUMBER" for each call that no rule allows. Ends
 * as the daemon does, when both have.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/seccomp_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RULES_MAX 64u
#define PROCESSES_MAX 8u

/* What is known of one of the two tables. */
struct table {
    const struct seccomp_rule *rules;
    size_t count;
    unsigned uses;
    unsigned first; /* the number of the first rule in the report */
    bool used[RULES_MAX];
    bool outside[512];
};

struct process {
    pid_t pid;
    struct table *table;
    bool filtered; /* the filter is loaded */
};

struct watch {
    struct table daemon, verifier;
    struct process processes[PROCESSES_MAX]; /* the daemon first */
    size_t count;
    int result; /* the daemon's */
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

static void note_call(struct process *process, const struct __ptrace_syscall_info *call)
{
    struct table *table = process->table;
    bool known = false;

    if (call->op != PTRACE_SYSCALL_INFO_ENTRY) {
        return;
    }
    for (size_t i = 0; i < table->count && process->filtered; i++) {
        if (rule_holds(&table->rules[i], table->uses, call)) {
            table->used[i] = true;
            known = true;
        }
    }
    if (process->filtered && !known && call->entry.nr < 512) {
        table->outside[call->entry.nr] = true;
    }
    if (call->entry.nr == SYS_prctl && call->entry.args[0] == PR_SET_SECCOMP) {
        process->filtered = true;
    }
}

/* A process that wasn't there before is one that the daemon has made: its verifier. */
static struct process *find_process(struct watch *watch, pid_t pid, bool *made)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->processes[i].pid == pid) {
            *made = false;
            return &watch->processes[i];
        }
    }
    if (watch->count == PROCESSES_MAX) {
        fprintf(stderr, "seccomp_watch: too many processes\n");
        exit(1);
    }
    *made = true;
    watch->processes[watch->count] = (struct process){.pid = pid, .table = &watch->verifier};
    return &watch->processes[watch->count++];
}

/* The signal to go on with after a stop. */
static int handle_stop(struct watch *watch, pid_t pid, int status)
{
    struct __ptrace_syscall_info call = {0};
    bool made;
    struct process *process = find_process(watch, pid, &made);

    if (made && WSTOPSIG(status) == SIGSTOP) {
        return 0; /* how a new process begins */
    }
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
        return WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    }
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call) > 0) {
        note_call(process, &call);
    }
    return 0;
}

/* Until all of them have ended. */
static void run(struct watch *watch)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
        if (pid > 0 && WIFSTOPPED(status)) {
            int number = handle_stop(watch, pid, status);
            ptrace(PTRACE_SYSCALL, pid, NULL, number);
        } else if (pid == watch->processes[0].pid) {
            watch->result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
}

static bool attach(struct watch *watch)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    pid_t daemon = watch->processes[0].pid;
    int status;

    return waitpid(daemon, &status, 0) == daemon &&
           ptrace(PTRACE_SETOPTIONS, daemon, NULL, options) == 0 &&
           ptrace(PTRACE_SYSCALL, daemon, NULL, 0) == 0;
}

static void report(const struct table *table, FILE *file)
{
    for (size_t i = 0; i < table->count; i++) {
        fprintf(file, "%s %zu %s\n",
                table->used[i]              ? "used"
                : table->rules[i].elsewhere ? "elsewhere"
                                            : "unused",
                table->first + i, table->rules[i].name);
    }
    for (size_t i = 0; i < COUNT(table->outside); i++) {
        if (table->outside[i]) {
            fprintf(file, "outside %zu\n", i);
        }
    }
}

int main(int argc, char **argv)
{
    static struct watch watch = {
        .daemon = {.rules = seccomp_rules, .count = COUNT(seccomp_rules)},
        .verifier = {.rules = seccomp_verifier_rules,
                     .count = COUNT(seccomp_verifier_rules),
                     .first = 1000},
        .count = 1,
        .result = 1,
    };
    FILE *file = argc > 3 ? fopen(argv[1], "we") : NULL;

    _Static_assert(COUNT(seccomp_rules) <= RULES_MAX, "there is a place for each");
    if (file == NULL) {
        fprintf(stderr, "usage: seccomp_watch REPORT USES COMMAND...\n");
        return 2;
    }
    watch.daemon.uses = (unsigned)atoi(argv[2]);
    pid_t daemon = fork();
    if (daemon == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[3], argv + 3);
        perror(argv[3]);
        _exit(127);
    }
    watch.processes[0] = (struct process){.pid = daemon, .table = &watch.daemon};
    if (attach(&watch)) {
        run(&watch);
    }
    report(&watch.daemon, file);
    report(&watch.verifier, file);
    fclose(file);
    return watch.result;
}
