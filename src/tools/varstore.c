// SPDX-License-Identifier: BSD-2-Clause
/* The one binary: which tool it is, it learns from the name that it was called by. */
#include "tools/command.h"
#include "tools/tool.h"

#include "base/log.h"

#include <stdio.h>

/* The names that are links to this binary. */
static const struct tool links[] = {
    {"varstore-ls", NULL, tool_varstore_ls},
    {"varstore-get", NULL, tool_varstore_get},
    {"varstore-set", NULL, tool_varstore_set},
    {"varstore-rm", NULL, tool_varstore_rm},
    {"varstore-sb-state", NULL, tool_varstore_sb_state},
    {"varstore-nvram-certcheck", NULL, tool_varstore_nvram_certcheck},
    {"create-auth", NULL, tool_create_auth},
    {"secureboot-certs", NULL, tool_secureboot_certs},
};

static const struct tool *find(const char *name)
{
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (strcmp(links[i].name, name) == 0) {
            return &links[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
    const struct tool *tool = find(name);

    log_set_level(
        LOG_LEVEL_ERROR); /* what the library warns of, the tools say in their own words */
    return tool != NULL ? tool->run(argc, argv) : command_main(argc, argv);
}
