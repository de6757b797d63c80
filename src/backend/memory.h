// SPDX-License-Identifier: BSD-2-Clause
/*
 * A backend that keeps the state in memory only: for VMs whose variables go back to what they were
 * at each start (--nonpersistent), and for tests.
 */
#ifndef BACKEND_MEMORY_H
#define BACKEND_MEMORY_H

#include "backend/backend.h"

/*
 * source: where the state comes from and notifications go to; owned from here on, its save is never
 * called. NULL: the state is that of a first boot, and notifications go to the log. NULL without
 * memory (then source is not owned), with err set.
 */
struct backend *memory_backend_open(struct backend *source, struct err *err);

#endif
