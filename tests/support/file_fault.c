// SPDX-License-Identifier: BSD-2-Clause
#include "support/file_fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLS_MAX 32

static enum file_fault fault;
static long left = -1; /* calls that still work; -1: not armed */
static const char *hit;
static char calls[1024];
static const char *cut; /* the call whose next one fails, after a short one */

static struct {
    const char *name;
    unsigned count;
} seen[CALLS_MAX];

void file_fault_arm(enum file_fault how, long n)
{
    fault = how;
    left = n;
    hit = cut = NULL;
    calls[0] = '\0';
}

const char *file_fault_calls(void)
{
    return calls;
}

const char *file_fault_disarm(void)
{
    left = -1;
    cut = NULL;
    return hit;
}

unsigned file_fault_seen(const char *call)
{
    for (size_t i = 0; i < CALLS_MAX && seen[i].name != NULL; i++) {
        if (strcmp(seen[i].name, call) == 0) {
            return seen[i].count;
        }
    }
    return 0;
}

static void count(const char *call)
{
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (seen[i].name == NULL || seen[i].name == call) {
            seen[i].name = call;
            seen[i].count++;
            return;
        }
    }
    abort();
}

/* Is this the call that goes wrong? */
static bool strikes(const char *call)
{
    if (hit != NULL || left < 0) {
        return false;
    }
    count(call);
    snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s ", call);
    if (left-- > 0) {
        return false;
    }
    left = -1;
    hit = call;
    return true;
}

static int failure(void)
{
    errno = fault == FILE_FAULT_ENOSPC ? ENOSPC : EIO;
    return -1;
}

/* The body of a wrapper around a call that gives -1 when it fails. */
#define STRIKE(name, real)                                                                         \
    if (!strikes(name)) {                                                                          \
        return real;                                                                               \
    }                                                                                              \
    if (fault == FILE_FAULT_AFTER && real < 0) {                                                   \
        return -1;                                                                                 \
    }                                                                                              \
    return failure()

#define WRAP(type, call, parameters, arguments)                                                    \
    type __real_##call parameters;                                                                 \
    type __wrap_##call parameters;                                                                 \
    type __wrap_##call parameters                                                                  \
    {                                                                                              \
        STRIKE(#call, __real_##call arguments);                                                    \
    }

WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, renameat, (int from_dir, const char *from, int to_dir, const char *to),
     (from_dir, from, to_dir, to))
WRAP(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags))
WRAP(int, flock, (int fd, int operation), (fd, operation))
WRAP(int, ftruncate, (int fd, off_t len), (fd, len))
WRAP(int, fstat, (int fd, struct stat *status), (fd, status))
WRAP(int, fstatat, (int dir, const char *path, struct stat *status, int flags),
     (dir, path, status, flags))
WRAP(int, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags))
WRAP(int, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
WRAP(ssize_t, pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))

/* A descriptor that was opened before the failure must not stay open. */
static int opened(const char *call, int fd)
{
    if (!strikes(call)) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return failure();
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_fcntl(int fd, int command, int argument);
int __wrap_fcntl(int fd, int command, int argument);

static bool strikes_before(void)
{
    return left == 0 && fault != FILE_FAULT_AFTER;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return opened("open", strikes_before() ? -1 : __real_open(path, flags, mode));
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return opened("openat", strikes_before() ? -1 : __real_openat(dir, path, flags, mode));
}

int __wrap_fcntl(int fd, int command, int argument)
{
    return opened("fcntl", strikes_before() ? -1 : __real_fcntl(fd, command, argument));
}

/* close gives the descriptor back whatever it says. */
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
    int result = __real_close(fd);

    return strikes("close") ? failure() : result;
}

ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

/* What a read or write that is to go wrong does: gives true with the length that it does after
 * all, or false with errno. */
static bool partly(const char *call, size_t *len)
{
    if (cut == call) {
        errno = ENOSPC;
        cut = NULL;
        return false;
    }
    if (!strikes(call)) {
        return true;
    }
    if (fault == FILE_FAULT_SHORT && *len > 1) {
        *len /= 2;
        cut = strcmp(call, "write") == 0 ? call : NULL;
        return true;
    }
    failure();
    errno = fault == FILE_FAULT_INTERRUPTED ? EINTR : errno;
    return fault == FILE_FAULT_SHORT;
}

ssize_t __wrap_read(int fd, void *bytes, size_t len)
{
    return partly("read", &len) ? __real_read(fd, bytes, len) : -1;
}

/* Log lines are not files. */
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    return fd == STDERR_FILENO || partly("write", &len) ? __real_write(fd, bytes, len) : -1;
}

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
struct dirent *__real_readdir(DIR *stream);
struct dirent *__wrap_readdir(DIR *stream);
int __real_closedir(DIR *stream);
int __wrap_closedir(DIR *stream);

DIR *__wrap_fdopendir(int fd)
{
    if (strikes("fdopendir")) {
        failure();
        return NULL;
    }
    return __real_fdopendir(fd);
}

struct dirent *__wrap_readdir(DIR *stream)
{
    if (strikes("readdir")) {
        failure();
        return NULL;
    }
    return __real_readdir(stream);
}

int __wrap_closedir(DIR *stream)
{
    int result = __real_closedir(stream);

    return strikes("closedir") ? failure() : result;
}
