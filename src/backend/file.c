// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a save survives a crash at any moment: the new state is written into a file of its own and
 * fsynced, so that all of it is on disk before rename gives it the state's name; rename is one step
 * for everybody who looks, and fsync of the folder brings that step to disk. Only then is the save
 * acknowledged. A crash before the rename leaves the old state and a file that the next open
 * removes; a crash after it leaves the new state, acknowledged or not. A file that failed to be
 * written is removed and never tried again: after a failed fsync nobody knows what it holds.
 */
#include "backend/file.h"

#include "backend/file_history.h"
#include "backend/vars.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

struct file_backend {
    struct backend backend;
    char *path; /* for messages */
    int dir;    /* -1 when not open */
    int lock;   /* -1 when open for reading only */
    struct file_history history;
};

static struct file_backend *file_of(struct backend *backend)
{
    return (struct file_backend *)backend;
}

/* ------------------------------------------------------------------------------ load and save */

static enum backend_load file_load(struct backend *backend, uint8_t **blob, size_t *len,
                                   struct err *err)
{
    struct file_backend *file = file_of(backend);
    auto_close int fd = openat(file->dir, FILE_STATE_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        if (file->history.count > 0) {
            log_warning("%s holds snapshots of earlier states but no state: as at a first boot",
                        file->path);
        }
        return BACKEND_FIRST_BOOT;
    }
    if (fd < 0) {
        err_errno(err, "%s/%s", file->path, FILE_STATE_NAME);
        return BACKEND_FAILED;
    }
    *blob = io_read_all(fd, VARS_BLOB_MAX, len, err);
    if (*blob == NULL) {
        err_context(err, "%s/%s", file->path, FILE_STATE_NAME);
        return BACKEND_FAILED;
    }
    return BACKEND_LOADED;
}

