// SPDX-License-Identifier: BSD-2-Clause
/*
 * The system calls of a daemon that is locked in, and of its verifier; any other ends it. Each is
 * used in the life of a daemon: tests/integration/sandbox_test.py looks that none is listed that
 * isn't.
 *
 * A rule whose condition doesn't hold is as if it weren't there; several rules of one call are
 * alternatives. Arguments are compared by their low 32 bits, which is all that the kernel takes of
 * those in the table (descriptors, commands, flags).
 */
#ifndef DAEMON_SECCOMP_TABLE_H
#define DAEMON_SECCOMP_TABLE_H

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "daemon/sandbox.h"

enum seccomp_condition {
    SECCOMP_ALWAYS,
    SECCOMP_EQUAL,   /* the argument is the value */
    SECCOMP_UNEQUAL, /* it isn't */
    SECCOMP_WITHOUT, /* it has none of the value's bits */
};

struct seccomp_rule {
    const char *name;
    uint32_t number;
    unsigned uses; /* enum sandbox_use, any of which needs the call; 0: all daemons do */
    enum seccomp_condition condition;
    unsigned argument; /* its index */
    uint32_t value;
    bool elsewhere; /* needed by other hosts or C libraries, not in every test */
};

#define RULE(call, ...)                                                                            \
    {                                                                                              \
        .name = #call, .number = __NR_##call, __VA_ARGS__                                          \
    }
#define XEN .uses = SANDBOX_USE_XEN
#define LOCAL .uses = SANDBOX_USE_LOCAL
#define SOCKET .uses = SANDBOX_USE_SOCKET
#define FILES .uses = SANDBOX_USE_FILES
#define ARGUMENT_IS(index, number)                                                                 \
    .condition = SECCOMP_EQUAL, .argument = (index), .value = (uint32_t)(number)
#define ARGUMENT_IS_NOT(index, number)                                                             \
    .condition = SECCOMP_UNEQUAL, .argument = (index), .value = (uint32_t)(number)
#define ARGUMENT_LACKS(index, bits)                                                                \
    .condition = SECCOMP_WITHOUT, .argument = (index), .value = (uint32_t)(bits)

/* The requests of /dev/xen/evtchn and /dev/xen/privcmd (linux/include/uapi/xen), which have neither
 * direction nor size in common: _IOC(_IOC_NONE, type, number, size of the argument). */
#define EVTCHN_IOCTL(number, size) _IOC(_IOC_NONE, 'E', number, size)
#define PRIVCMD_IOCTL(number, size) _IOC(_IOC_NONE, 'P', number, size)

static const struct seccomp_rule seccomp_rules[] = {
    /* Each request of a guest. */
    RULE(ioctl, XEN, ARGUMENT_IS(1, EVTCHN_IOCTL(4, 4))),   /* notify */
    RULE(ioctl, XEN, ARGUMENT_IS(1, PRIVCMD_IOCTL(5, 16))), /* device model operations */
    RULE(read),
    RULE(write),
    RULE(poll),
    RULE(recvmsg, LOCAL),
    RULE(sendto),
    RULE(epoll_wait, LOCAL),
    RULE(clock_gettime, .elsewhere = true), /* where the clock can't be read in user space */

    /* Attaching to a guest, and its buffers. */
    RULE(ioctl, XEN, ARGUMENT_IS(1, EVTCHN_IOCTL(1, 8))),   /* bind to a domain's port */
    RULE(ioctl, XEN, ARGUMENT_IS(1, PRIVCMD_IOCTL(4, 32))), /* map pages */
    RULE(ioctl, XEN, ARGUMENT_IS(1, PRIVCMD_IOCTL(7, 32))), /* map requests */
    RULE(clock_nanosleep, XEN, .elsewhere = true),          /* mapping pages that are paged out */
    RULE(epoll_ctl, .uses = SANDBOX_USE_XEN | SANDBOX_USE_LOCAL),
    RULE(getpid, XEN),
    RULE(accept4, LOCAL),
    RULE(fstatfs, LOCAL), /* is what a client passed a memfd? */
    RULE(fcntl, LOCAL, ARGUMENT_IS(1, F_GET_SEALS)),
    RULE(prctl, XEN, ARGUMENT_IS(0, PR_SET_SECCOMP)), /* sandbox_seal; can only forbid more */

    /* Asking the process that checks signatures. (XAPI's answers, too.) */
    RULE(recvfrom),

    /* Memory, never executable. */
    RULE(mmap, ARGUMENT_LACKS(2, PROT_EXEC)),
    RULE(munmap),
    RULE(mremap),
    RULE(brk),
    RULE(sysinfo, .elsewhere = true), /* qsort of a glibc before 2.37, for how much there is */

    /* The file backend: files in folders that are open. */
    RULE(openat, FILES, ARGUMENT_IS_NOT(0, AT_FDCWD)),
    RULE(newfstatat, .uses = SANDBOX_USE_FILES | SANDBOX_USE_LOCAL),
    RULE(renameat, FILES),
    RULE(linkat, FILES),
    RULE(unlinkat, FILES),

    /* A suspend image, into a file that is open. */
    RULE(lseek),
    RULE(ftruncate),
    RULE(fsync),

    /* XAPI: connecting to a socket in the file system. */
    RULE(socket, SOCKET, ARGUMENT_IS(0, AF_UNIX)),
    RULE(connect, SOCKET),
    RULE(getrandom, .elsewhere = true),
    RULE(unlink, LOCAL),

    RULE(close),
    RULE(restart_syscall), /* a poll that was interrupted by SIGSTOP */
    RULE(exit_group),
};

/* The process that checks signatures: its socket, and memory. */
static const struct seccomp_rule seccomp_verifier_rules[] = {
    RULE(recvfrom),
    RULE(alarm),
    RULE(sendto),
    RULE(mmap, ARGUMENT_LACKS(2, PROT_EXEC)), /* for requests that are large */
    RULE(munmap),
    RULE(brk, .elsewhere = true), /* where the start of libcrypto has left less of the heap */
    /* What OpenSSL makes once, it makes under pthread_once. */
    RULE(futex, ARGUMENT_IS(1, FUTEX_WAKE | FUTEX_PRIVATE_FLAG)),
    RULE(close), /* standard error, once */
    RULE(exit_group),
};

#undef XEN
#undef LOCAL
#undef SOCKET
#undef FILES

/*
 * What the run-time libraries of sanitizers and coverage do beside. Only in instrumented builds,
 * which nobody installs; the optimised build is tested with the table above alone.
 */
#ifdef INSTRUMENTED
static const struct seccomp_rule seccomp_instrumented_rules[] = {
    RULE(futex),          RULE(sched_yield), RULE(madvise), RULE(mprotect),     RULE(gettid),
    RULE(getpid),         RULE(getppid),     RULE(tgkill),  RULE(rt_sigaction), RULE(readlink),
    RULE(openat),         RULE(newfstatat),  RULE(lseek),   RULE(fcntl),        RULE(prlimit64),
    RULE(sigaltstack),    RULE(clone),       RULE(wait4),   RULE(prctl),        RULE(uname),
    RULE(rt_sigprocmask), RULE(access),      RULE(mkdir),   RULE(pipe2),        RULE(sysinfo),
    RULE(getcwd),         RULE(write),
};
#endif

#endif
