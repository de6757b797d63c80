// SPDX-License-Identifier: BSD-2-Clause
#include "support/raw_local.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "transport/local.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

int raw_memfd(size_t len, int seals)
{
    auto_close int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, (off_t)len) != 0 || fcntl(fd, F_ADD_SEALS, seals) != 0) {
        return -1;
    }
    int result = fd;
    fd = -1;
    return result;
}

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 30};
    auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
        return -1;
    }
    int result = fd;
    fd = -1;
    return result;
}

bool raw_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd_count > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    return sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)len;
}

bool raw_send_memory(int fd, const int *fds, size_t fd_count)
{
    static const uint8_t bytes[LOCAL_MESSAGE_SIZE] = {LOCAL_MEMORY};

    return raw_send(fd, bytes, sizeof(bytes), fds, fd_count);
}

bool raw_receive(int fd, uint32_t *result, uint32_t *value)
{
    uint8_t bytes[LOCAL_ANSWER_SIZE + 1];
    ssize_t len = recv(fd, bytes, sizeof(bytes), 0);
    struct reader reader = reader_of(span_of(bytes, len > 0 ? (size_t)len : 0));

    return reader_u32le(&reader, result) && reader_u32le(&reader, value) && reader_end(&reader);
}

bool raw_send_message(int fd, uint32_t operation, uint32_t port, uint32_t size, uint32_t value)
{
    uint8_t bytes[LOCAL_MESSAGE_SIZE];
    struct writer writer = writer_of(bytes, sizeof(bytes));

    writer_u32le(&writer, operation);
    writer_u32le(&writer, port);
    writer_u32le(&writer, size);
    writer_u32le(&writer, value);
    return raw_send(fd, bytes, sizeof(bytes), NULL, 0);
}

unsigned raw_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    if (folder == NULL) {
        abort();
    }
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}
