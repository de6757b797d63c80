// SPDX-License-Identifier: BSD-2-Clause
/* The XAPI backend when there is no memory; all else: tests/integration/xapi_test.py. */
#include "backend/xapi.h"

#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "support/xapi_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct folder folder;

static struct backend *open_backend(struct err *err)
{
    const struct xapi_config config = {
        .socket = xapi_server_in(&folder), .uuid = "uuid", .abort_fd = -1, .save_burst = INT32_MAX};

    return xapi_backend_open(&config, err);
}

static int set_up(void **state)
{
    (void)state;
    folder = folder_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&folder);
    return 0;
}

static void opening_reports_failed_allocations(void **state)
{
    struct err err;
    bool failed;
    long n = 0;

    (void)state;
    do {
        alloc_fault_arm(n++);
        struct backend *backend = open_backend(&err);
        failed = alloc_fault_disarm();
        assert_true((backend != NULL) != failed);
        backend_close(backend);
    } while (failed);
    assert_int_equal(n, 4);
}

/* Each of these needs a login of its own when the one before it failed on the way to one. */
static bool save(struct backend *backend)
{
    return backend->ops->save(backend, span_of("state", 5), false, NULL);
}

static bool load(struct backend *backend)
{
    auto_free uint8_t *blob = NULL;
    size_t len = 0;

    return backend->ops->load(backend, &blob, &len, NULL) == BACKEND_LOADED &&
           span_equal(span_of(blob, len), span_of("state", 5));
}

static bool notify(struct backend *backend)
{
    return backend->ops->notify(backend, NULL);
}

/* One allocation after the other fails, in a backend that is new each time: the call says so, and
 * when it is made again all is well. */
static void calls_report_failed_allocations(void **state)
{
    bool (*const calls[])(struct backend *) = {save, load, notify};

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bool failed;
        long n = 0;
        do {
            struct backend *backend = open_backend(NULL);
            alloc_fault_arm(n++);
            bool ok = calls[i](backend);
            failed = alloc_fault_disarm();
            assert_true(ok != failed);
            assert_true(save(backend) && calls[i](backend));
            backend_close(backend);
        } while (failed);
        assert_true(n > 40);
    }
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    const struct xapi_config config = {
        .socket = "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                  "0123456789/0123456789/01234567",
        .uuid = "uuid",
        .abort_fd = -1,
    };
    struct err err;

    (void)state;
    assert_null(xapi_backend_open(&config, &err));
    assert_non_null(strstr(err.text, "too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_reports_failed_allocations),
        cmocka_unit_test(calls_report_failed_allocations),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
