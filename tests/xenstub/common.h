// SPDX-License-Identifier: BSD-2-Clause
/* What the stand-in libraries have in common; each is its own shared object. */
#ifndef XENSTUB_COMMON_H
#define XENSTUB_COMMON_H

#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

#include "xenstub/xenstub.h"

/* Opens a file of the pretended domain; -1 with errno set. */
static inline int stub_open(const char *name, int flags)
{
    const char *folder = getenv("XENSTUB_DIR");
    char path[4096];

    if (folder == NULL) {
        errno = ENOENT;
        return -1;
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return open(path, flags | O_CLOEXEC);
}

/* The hypervisor's state, mapped; NULL with errno set. */
static inline struct xenstub *stub_control(void)
{
    int fd = stub_open("control", O_RDWR);

    if (fd < 0) {
        return NULL;
    }
    void *control = mmap(NULL, sizeof(struct xenstub), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return control == MAP_FAILED ? NULL : control;
}

static inline void stub_control_close(struct xenstub *control)
{
    munmap(control, sizeof(struct xenstub));
}

/* The system call that the real library makes here; there is no driver to take it. It is for what
 * it costs, and so that the sandbox is seen to allow it. */
static inline void stub_ioctl(int fd, unsigned long request)
{
    (void)!ioctl(fd, request, NULL);
}

static inline int stub_fail(int code)
{
    errno = code;
    return -1;
}

#endif
