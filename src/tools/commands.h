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

#endif
