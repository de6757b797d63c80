// SPDX-License-Identifier: BSD-2-Clause
#include "tools/commands.h"

const struct command *const COMMANDS[] = {
    &COMMAND_LS,     &COMMAND_GET,     &COMMAND_SHOW, &COMMAND_SET,
    &COMMAND_RM,     &COMMAND_CONVERT, &COMMAND_DIFF, &COMMAND_STATUS,
    &COMMAND_VERIFY, &COMMAND_EXPLAIN, NULL,
};