static bool write_new(const struct file_backend *file, struct span blob, struct err *err)
{
    auto_close int fd = openat(file->dir, FILE_NEW_NAME,
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    return (fd >= 0 && io_write_all(fd, blob) && fsync(fd) == 0) ||
           err_errno(err, "%s/%s can't be written", file->path, FILE_NEW_NAME);
}

static bool replace_state(const struct file_backend *file, struct span blob, struct err *err)
{
    if (!write_new(file, blob, err)) {
        return false;
    }
    return renameat(file->dir, FILE_NEW_NAME, file->dir, FILE_STATE_NAME) == 0 ||
           err_errno(err, "%s/%s can't be replaced", file->path, FILE_STATE_NAME);
}

static bool file_save(struct backend *backend, struct span blob, bool keys_changed, struct err *err)
{
    struct file_backend *file = file_of(backend);

    if (keys_changed) {
        file_history_keep(&file->history, file->dir, FILE_STATE_NAME);
    }
    if (!replace_state(file, blob, err)) {
        unlinkat(file->dir, FILE_NEW_NAME, 0); /* gives its space back to a full disk */
        return false;
    }
    file->history.current = false;
    return fsync(file->dir) == 0 || err_errno(err, "%s can't be synced to disk", file->path);
}

/* The log has it already; the mark is for who looks at the folder. Its time is the file's. */
static bool file_notify(struct backend *backend, struct err *err)
{
    static const char text[] =
        "the firmware refused an image: it failed Secure Boot verification\n";
    const struct file_backend *file = file_of(backend);
    auto_close int fd = openat(file->dir, FILE_FAILED_NAME,
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    return (fd >= 0 && io_write_all(fd, span_of(text, strlen(text)))) ||
           err_errno(err, "%s/%s can't be written", file->path, FILE_FAILED_NAME);
}

/* For a store that is open for reading only. */
static bool refuse_save(struct backend *backend, struct span blob, bool keys_changed,
                        struct err *err)
{
    (void)blob;
    (void)keys_changed;
    return err_set(err, "%s is open for reading only", file_of(backend)->path);
}

static bool refuse_notify(struct backend *backend, struct err *err)
{
    return err_set(err, "%s is open for reading only", file_of(backend)->path);
}

static void file_close(struct backend *backend)
{
    struct file_backend *file = file_of(backend);

    file_history_close(&file->history);
    cleanup_close(&file->lock);
    cleanup_close(&file->dir);
    free(file->path);
    free(file);
}

/* ---------------------------------------------------------------------------------------- open */

static bool open_dir(struct file_backend *file, struct err *err)
{
    file->dir = open(file->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->dir >= 0 || err_errno(err, "the folder %s can't be opened", file->path);
}

static bool make_dir(struct file_backend *file, uid_t uid, gid_t gid, struct err *err)
{
    if (mkdir(file->path, 0700) != 0) {
        return errno == EEXIST ? open_dir(file, err)
                               : err_errno(err, "the folder %s can't be made", file->path);
    }
    if (!open_dir(file, err)) {
        return false;
    }
    return uid == geteuid() || fchown(file->dir, uid, gid) == 0 ||
           err_errno(err, "the folder %s can't be given to uid %u", file->path, uid);
}

/* A folder that holds its first state soon has to survive a power cut itself. One in a parent that
 * isn't ours to read has been there for long. */
static bool sync_parent(const struct file_backend *file, struct err *err)
{
    if (faccessat(file->dir, FILE_STATE_NAME, F_OK, 0) == 0) {
        return true;
    }
    auto_close int parent = openat(file->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return (parent < 0 && errno == EACCES) || (parent >= 0 && fsync(parent) == 0) ||
           err_errno(err, "the folder above %s can't be synced to disk", file->path);
}

/* By the mode's bits: the kernel can only be asked on behalf of the user one is. */
static bool may_access(const struct stat *status, uid_t uid, gid_t gid, mode_t wanted)
{
    mode_t mode = status->st_mode;

    if (uid == 0) {
        return true;
    }
    mode = status->st_uid == uid ? mode >> 6 : status->st_gid == gid ? mode >> 3 : mode;
    return (mode & wanted) == wanted;
}

/* What will be needed of name once the privileges are gone; what isn't there yet will be made. */
static bool check_access(const struct file_backend *file, const char *name, mode_t wanted,
                         uid_t uid, gid_t gid, struct err *err)
{
    struct stat status;
    bool usable;

    if (uid == geteuid()) {
        usable = faccessat(file->dir, name, (int)wanted, AT_EACCESS) == 0 || errno == ENOENT;
    } else {
        usable = fstatat(file->dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0
                     ? errno == ENOENT
                     : may_access(&status, uid, gid, wanted);
    }
    return usable || err_set(err,
                             "uid %u, as which the daemon runs, may not %s %s/%s: "
                             "chown -R %u:%u %s",
                             uid, wanted == R_OK ? "read" : "write to", file->path, name, uid, gid,
                             file->path);
}

static bool check_all_access(const struct file_backend *file, uid_t uid, gid_t gid, struct err *err)
{
    struct stat status;

    if (fstat(file->dir, &status) == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        log_warning("others may write to %s, and so replace the VM's keys: chmod 0700 %s",
                    file->path, file->path);
    }
    return check_access(file, ".", W_OK | X_OK, uid, gid, err) &&
           check_access(file, FILE_STATE_NAME, R_OK, uid, gid, err);
}

static bool lock_taken(const struct file_backend *file, struct err *err)
{
    char pid[16] = {0};
    ssize_t len = pread(file->lock, pid, sizeof(pid) - 1, 0);

    pid[strspn(pid, "0123456789")] = '\0';
    return err_set(err, "%s is in use by process %s: one VM's state can be served only once",
                   file->path, len > 0 && pid[0] != '\0' ? pid : "unknown");
}

/* flock, so that the lock ends with the process however that ends. */
static bool take_lock(struct file_backend *file, uid_t uid, gid_t gid, struct err *err)
{
    char pid[16];
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

    file->lock = openat(file->dir, FILE_LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->lock < 0) {
        return err_errno(err, "%s/%s can't be opened", file->path, FILE_LOCK_NAME);
    }
    if (flock(file->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? lock_taken(file, err)
                   : err_errno(err, "%s/%s can't be locked", file->path, FILE_LOCK_NAME);
    }
    return (ftruncate(file->lock, 0) == 0 && io_write_all(file->lock, span_of(pid, (size_t)len)) &&
            (uid == geteuid() || fchown(file->lock, uid, gid) == 0)) ||
           err_errno(err, "%s/%s can't be written", file->path, FILE_LOCK_NAME);
}

static bool remove_leftover(const struct file_backend *file, struct err *err)
{
    return unlinkat(file->dir, FILE_NEW_NAME, 0) == 0 || errno == ENOENT ||
           err_errno(err, "%s/%s, left by a crash, can't be removed", file->path, FILE_NEW_NAME);
}

static struct file_backend *file_new(const char *path, const struct backend_ops *ops,
                                     struct err *err)
{
    auto_free struct file_backend *file = calloc(1, sizeof(*file));

    if (file == NULL || (file->path = strdup(path)) == NULL) {
        err_set(err, "no memory for a backend");
        return NULL;
    }
    file->backend.ops = ops;
    file->dir = file->lock = file->history.folder = -1;
    return take_ptr(file);
}

struct backend *file_backend_open(const char *path, uid_t uid, gid_t gid, struct err *err)
{
    static const struct backend_ops ops = {
        .load = file_load, .save = file_save, .notify = file_notify, .close = file_close};
    struct file_backend *file = file_new(path, &ops, err);

    if (file == NULL) {
        return NULL;
    }
    if (!make_dir(file, uid, gid, err) || !check_all_access(file, uid, gid, err) ||
        !take_lock(file, uid, gid, err) || !remove_leftover(file, err) || !sync_parent(file, err)) {
        file_close(&file->backend);
        return NULL;
    }
    file_history_open(&file->history, file->dir, FILE_HISTORY_NAME, uid, gid);
    file_history_keep_different(&file->history, file->dir, FILE_STATE_NAME);
    return &file->backend;
}

struct backend *file_backend_open_read(const char *path, struct err *err)
{
    static const struct backend_ops ops = {
        .load = file_load, .save = refuse_save, .notify = refuse_notify, .close = file_close};
    struct file_backend *file = file_new(path, &ops, err);

    if (file != NULL && !open_dir(file, err)) {
        file_close(&file->backend);
        return NULL;
    }
    return file != NULL ? &file->backend : NULL;
}
