// SPDX-License-Identifier: BSD-2-Clause
#include "backend/keys.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>

/* PK comes last: it ends setup mode, and with it what is taken without a signature. */
static const struct key_file {
    const char *file;
    const struct guid *guid;
    struct span name;
    uint32_t append;
    bool needed; /* where the caller is strict */
} key_files[KEY_FILE_COUNT] = {
    {"dbx.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx"), EFI_VARIABLE_APPEND_WRITE,
     false},
    {"db.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db"), 0, true},
    {"KEK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK"), 0, true},
    {"PK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK"), 0, false},
};

static bool open_file(int *out, int folder, const char *path, const struct key_file *key,
                      bool strict, struct err *err)
{
    *out = openat(folder, key->file, O_RDONLY | O_CLOEXEC);
    if (*out >= 0) {
        return true;
    }
    if (errno != ENOENT) {
        return err_errno(err, "can't open the key file %s/%s", path, key->file);
    }
    return !strict || !key->needed ||
           err_set(err, "the key file %s/%s is missing", path, key->file);
}

bool key_files_open(struct key_files *out, const char *path, bool strict, struct err *err)
{
    auto_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = KEY_FILES_NONE;
    if (folder < 0) {
        return (errno == ENOENT && !strict) ||
               err_errno(err, "can't open the folder of keys %s", path);
    }
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        if (!open_file(&out->fds[i], folder, path, &key_files[i], strict, err)) {
            key_files_close(out);
            return false;
        }
    }
    return true;
}

void key_files_close(struct key_files *files)
{
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        if (files->fds[i] >= 0) {
            close(files->fds[i]);
        }
    }
    *files = KEY_FILES_NONE;
}

static bool enroll(struct service *service, const struct key_file *key, int fd, struct err *err)
{
    size_t len;
    auto_free uint8_t *data = io_read_all(fd, WIRE_DATA_MAX, &len, err);

    if (data == NULL) {
        return err_context(err, "the key file %s", key->file);
    }
    const struct request request = {
        .command = WIRE_SET_VARIABLE,
        .name = key->name,
        .guid = *key->guid,
        .data = span_of(data, len),
        .attributes = AUTH_KEY_ATTRIBUTES | key->append,
    };
    efi_status status = service_set_variable(service, &request);
    return status == EFI_SUCCESS || err_set(err,
                                            "the key file %s can't be enrolled: %s (it has to be "
                                            "what SetVariable takes: make it "
                                            "anew with create-auth or sign-efi-sig-list)",
                                            key->file, efi_status_text(status));
}

bool keys_enroll(struct service *service, const struct key_files *files, struct err *err)
{
    service_begin(service);
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        if (files->fds[i] >= 0 && !enroll(service, &key_files[i], files->fds[i], err)) {
            service_abort(service);
            return false;
        }
    }
    return service_commit(service) == EFI_SUCCESS ||
           err_set(err, "the enrolled keys can't be saved: see the line before");
}
