// SPDX-License-Identifier: BSD-2-Clause
/* For tests of the local transport: an echo (support/echo.h) at a socket in a folder of its own. */
#ifndef SUPPORT_LOCAL_FIXTURE_H
#define SUPPORT_LOCAL_FIXTURE_H

#include "support/echo.h"

struct local_fixture {
    char folder[32];
    char path[64]; /* of the socket */
    struct echo *echo;
    unsigned descriptors; /* open when the server idles */
};

/* Set-up and tear-down functions of cmocka; *state is a struct local_fixture. Tear-down fails where
 * the socket is left. */
int local_fixture_set_up(void **state);
int local_fixture_tear_down(void **state);

#endif
