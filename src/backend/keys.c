// SPDX-License-Identifier: BSD-2-Clause
#include "backend/keys.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

/* In the order in which they are enrolled. */
static const struct key_file {
    const char *file;
    const struct guid *guid;
    struct span name;
    uint32_t attributes;
    bool needed; /* when strict */
} key_files[KEY_FILE_COUNT] = {
    {"dbx.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx"),
     AUTH_KEY_ATTRIBUTES | EFI_VARIABLE_APPEND_WRITE, false},
    {"db.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db"), AUTH_KEY_ATTRIBUTES, true},
    {"KEK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK"), AUTH_KEY_ATTRIBUTES, true},
    {"PK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK"), AUTH_KEY_ATTRIBUTES, false},
};

static int open_key_file(const char *directory, const char *file)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s", directory, file);

    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

void key_files_open(struct key_files *files, const char *directory)
{
    files->directory = directory;
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        files->fds[i] = open_key_file(directory, key_files[i].file);
        files->reasons[i] = files->fds[i] < 0 ? errno : 0;
    }
}

void key_files_close(struct key_files *files)
{
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        if (files->fds[i] >= 0) {
            close(files->fds[i]);
            files->fds[i] = -1;
        }
    }
}

static bool set_key(struct service *service, const struct key_file *key, struct span data,
                    struct err *err)
{
    const struct request request = {
        .command = WIRE_SET_VARIABLE,
        .name = key->name,
        .guid = *key->guid,
        .data = data,
        .attributes = key->attributes,
    };
    efi_status status = service_set_variable(service, &request);

    if (status != EFI_SUCCESS) {
        return err_set(err, "it is refused (%s): is it an .auth file for this variable?",
                       efi_status_text(status));
    }
    return true;
}

static bool enroll_open_file(const struct key_file *key, int fd, struct service *service,
                             struct err *err)
{
    size_t len;
    auto_free uint8_t *data = io_read_all(fd, WIRE_DATA_MAX, &len, err);

    return data != NULL && set_key(service, key, span_of(data, len), err);
}

static bool enroll_missing(const struct key_file *key, int reason, bool strict, struct err *err)
{
    if (reason == ENOENT && !(strict && key->needed)) {
        log_info("there is no %s: the VM starts without", key->file);
        return true;
    }
    errno = reason;
    return err_errno(err, "it can't be opened");
}

bool key_files_enroll(struct key_files *files, struct service *service, bool strict,
                      struct err *err)
{
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        bool ok = files->fds[i] >= 0
                      ? enroll_open_file(&key_files[i], files->fds[i], service, err)
                      : enroll_missing(&key_files[i], files->reasons[i], strict, err);
        if (!ok) {
            return err_context(err, "%s/%s", files->directory, key_files[i].file);
        }
    }
    return true;
}
