// SPDX-License-Identifier: BSD-2-Clause
#include "backend/file_history.h"

#include "backend/vars.h"
#include "base/cleanup.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static const char name_pattern[] = "dddddddddddd-ddddddddTddddddZ"; /* d: a digit */

#define NUMBER_END UINT64_C(1000000000000) /* more saves than a disk survives */

_Static_assert(sizeof(name_pattern) == FILE_HISTORY_NAME_SIZE, "the names have one length");

static bool is_snapshot_name(const char *name)
{
    for (size_t i = 0; i < sizeof(name_pattern); i++) {
        bool fits =
            name_pattern[i] == 'd' ? name[i] >= '0' && name[i] <= '9' : name[i] == name_pattern[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

static void format_name(char name[FILE_HISTORY_NAME_SIZE], uint64_t number)
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    snprintf(name, FILE_HISTORY_NAME_SIZE, "%012" PRIu64 "-%04u%02u%02uT%02u%02u%02uZ",
             number % NUMBER_END, (unsigned)(utc.tm_year + 1900) % 10000,
             (unsigned)(utc.tm_mon + 1) % 100, (unsigned)utc.tm_mday % 100,
             (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100);
}

static const char *newest(const struct file_history *history)
{
    return history->count > 0 ? history->names[history->count - 1] : NULL;
}

static void drop_oldest(struct file_history *history)
{
    if (unlinkat(history->folder, history->names[0], 0) != 0 && errno != ENOENT) {
        log_limited(&history->limit, LOG_LEVEL_WARNING, "history/%s can't be removed: %s",
                    history->names[0], strerror(errno));
    }
    history->count--;
    memmove(history->names[0], history->names[1], history->count * sizeof(history->names[0]));
}

/* In order; of too many the oldest goes, which may be this one. */
static void insert_name(struct file_history *history, const char *name)
{
    size_t at = history->count;

    if (at == FILE_HISTORY_MAX && strcmp(name, history->names[0]) < 0) {
        unlinkat(history->folder, name, 0);
        return;
    }
    if (at == FILE_HISTORY_MAX) {
        drop_oldest(history);
        at--;
    }
    while (at > 0 && strcmp(name, history->names[at - 1]) < 0) {
        at--;
    }
    memmove(history->names[at + 1], history->names[at],
            (history->count - at) * sizeof(history->names[0]));
    memcpy(history->names[at], name, sizeof(history->names[at]));
    history->count++;
}

static bool read_names(struct file_history *history)
{
    int copy = fcntl(history->folder, F_DUPFD_CLOEXEC, 0); /* closedir closes it */
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    if (stream == NULL) {
        cleanup_close(&copy);
        return false;
    }
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (is_snapshot_name(entry->d_name)) {
            insert_name(history, entry->d_name);
        }
    }
    bool complete = errno == 0;
    closedir(stream);
    history->next = newest(history) == NULL ? 1 : strtoull(newest(history), NULL, 10) + 1;
    return complete;
}

static int open_folder(int dir, const char *name, uid_t owner, gid_t group)
{
    bool made = mkdirat(dir, name, 0700) == 0;

    if (!made && errno != EEXIST) {
        return -1;
    }
    int folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (folder >= 0 && made && owner != geteuid() && fchown(folder, owner, group) != 0) {
        close(folder);
        return -1;
    }
    return folder;
}

void file_history_open(struct file_history *history, int dir, const char *name, uid_t owner,
                       gid_t group)
{
    tzset(); /* opens files at its first call, which is made here and not by gmtime_r in the sandbox
              */
    *history = (struct file_history){.folder = open_folder(dir, name, owner, group)};
    if (history->folder < 0 || !read_names(history)) {
        log_warning("the folder %s can't be used, so earlier states will not be kept: %s", name,
                    strerror(errno));
        file_history_close(history);
    }
}

static bool same_file(int a_dir, const char *a, int b_dir, const char *b)
{
    struct stat a_stat, b_stat;

    return fstatat(a_dir, a, &a_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b_dir, b, &b_stat, AT_SYMLINK_NOFOLLOW) == 0 && a_stat.st_dev == b_stat.st_dev &&
           a_stat.st_ino == b_stat.st_ino;
}

static uint8_t *read_file(int dir, const char *name, size_t *len)
{
    auto_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 ? io_read_all(fd, VARS_BLOB_MAX, len, NULL) : NULL;
}

static bool same_bytes(int a_dir, const char *a, int b_dir, const char *b)
{
    size_t a_len, b_len;
    auto_free uint8_t *a_bytes = read_file(a_dir, a, &a_len);
    auto_free uint8_t *b_bytes = read_file(b_dir, b, &b_len);

    return a_bytes != NULL && b_bytes != NULL &&
           span_equal(span_of(a_bytes, a_len), span_of(b_bytes, b_len));
}

void file_history_keep_different(struct file_history *history, int dir, const char *state)
{
    if (history->folder < 0) {
        return;
    }
    history->current =
        newest(history) != NULL && (same_file(dir, state, history->folder, newest(history)) ||
                                    same_bytes(dir, state, history->folder, newest(history)));
    file_history_keep(history, dir, state);
}

void file_history_keep(struct file_history *history, int dir, const char *state)
{
    char name[FILE_HISTORY_NAME_SIZE];

    if (history->folder < 0 || history->current) {
        return;
    }
    format_name(name, history->next++); /* one that failed may be there: not again */
    if (linkat(dir, state, history->folder, name, 0) != 0) {
        if (errno != ENOENT) { /* there is no state before the first save */
            log_limited(&history->limit, LOG_LEVEL_WARNING,
                        "no snapshot of the variables could be made in history/: %s",
                        strerror(errno));
        }
        return;
    }
    history->current = true;
    insert_name(history, name);
}

void file_history_close(struct file_history *history)
{
    cleanup_close(&history->folder);
    history->folder = -1;
}
