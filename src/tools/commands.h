// SPDX-License-Identifier: BSD-2-Clause
/* The table of subcommands, by the files that they are in. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/command.h"

extern const struct command COMMAND_LS;
extern const struct command COMMAND_GET;
extern const struct command COMMAND_SHOW;
extern const struct command COMMAND_SET;
extern const struct command COMMAND_RM;
extern const struct command COMMAND_CONVERT;
extern const struct command COMMAND_DIFF;
extern const struct command COMMAND_STATUS;
extern const struct command COMMAND_VERIFY;
extern const struct command COMMAND_EXPLAIN;
extern const struct command COMMAND_HISTORY;
extern const struct command COMMAND_RESTORE;
extern const struct command COMMAND_KEYS;
extern const struct command COMMAND_CERTS;

#endif
