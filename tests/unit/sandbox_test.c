// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a process in the sandbox can't do, each tried in a process of its own: a forbidden system
 * call is the last thing that it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include "daemon/sandbox.c" /* the daemon is no library */

#define ALL_USES (SANDBOX_USE_XEN | SANDBOX_USE_LOCAL | SANDBOX_USE_SOCKET | SANDBOX_USE_FILES)
#define NOBODY 65534u

/* Runs the attempt in the sandbox, in a process of its own; gives how that ended. */
static int ending_of(const struct sandbox_config *config, void (*attempt)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct err err = {0};
        if (!sandbox_enter(config, &err)) {
            (void)!write(STDERR_FILENO, err.text, strlen(err.text));
            _exit(99);
        }
        attempt();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* SIGSEGV is what the numbers of i386 end in where the kernel has none of them. */
static bool killed(int status)
{
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
}

static void try_execve(void)
{
    char *const arguments[] = {(char *)(uintptr_t) "/bin/true", NULL};

    execve("/bin/true", arguments, NULL);
}

static void try_open(void)
{
    (void)!open("/etc/passwd", O_RDONLY);
}

static void try_old_open(void)
{
    syscall(SYS_open, "/etc/passwd", O_RDONLY);
}

static void try_ptrace(void)
{
    ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void try_other_memory(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};

    process_vm_readv(1, &here, 1, &there, 1, 0);
}

static void try_internet(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}

static void try_netlink(void)
{
    socket(AF_NETLINK, SOCK_RAW, 0);
}

static void try_fork(void)
{
    syscall(SYS_fork);
}

static void try_thread(void)
{
    syscall(SYS_clone3, NULL, 0);
}

static void try_kill(void)
{
    kill(getppid(), 0);
}

static void try_executable_memory(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_executable_later(void)
{
    syscall(SYS_pkey_mprotect, NULL, 4096, PROT_EXEC, -1);
}

static void try_terminal(void)
{
    ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static void try_hypercall(void)
{
    ioctl(STDIN_FILENO, _IOC(_IOC_NONE, 'P', 0, 48), NULL);
}

static void try_privileges(void)
{
    (void)!setuid(0);
}

static void try_mount(void)
{
    syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static void try_namespace(void)
{
    unshare(CLONE_NEWUSER);
}

static void try_kernel_queue(void)
{
    syscall(SYS_io_uring_setup, 1, NULL);
}

static void try_kernel_program(void)
{
    syscall(SYS_bpf, 0, NULL, 0);
}

static void try_duplicate(void)
{
    (void)!dup(STDERR_FILENO);
}

static void try_no_seccomp(void)
{
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void try_x32(void)
{
    syscall(0x40000000 | SYS_write, STDERR_FILENO, "", 0);
}

static void try_i386(void)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20 /* getpid */) : "memory");
}

static const struct {
    const char *name;
    void (*attempt)(void);
    bool instrumented; /* allowed in an instrumented build */
} forbidden[] = {
    {"execve", try_execve, false},
    {"a file by its path", try_open, true},
    {"the old open", try_old_open, false},
    {"ptrace", try_ptrace, false},
    {"another's memory", try_other_memory, false},
    {"the network", try_internet, false},
    {"netlink", try_netlink, false},
    {"fork", try_fork, false},
    {"a thread", try_thread, false},
    {"a signal", try_kill, false},
    {"executable memory", try_executable_memory, false},
    {"memory made executable", try_executable_later, false},
    {"input for a terminal", try_terminal, false},
    {"a hypercall", try_hypercall, false},
    {"another user", try_privileges, false},
    {"a mount", try_mount, false},
    {"a user namespace", try_namespace, false},
    {"io_uring", try_kernel_queue, false},
    {"bpf", try_kernel_program, false},
    {"a duplicate of a descriptor", try_duplicate, false},
    {"other attributes of the process", try_no_seccomp, true},
    {"the numbers of x32", try_x32, false},
    {"the numbers of i386", try_i386, false},
};

static void test_a_forbidden_call_ends_the_process(void **state)
{
    const struct sandbox_config config = {.uses = ALL_USES};

    (void)state;
    for (size_t i = 0; i < COUNT(forbidden); i++) {
#ifdef INSTRUMENTED
        if (forbidden[i].instrumented) {
            continue;
        }
#endif
        if (!killed(ending_of(&config, forbidden[i].attempt))) {
            fail_msg("%s is not forbidden", forbidden[i].name);
        }
    }
}

static void use_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/nonexistent"};

    _exit(fd >= 0 && connect(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) != 0 ? 0 : 1);
}

static void use_xen(void)
{
    ioctl(STDIN_FILENO, EVTCHN_IOCTL(4, 4), NULL);
}

static void use_files(void)
{
    renameat(-1, "a", -1, "b");
}

/* Receiving is how a daemon on Xen could get a second number for a sealed descriptor. */
static void use_local(void)
{
    struct msghdr message = {0};

    recvmsg(STDIN_FILENO, &message, 0);
    accept4(STDIN_FILENO, NULL, NULL, 0);
}

static void test_a_daemon_has_the_calls_of_its_own_kind_only(void **state)
{
    static const struct {
        unsigned use;
        void (*attempt)(void);
    } kinds[] = {{SANDBOX_USE_SOCKET, use_socket},
                 {SANDBOX_USE_XEN, use_xen},
                 {SANDBOX_USE_FILES, use_files},
                 {SANDBOX_USE_LOCAL, use_local}};

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct sandbox_config with = {.uses = kinds[i].use};
        const struct sandbox_config without = {.uses = ALL_USES & ~kinds[i].use};
        assert_int_equal(ending_of(&with, kinds[i].attempt), 0);
        assert_true(killed(ending_of(&without, kinds[i].attempt)));
    }
}

