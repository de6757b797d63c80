// SPDX-License-Identifier: BSD-2-Clause
#include "support/folder.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>

static struct folder new_in(const char *parent)
{
    struct folder folder;

    snprintf(folder.path, sizeof(folder.path), "%.40s/uefistored-XXXXXX", parent);
    if (mkdtemp(folder.path) == NULL) {
        perror(folder.path);
        exit(1);
    }
    return folder;
}

struct folder folder_new(void)
{
    return new_in(access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
}

struct folder folder_new_on_disk(void)
{
    const char *parent = getenv("TMPDIR");

    return new_in(parent != NULL ? parent : "/var/tmp");
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void folder_remove(const struct folder *folder)
{
    nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

const char *folder_file(const struct folder *folder, const char *name)
{
    static char buffers[4][128];
    static unsigned next;
    char *buffer = buffers[next++ % 4];

    snprintf(buffer, sizeof(buffers[0]), "%s/%s", folder->path, name);
    return buffer;
}

bool folder_write(const struct folder *folder, const char *name, struct span bytes)
{
    auto_close int fd = open(folder_file(folder, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    return fd >= 0 && io_write_all(fd, bytes);
}

uint8_t *folder_read(const struct folder *folder, const char *name, size_t *len)
{
    auto_close int fd = open(folder_file(folder, name), O_RDONLY);

    return fd >= 0 ? io_read_all(fd, 16u << 20, len, NULL) : NULL;
}
