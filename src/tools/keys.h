// SPDX-License-Identifier: BSD-2-Clause
/* What the subcommands that change keys have in common. */
#ifndef TOOLS_KEYS_H
#define TOOLS_KEYS_H

#include "tools/key_set.h"
#include "tools/source.h"

/* By --profile, --arch and --optional; false with err set. */
bool keys_choose(struct key_choice *out, const struct command_line *line, struct err *err);

/* Shows what changes; then, unless it is a dry run or nothing changes, asks (question NULL:
 * doesn't) and saves. */
bool keys_save_confirmed(const struct command_line *line, struct source *source,
                         const char *question, struct err *err);

#endif
