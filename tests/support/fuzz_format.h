// SPDX-License-Identifier: BSD-2-Clause
/* For the fuzzers of the files that variables are kept in. */
#ifndef SUPPORT_FUZZ_FORMAT_H
#define SUPPORT_FUZZ_FORMAT_H

#include "tools/format.h"

/* A file of this format, by anybody: what is read of it is written and read again as it was;
 * otherwise it aborts. */
void fuzz_format(const struct format *format, struct span bytes);

#endif
