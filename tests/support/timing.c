// SPDX-License-Identifier: BSD-2-Clause
#include "support/timing.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t timing_now(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) != 0) {
        abort();
    }
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

clockid_t timing_clock_of(pid_t process)
{
    clockid_t clock;

    if (clock_getcpuclockid(process, &clock) != 0) {
        abort();
    }
    return clock;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double timing_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

double timing_least(const double *values, size_t count)
{
    double least = values[0];

    for (size_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
    }
    return least;
}

int timing_target(const char *name, double ratio, double target)
{
    printf("  %-44s %9.2f      target %.2f%s\n", name, ratio, target,
           ratio <= target ? "" : "   MISSED");
    return ratio <= target;
}
