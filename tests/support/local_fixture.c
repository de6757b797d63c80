// SPDX-License-Identifier: BSD-2-Clause
#include "support/local_fixture.h"

#include "base/log.h"
#include "support/raw_local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

int local_fixture_set_up(void **state)
{
    struct local_fixture *f = calloc(1, sizeof(*f));
    struct err err;

    log_set_level(LOG_LEVEL_ERROR);
    assert_non_null(f);
    snprintf(f->folder, sizeof(f->folder), "/tmp/local_test.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
    f->echo = echo_start(f->path, &err);
    assert_non_null(f->echo);
    f->descriptors = raw_count_descriptors();
    *state = f;
    return 0;
}

int local_fixture_tear_down(void **state)
{
    struct local_fixture *f = *state;

    echo_stop(f->echo);
    assert_int_equal(rmdir(f->folder), 0); /* the socket is gone */
    free(f);
    return 0;
}
