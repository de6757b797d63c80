// SPDX-License-Identifier: BSD-2-Clause
#include "transport/local_socket.h"

#include "base/cleanup.h"
#include "transport/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Is path a socket on which nobody listens any more? Only connecting can tell. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat st;
    auto_close int fd = new_socket();

    return lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && fd >= 0 &&
           connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
           errno == ECONNREFUSED;
}

static bool bind_path(int fd, const struct sockaddr_un *address, struct err *err)
{
    const char *path = address->sun_path;

    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        return true;
    }
    if (errno != EADDRINUSE) {
        return err_errno(err, "%s: can't make the socket", path);
    }
    if (!is_stale(address)) {
        return err_set(err,
                       "%s: exists already: another daemon serves there, or it is no socket; "
                       "remove it or name another path",
                       path);
    }
    if (unlink(path) != 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        return err_errno(err, "%s: can't replace the socket that was left there", path);
    }
    return true;
}

/* The socket's mode before bind is the file's mode after it: there is no moment with a wider one.
 */
static bool bind_private(int fd, const struct sockaddr_un *address, struct err *err)
{
    if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) != 0) {
        return err_errno(err, "%s: can't make a socket", address->sun_path);
    }
    return bind_path(fd, address, err);
}

bool local_socket_listen(struct local_socket *out, const char *path, struct err *err)
{
    struct local_socket made = {.fd = -1, .address = {.sun_family = AF_UNIX}};
    struct stat st;
    auto_close int fd = new_socket();

    if (path[0] == '\0' || strlen(path) >= sizeof(made.address.sun_path)) {
        return err_set(err, "%s: a socket's path has 1 to %zu bytes", path,
                       sizeof(made.address.sun_path) - 1);
    }
    memcpy(made.address.sun_path, path, strlen(path));
    if (!bind_private(fd, &made.address, err)) {
        return false;
    }
    if (lstat(path, &st) != 0 || listen(fd, LOCAL_CLIENTS_MAX) != 0) {
        err_errno(err, "%s: can't listen", path);
        unlink(path);
        return false;
    }
    made.device = st.st_dev;
    made.inode = st.st_ino;
    made.fd = take_fd(&fd);
    *out = made;
    return true;
}

void local_socket_close(struct local_socket *listener)
{
    const char *path = listener->address.sun_path;
    struct stat st;

    if (listener->fd < 0) {
        return;
    }
    close(listener->fd);
    listener->fd = -1;
    if (lstat(path, &st) == 0 && st.st_dev == listener->device && st.st_ino == listener->inode) {
        unlink(path);
    }
}