static void seal_and_write(void)
{
    struct err err;
    char byte;

    (void)!write(STDERR_FILENO, "", 0);
    if (!sandbox_seal(STDIN_FILENO, &err)) {
        _exit(98);
    }
    (void)!write(STDERR_FILENO, "", 0);
    (void)!read(STDIN_FILENO, &byte, 0);
    (void)!write(STDIN_FILENO, "", 0);
}

static void seal_and_send(void)
{
    struct err err;

    if (!sandbox_seal(STDIN_FILENO, &err)) {
        _exit(98);
    }
    sendto(STDERR_FILENO, "", 0, 0, NULL, 0);
    sendto(STDIN_FILENO, "", 0, 0, NULL, 0);
}

static void seal_and_send_message(void)
{
    struct msghdr message = {0};
    struct err err;

    if (!sandbox_seal(STDIN_FILENO, &err)) {
        _exit(98);
    }
    sendmsg(STDERR_FILENO, &message, 0);
    sendmsg(STDIN_FILENO, &message, 0);
}

static void seal_and_use_others(void)
{
    struct err err;
    char byte;

    if (!sandbox_seal(77, &err)) {
        _exit(98);
    }
    (void)!write(STDERR_FILENO, "", 0);
    (void)!read(STDIN_FILENO, &byte, 0);
    sendto(STDERR_FILENO, "", 0, 0, NULL, 0);
}

static void test_a_sealed_descriptor_is_not_written(void **state)
{
    const struct sandbox_config config = {.uses = ALL_USES};

    (void)state;
    assert_true(killed(ending_of(&config, seal_and_write)));
    assert_true(killed(ending_of(&config, seal_and_send)));
    assert_true(killed(ending_of(&config, seal_and_send_message)));
    assert_int_equal(ending_of(&config, seal_and_use_others), 0);
}

static void do_nothing(void)
{
}

static bool refuse_restriction(void *self, struct err *err)
{
    (void)self;
    return err_set(err, "(expected) no restriction\n");
}

static void test_a_step_that_fails_is_the_end(void **state)
{
    const struct sandbox_config unrestricted = {.restrict_handles = refuse_restriction};
    const struct sandbox_config no_root = {.chroot = "/nonexistent/(expected)\n"};
    const struct sandbox_config root = {.drop = true, .uid = 0, .gid = NOBODY};
    const struct sandbox_config root_group = {.drop = true, .uid = NOBODY, .gid = 0};

    (void)state;
    assert_int_equal(WEXITSTATUS(ending_of(&unrestricted, do_nothing)), 99);
    assert_int_equal(WEXITSTATUS(ending_of(&no_root, do_nothing)), 99);
    assert_int_equal(WEXITSTATUS(ending_of(&root, do_nothing)), 99);
    assert_int_equal(WEXITSTATUS(ending_of(&root_group, do_nothing)), 99);
}

/* In a sandbox of its own, which forbids the daemon to look. */
static void test_refused_namespaces_are_an_error_where_they_are_wanted(void **state)
{
    const struct sandbox_config config = {.namespaces = true, .uses = ALL_USES};
    const struct sandbox_config strict = {.namespaces = true, .strict = true, .uses = ALL_USES};
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        struct err err;
        if (!drop_capabilities(&err)) {
            _exit(1);
        }
        _exit(ending_of(&config, do_nothing) == 0 &&
                      WEXITSTATUS(ending_of(&strict, do_nothing)) == 99
                  ? 0
                  : 2);
    }
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void test_a_write_beyond_the_limit_fails(void **state)
{
    char path[] = "/tmp/sandbox_test.XXXXXX";
    int fd = mkstemp(path);
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        const struct sandbox_config config = {.uses = ALL_USES & ~SANDBOX_USE_FILES};
        struct err err;
        bool limited = limit_resources(&config, &err);
        bool refused = pwrite(fd, "x", 1, FILE_SIZE_MAX) < 0 && errno == EFBIG;
        _exit(limited && refused && pwrite(fd, "x", 1, FILE_SIZE_MAX - 1) == 1 ? 0 : 1);
    }
    waitpid(child, &status, 0);
    unlink(path);
    close(fd);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_forbidden_call_ends_the_process),
        cmocka_unit_test(test_a_daemon_has_the_calls_of_its_own_kind_only),
        cmocka_unit_test(test_a_sealed_descriptor_is_not_written),
        cmocka_unit_test(test_a_step_that_fails_is_the_end),
        cmocka_unit_test(test_refused_namespaces_are_an_error_where_they_are_wanted),
        cmocka_unit_test(test_a_write_beyond_the_limit_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
