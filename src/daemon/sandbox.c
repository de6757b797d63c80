// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/sandbox.h"

#include "base/log.h"
#include "daemon/seccomp_table.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILE_SIZE_MAX (256u << 10) /* bytes: what the toolstack's contract allows the daemon */
#define PROGRAM_MAX 256u           /* instructions */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------------- system call filters */

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short len;
};

static void emit(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false,
                 uint32_t value)
{
    if (program->len < PROGRAM_MAX) {
        program->code[program->len] =
            (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = value};
    }
    program->len++;
}

static void emit_load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void emit_load_argument(struct program *program, unsigned index)
{
    emit_load(program, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

static void emit_return(struct program *program, uint32_t action)
{
    emit(program, BPF_RET | BPF_K, 0, 0, action);
}

/* Allows the call, and falls through with the call's number loaded again when the rule isn't met.
 */
static void emit_rule(struct program *program, const struct seccomp_rule *rule)
{
    bool inverted = rule->condition != SECCOMP_EQUAL;
    uint16_t test = rule->condition == SECCOMP_WITHOUT ? BPF_JSET : BPF_JEQ;

    if (rule->condition == SECCOMP_ALWAYS) {
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, rule->number);
        emit_return(program, SECCOMP_RET_ALLOW);
        return;
    }
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, rule->number);
    emit_load_argument(program, rule->argument);
    emit(program, BPF_JMP | test | BPF_K, inverted ? 1 : 0, inverted ? 0 : 1, rule->value);
    emit_return(program, SECCOMP_RET_ALLOW);
    emit_load(program, offsetof(struct seccomp_data, nr));
}

/* Another architecture's numbers mean other calls. (Those of x32 are beyond all in the table.) */
static void emit_head(struct program *program)
{
    emit_load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
    emit_return(program, SECCOMP_RET_KILL_PROCESS);
    emit_load(program, offsetof(struct seccomp_data, nr));
}

static bool load(const struct program *program, struct err *err)
{
    struct sock_fprog filter = {.len = program->len,
                                .filter = (struct sock_filter *)(uintptr_t)program->code};

    if (program->len > PROGRAM_MAX) {
        return err_set(err, "sandbox: too many rules");
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 ||
           err_errno(err, "sandbox: can't filter system calls");
}

static void emit_rules(struct program *program, const struct seccomp_rule *rules, size_t count,
                       unsigned uses)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].uses == 0 || (rules[i].uses & uses) != 0) {
            emit_rule(program, &rules[i]);
        }
    }
}

static bool filter_system_calls(unsigned uses, struct err *err)
{
    struct program program;

    program.len = 0;
    emit_head(&program);
    if (uses == SANDBOX_USE_VERIFIER) {
        emit_rules(&program, seccomp_verifier_rules, COUNT(seccomp_verifier_rules), 0);
    } else {
        emit_rules(&program, seccomp_rules, COUNT(seccomp_rules), uses);
    }
#ifdef INSTRUMENTED
    emit_rules(&program, seccomp_instrumented_rules, COUNT(seccomp_instrumented_rules), 0);
#endif
    emit_return(&program, SECCOMP_RET_KILL_PROCESS);
    return load(&program, err);
}

/* The filters of a process add up: what this one allows, the first has to allow as well. */
bool sandbox_seal(int fd, struct err *err)
{
    static const uint32_t calls[] = {__NR_write, __NR_sendto, __NR_writev, __NR_sendmsg,
                                     __NR_pwrite64};
    struct program program;

    program.len = 0;
    emit_load(&program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < COUNT(calls); i++) {
        /* From here to the first instruction behind the next return. */
        emit(&program, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(COUNT(calls) - i), 0, calls[i]);
    }
    emit_return(&program, SECCOMP_RET_ALLOW);
    emit_load_argument(&program, 0);
    emit(&program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)fd);
    emit_return(&program, SECCOMP_RET_KILL_PROCESS);
    emit_return(&program, SECCOMP_RET_ALLOW);
    return load(&program, err);
}

/* ----------------------------------------------------------------------------------- the steps */

static bool change_root(const char *root, struct err *err)
{
    return root == NULL || (chroot(root) == 0 && chdir("/") == 0) ||
           err_errno(err, "sandbox: can't change the root to %s", root);
}

static bool leave_namespaces(const struct sandbox_config *config, struct err *err)
{
    static const struct {
        int flag;
        const char *name;
    } namespaces[] = {{CLONE_NEWNS, "mount"},
                      {CLONE_NEWIPC, "IPC"},
                      {CLONE_NEWNET, "network"},
                      {CLONE_NEWUTS, "UTS"}};

    for (size_t i = 0; i < COUNT(namespaces) && config->namespaces; i++) {
        if (unshare(namespaces[i].flag) == 0) {
            continue;
        }
        if (config->strict) {
            return err_errno(err, "sandbox: can't leave the %s namespace", namespaces[i].name);
        }
        log_warning("can't leave the %s namespace: %s", namespaces[i].name, strerror(errno));
    }
    return true;
}

static bool drop_user(const struct sandbox_config *config, struct err *err)
{
    if (!config->drop) {
        return true;
    }
    if (config->uid == 0 || config->gid == 0) {
        return err_set(err, "sandbox: the user and group to become may not be root");
    }
    if (setgid(config->gid) != 0 || setgroups(0, NULL) != 0 || setuid(config->uid) != 0) {
        return err_errno(err, "sandbox: can't become user %u, group %u", config->uid, config->gid);
    }
    if (setuid(0) == 0 || setgid(0) == 0) {
        return err_set(err, "sandbox: root can be regained");
    }
    return true;
}

/* Where that is refused, there being no privilege to do so, refusing new privileges does as much.
 */
static void empty_bounding_set(void)
{
    for (unsigned long i = 0; prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0; i++) {
    }
}

static bool drop_capabilities(struct err *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capset, &header, none) == 0 ||
           err_errno(err, "sandbox: can't give up the capabilities");
}

/* A write beyond the limit is to fail, not to end the process. */
static bool limit_resources(const struct sandbox_config *config, struct err *err)
{
    const struct rlimit file_size = {.rlim_cur = FILE_SIZE_MAX, .rlim_max = FILE_SIZE_MAX};
    const struct rlimit processes = {.rlim_cur = 1, .rlim_max = 1};

    return (signal(SIGXFSZ, SIG_IGN) != SIG_ERR &&
            (config->records || setrlimit(RLIMIT_FSIZE, &file_size) == 0) &&
            setrlimit(RLIMIT_NPROC, &processes) == 0) ||
           err_errno(err, "sandbox: can't limit the resources");
}

static bool refuse_privileges(struct err *err)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ||
           err_errno(err, "sandbox: can't refuse new privileges");
}

bool sandbox_enter(const struct sandbox_config *config, struct err *err)
{
    if ((config->restrict_handles != NULL && !config->restrict_handles(config->self, err)) ||
        !change_root(config->chroot, err) || !leave_namespaces(config, err)) {
        return false;
    }
    empty_bounding_set();
    return drop_user(config, err) && drop_capabilities(err) && limit_resources(config, err) &&
           refuse_privileges(err) && filter_system_calls(config->uses, err);
}
