// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define BURST 100
#define INTERVAL 500

static void take(struct xapi_rate *rate, int64_t now, unsigned count, int64_t expected)
{
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(xapi_rate_take(rate, now), expected);
    }
}

static void a_burst_does_not_wait(void **state)
{
    struct xapi_rate rate = xapi_rate_of(BURST, INTERVAL);

    (void)state;
    take(&rate, 1000, BURST, 0);
    take(&rate, 1000, 1, INTERVAL);
}

/* Who waits as told gets two a second, however long it goes on. */
static void after_the_burst_two_a_second(void **state)
{
    struct xapi_rate rate = xapi_rate_of(BURST, INTERVAL);
    int64_t now = 7;

    (void)state;
    take(&rate, now, BURST, 0);
    for (int i = 0; i < 1000; i++) {
        int64_t wait = xapi_rate_take(&rate, now);
        assert_int_equal(wait, INTERVAL);
        now += wait;
    }
}

static void a_slow_writer_never_waits(void **state)
{
    struct xapi_rate rate = xapi_rate_of(BURST, INTERVAL);

    (void)state;
    take(&rate, 0, BURST, 0);
    for (int64_t now = INTERVAL; now < 1000 * INTERVAL; now += INTERVAL) {
        take(&rate, now, 1, 0);
    }
}

static void time_fills_the_bucket_up_to_the_burst(void **state)
{
    struct xapi_rate rate = xapi_rate_of(BURST, INTERVAL);

    (void)state;
    take(&rate, 0, BURST, 0);
    take(&rate, 10 * INTERVAL, 10, 0);
    take(&rate, 10 * INTERVAL, 1, INTERVAL);
    take(&rate, 100000 * INTERVAL, BURST, 0);
    take(&rate, 100000 * INTERVAL, 1, INTERVAL);
}

static void a_wait_ends_when_the_token_is_there(void **state)
{
    struct xapi_rate rate = xapi_rate_of(BURST, INTERVAL);

    (void)state;
    take(&rate, 0, BURST, 0);
    take(&rate, INTERVAL - 1, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_does_not_wait),
        cmocka_unit_test(after_the_burst_two_a_second),
        cmocka_unit_test(a_slow_writer_never_waits),
        cmocka_unit_test(time_fills_the_bucket_up_to_the_burst),
        cmocka_unit_test(a_wait_ends_when_the_token_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
