// SPDX-License-Identifier: BSD-2-Clause
/* A firmware's whole boot against the service: what it saves, and what a refusal does to it. */
#include "support/boot.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "support/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
// cmocka needs the above before it
#include <cmocka.h>

#define VARIABLES_MAX 100u

struct snapshot {
    uint64_t digests[VARIABLES_MAX];
    size_t count;
};

static void add(void *self, const struct boot_variable *variable)
{
    struct snapshot *snapshot = self;
    uint64_t digest = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < variable->data.len; i++) {
        digest = (digest ^ variable->data.data[i]) * UINT64_C(0x100000001b3);
    }
    assert_true(snapshot->count < VARIABLES_MAX);
    snapshot->digests[snapshot->count++] = digest;
}

static struct snapshot walk(struct vm *vm)
{
    struct snapshot snapshot = {.count = 0};

    assert_true(boot_walk(vm->client, add, &snapshot));
    return snapshot;
}

static struct vm *new_vm(void)
{
    static const struct service_config config = {.secure_boot = true, .enforce = true};

    log_set_level(LOG_LEVEL_ERROR);
    return vm_open(&config, NULL);
}

static unsigned play(struct vm *vm)
{
    auto_free struct boot *boot = calloc(1, sizeof(*boot));

    assert_non_null(boot);
    if (!boot_play(boot, vm->client)) {
        fail_msg("%s", boot->failure);
    }
    return boot->requests;
}

static void test_a_boot_is_about_700_requests(void **state)
{
    struct vm *vm = new_vm();

    (void)state;
    assert_in_range(play(vm), 600, 800);
    assert_in_range(play(vm), 600, 800);
    vm_close(vm);
}

/* 36 non-volatile writes, of which 15 change data for a moment and one for good. */
static void test_a_later_boot_saves_only_what_changes(void **state)
{
    struct vm *vm = new_vm();

    (void)state;
    play(vm);
    unsigned first = vm->saves;
    play(vm);
    assert_int_equal(vm->saves - first, 15 + 1);
    vm_close(vm);
}

static void test_a_later_boot_changes_one_variable(void **state)
{
    struct vm *vm = new_vm();
    unsigned changed = 0;

    (void)state;
    play(vm);
    struct snapshot before = walk(vm);
    play(vm);
    struct snapshot after = walk(vm);
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < before.count; i++) {
        changed += before.digests[i] != after.digests[i];
    }
    assert_int_equal(changed, 1); /* MTC */
    vm_close(vm);
}

static void test_a_save_that_fails_is_noticed(void **state)
{
    struct vm *vm = new_vm();
    auto_free struct boot *boot = calloc(1, sizeof(*boot));

    (void)state;
    vm->fail_save = true;
    assert_false(boot_play(boot, vm->client));
    assert_non_null(strstr(boot->failure, "MTC: Device Error"));
    vm_close(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_boot_is_about_700_requests),
        cmocka_unit_test(test_a_later_boot_saves_only_what_changes),
        cmocka_unit_test(test_a_later_boot_changes_one_variable),
        cmocka_unit_test(test_a_save_that_fails_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
