// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/pidfile.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* lockf(3) locks, as the toolstack looks for; F_GETLK names the holder. */
static bool pidfile_lock(int fd, const char *path, struct err *err)
{
    struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (lockf(fd, F_TLOCK, 0) == 0) {
        return true;
    }
    if (errno != EACCES && errno != EAGAIN) {
        return err_errno(err, "can't lock the pid file %s", path);
    }
    if (fcntl(fd, F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK) {
        holder.l_pid = 0;
    }
    return err_set(err, "the pid file %s is locked by process %ld: is this VM served already?",
                   path, (long)holder.l_pid);
}

static bool pidfile_write(int fd, const char *path, struct err *err)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)len) != len) {
        return err_errno(err, "can't write the pid file %s", path);
    }
    return true;
}

int pidfile_take(const char *path, struct err *err)
{
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        err_errno(err, "can't open the pid file %s", path);
        return -1;
    }
    if (!pidfile_lock(fd, path, err) || !pidfile_write(fd, path, err)) {
        return -1;
    }
    return take_fd(&fd);
}
