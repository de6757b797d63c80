// SPDX-License-Identifier: BSD-2-Clause
/* unlock FILE: clear the flag by which efivarfs keeps root from changing a variable by accident. Busybox has no
 * chattr, and a refusal is to come from the daemon and not from the guest's kernel. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
    int flags = 0;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;

    return fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 ||
           (flags &= ~FS_IMMUTABLE_FL, ioctl(fd, FS_IOC_SETFLAGS, &flags)) != 0;
}
