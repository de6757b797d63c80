// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timing for benchmarks. What is compared takes turns round by round, so that whatever else the
 * machine does meets it alike, and the median of the rounds is what counts.
 */
#ifndef TESTS_SUPPORT_TIMING_H
#define TESTS_SUPPORT_TIMING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID or a clock of timing_clock_of. */
uint64_t timing_now(clockid_t clock);

/* The clock of the CPU time of another process, to the nanosecond. */
clockid_t timing_clock_of(pid_t process);

/* Sorts the values. */
double timing_median(double *values, size_t count);

/* "name   123.4 us   note"; the unit is chosen by what fits ns. */
void timing_print(const char *name, double ns, const char *note);

/* "name   1.05   target 1.20", with MISSED where it is; gives whether it is met. */
int timing_target(const char *name, double ratio, double target);

#endif
