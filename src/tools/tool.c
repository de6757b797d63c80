// SPDX-License-Identifier: BSD-2-Clause
#include "tools/tool.h"

#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

int tool_fail(const char *name, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", name, err->text);
    return 1;
}

int tool_print_version(const char *name)
{
    printf("%s (uefistored) %s\n", name, UEFISTORED_VERSION);
    return 0;
}

uint8_t *tool_read_file(const char *path, size_t limit, size_t *len, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_errno(err, "can't open %s", path);
        return NULL;
    }
    uint8_t *bytes = io_read_all(fd, limit, len, err);
    if (bytes == NULL) {
        err_context(err, "%s", path);
    }
    return bytes;
}

bool tool_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

bool tool_flush(struct err *err)
{
    return (fflush(stdout) == 0 && ferror(stdout) == 0) || err_errno(err, "can't write to stdout");
}

static bool write_and_rename(int fd, const char *new_path, const char *path, struct span bytes,
                             unsigned mode, struct err *err)
{
    struct stat old;

    if (stat(path, &old) == 0) {
        mode = old.st_mode & 07777;
    }
    return (fchmod(fd, mode) == 0 && io_write_all(fd, bytes) && fsync(fd) == 0 &&
            rename(new_path, path) == 0) ||
           err_errno(err, "can't write %s", path);
}

bool tool_write_file(const char *path, struct span bytes, unsigned mode, struct err *err)
{
    char new_path[PATH_MAX];
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        auto_close int device = open(path, O_WRONLY | O_CLOEXEC);
        return (device >= 0 && io_write_all(device, bytes)) ||
               err_errno(err, "can't write %s", path);
    }
    if ((size_t)snprintf(new_path, sizeof(new_path), "%s.XXXXXX", path) >= sizeof(new_path)) {
        return err_set(err, "%s: the path is too long", path);
    }
    auto_close int fd = mkostemp(new_path, O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "can't write beside %s", path);
    }
    if (!write_and_rename(fd, new_path, path, bytes, mode, err)) {
        unlink(new_path);
        return false;
    }
    return true;
}
