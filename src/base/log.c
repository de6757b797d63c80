// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The one piece of mutable state that is not somebody's: how and what to log. */
static enum log_level threshold = LOG_LEVEL_INFO;
static bool to_journal;

static const struct {
    const char *name;
    int priority; /* syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

#define LIMIT_BURST 20
#define LIMIT_INTERVAL_NS UINT64_C(10000000000) /* one more line every 10 s */

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_level_parse(enum log_level *out, const char *name)
{
    for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_init(void)
{
    to_journal = getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO);
}

/* One write(2) for a whole line, so that the lines of many daemons don't mix. */
__attribute__((format(printf, 2, 0))) static void log_write(enum log_level level,
                                                            const char *format, va_list args)
{
    char line[1024];
    int head = to_journal ? snprintf(line, sizeof(line), "<%d>", levels[level].priority)
                          : snprintf(line, sizeof(line), "uefistored: %s%s",
                                     level == LOG_LEVEL_INFO ? "" : levels[level].name,
                                     level == LOG_LEVEL_INFO ? "" : ": ");
    size_t room = sizeof(line) - (size_t)head - 1;
    int wanted = vsnprintf(line + head, room, format, args);
    size_t len = (size_t)head + (wanted < 0              ? 0
                                 : (size_t)wanted < room ? (size_t)wanted
                                                         : room - 1);

    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0) {
        return; /* nowhere left to say so */
    }
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;

    if (level > threshold) {
        return;
    }
    va_start(args, format);
    log_write(level, format, args);
    va_end(args);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool limit_allows(struct log_limit *limit)
{
    uint64_t now = now_ns();
    uint64_t intervals = (now - limit->refilled) / LIMIT_INTERVAL_NS;

    if (intervals > 0) {
        limit->used = intervals < limit->used ? limit->used - (uint32_t)intervals : 0;
        limit->refilled = now;
    }
    if (limit->used >= LIMIT_BURST) {
        limit->held_back++;
        return false;
    }
    limit->used++;
    return true;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    va_list args;

    if (level > threshold || !limit_allows(limit)) {
        return;
    }
    if (limit->held_back > 0) {
        log_line(level, "%u more lines like the next were held back", limit->held_back);
        limit->held_back = 0;
    }
    va_start(args, format);
    log_write(level, format, args);
    va_end(args);
}
