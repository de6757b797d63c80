// SPDX-License-Identifier: BSD-2-Clause
/*
 * Runs in which one allocation fails: the first, the second, until all have.
 *
 *     long n = 0;
 *     do {
 *         alloc_fault_arm(n++);
 *         ok = call();
 *         failed = alloc_fault_disarm();
 *         assert_true(ok != failed);
 *     } while (failed);
 *
 * The Makefile links a test that includes this header with the flags that put these wrappers around
 * malloc, calloc, realloc and strdup.
 */
#ifndef SUPPORT_ALLOC_FAULT_H
#define SUPPORT_ALLOC_FAULT_H

#include <stdbool.h>

/* The allocation that comes after n others from now on fails. */
void alloc_fault_arm(long n);

/* No more of that. True: an allocation did fail. */
bool alloc_fault_disarm(void);

#endif
