// SPDX-License-Identifier: BSD-2-Clause
/* A backend around another one, of which one save fails. */
#ifndef SUPPORT_FAULTY_H
#define SUPPORT_FAULTY_H

#include "backend/backend.h"

enum faulty_save {
    FAULTY_REFUSED,     /* nothing is saved */
    FAULTY_ANSWER_LOST, /* it is saved, and reported as failed */
};

/* Owns inner. The save with number nth (from 1) fails, and no other; 0: none. */
struct backend *faulty_backend_new(struct backend *inner, enum faulty_save how, unsigned nth);

/* How many saves there were. */
unsigned faulty_backend_saves(const struct backend *backend);

#endif
