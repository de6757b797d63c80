// SPDX-License-Identifier: BSD-2-Clause
/*
 * Ownership that ends with the scope: `auto_free char *text = strdup(...);`, and take_ptr() to hand
 * it on.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

/* The descriptor; the variable holds none afterwards, so that its cleanup does nothing. */
static inline int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

#define auto_free __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))

/* DEFINE_CLEANUP(X509, X509_free) makes cleanup_X509 for __attribute__((cleanup(cleanup_X509))). */
#define DEFINE_CLEANUP(type, free_function)                                                        \
    static inline void cleanup_##type(type **pointer)                                              \
    {                                                                                              \
        if (*pointer != NULL) {                                                                    \
            free_function(*pointer);                                                               \
        }                                                                                          \
    }

/* The pointer's value; the variable is NULL afterwards, so that its cleanup does nothing. */
#define take_ptr(pointer)                                                                          \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#endif
