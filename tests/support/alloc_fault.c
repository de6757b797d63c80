// SPDX-License-Identifier: BSD-2-Clause
#include "support/alloc_fault.h"

#include <errno.h>
#include <stddef.h>

static long left = -1; /* allocations that still succeed; -1: all do */
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void alloc_fault_arm(long n)
{
    left = n;
    failed = false;
}

bool alloc_fault_disarm(void)
{
    left = -1;
    return failed;
}

static bool fails(void)
{
    if (left < 0 || left-- > 0) {
        return false;
    }
    failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}
