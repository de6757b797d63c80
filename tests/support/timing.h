// SPDX-License-Identifier: BSD-2-Clause
/*
 * Timing for benchmarks. What is compared takes turns round by round, so that whatever else the
 * machine does meets it alike; of the rounds counts the median, or the least.
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

/* What code takes when nothing else gets in its way: others only ever add to it. */
double timing_least(const double *values, size_t count);

/* "name   1.05   target 1.20", with MISSED where it is; gives whether it is met. */
int timing_target(const char *name, double ratio, double target);

#endif
