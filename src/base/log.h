// SPDX-License-Identifier: BSD-2-Clause
/*
 * Log lines on stderr, where systemd's journal or a person reads them: "uefistored: warning: text".
 *
 * With stderr the journal, lines carry the <N> priority prefix of sd-daemon(3) instead of the
 * level's name.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR,   /* somebody has to do something */
    LOG_LEVEL_WARNING, /* somebody may want to do something */
    LOG_LEVEL_INFO,    /* what a person would look for: start, readiness, end */
    LOG_LEVEL_DEBUG,   /* each request */
};

/* The least important level that is still written; at first LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "error", "warning", "info" or "debug"; false when name is none of them. */
bool log_level_parse(enum log_level *out, const char *name);

/* Decides once whether stderr is the journal. To be called before a chroot takes /dev and the
 * environment away. */
void log_init(void);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * A limit on the lines that a guest can cause: a burst, then a few a minute. Lines that were held
 * back are counted and the count is written when there is room again. Zero-initialised to begin
 * with.
 */
struct log_limit {
    uint64_t refilled; /* CLOCK_MONOTONIC, nanoseconds */
    uint32_t used;
    uint32_t held_back;
};

/* As log_line, unless the limit is reached. */
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
