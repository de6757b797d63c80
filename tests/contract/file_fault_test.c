// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every file-system call of the file backend goes wrong once, in every way that file_fault.h has:
 * what is on disk is the old or the new state, never another; the guest is told the truth; and the
 * next write, with nothing wrong any more, works and leaves the disk with what the service has.
 */
#include "backend/file.h"

#include "backend/persist.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "support/file_fault.h"
#include "support/folder.h"
#include "support/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct service_config config = {.enforce = true};

struct machine {
    struct folder folder;
    struct backend *backend;
    struct persistence persistence;
    struct service *service;
};

static struct service *load_from(struct backend *backend)
{
    struct service *service = service_new(&config, NULL, NULL);
    struct err err;

    assert_non_null(backend);
    assert_int_not_equal(persist_load(service, backend, true, &err), BACKEND_FAILED);
    return service;
}

/* What a fresh look at the disk finds. */
static struct service *on_disk(const struct machine *machine)
{
    struct backend *backend = file_backend_open_read(machine->folder.path, NULL);
    struct service *service = load_from(backend);

    backend_close(backend);
    return service;
}

static bool disk_has(const struct machine *machine, const struct service *expected)
{
    struct service *found = on_disk(machine);
    bool same = sample_same_stores(service_store(expected), service_store(found), true);

    service_free(found);
    return same;
}

static efi_status change(struct service *service, struct span name, uint8_t data)
{
    const struct request request = {.command = WIRE_SET_VARIABLE,
                                    .name = name,
                                    .data = span_of(&data, 1),
                                    .attributes = EFI_VARIABLE_NV_BS_RT};

    return service_set_variable(service, &request);
}

static struct backend *open_store(const struct machine *machine, struct err *err)
{
    return file_backend_open(machine->folder.path, geteuid(), getegid(), err);
}

/* A store with some states behind it, and what a crash left. */
static void machine_new(struct machine *machine)
{
    machine->folder = folder_new();
    for (uint8_t i = 1; i <= 3; i++) {
        machine->backend = open_store(machine, NULL);
        machine->persistence = persist_in(machine->backend);
        machine->service = service_new(&config, &machine->persistence, sample_verifier());
        assert_int_not_equal(persist_load(machine->service, machine->backend, true, NULL),
                             BACKEND_FAILED);
        assert_int_equal(change(machine->service, EFI_NAME("Old"), i), EFI_SUCCESS);
        if (i < 3) {
            service_free(machine->service);
            backend_close(machine->backend);
        }
    }
    assert_true(folder_write(&machine->folder, FILE_NEW_NAME, span_of("VARS", 4)));
}

static void machine_free(struct machine *machine)
{
    service_free(machine->service);
    backend_close(machine->backend);
    folder_remove(&machine->folder);
}

/* After a change of "A" to 1 that gave status: is all as it must be? */
static void check_change(struct machine *machine, struct service *old, efi_status status,
                         const char *call)
{
    struct variable_view view;
    bool there = service_get(machine->service, &view, &(struct guid){{0}}, EFI_NAME("A")) != NULL;

    if (status == EFI_SUCCESS) {
        assert_true(there);
        assert_true(disk_has(machine, machine->service));
    } else {
        if (status != EFI_DEVICE_ERROR) {
            fail_msg("%s: the guest was told %s", call, efi_status_text(status));
        }
        assert_false(there);
        assert_true(sample_same_stores(service_store(old), service_store(machine->service), false));
        struct service *found = on_disk(machine);
        bool is_old = sample_same_stores(service_store(old), service_store(found), false);
        size_t more = store_count(service_store(found)) - store_count(service_store(old));
        const struct variable *new_one =
            service_get(found, &view, &(struct guid){{0}}, EFI_NAME("A"));
        assert_true(is_old || (more == 1 && new_one != NULL && new_one->data.data[0] == 1));
        service_free(found);
    }
    assert_int_equal(change(machine->service, EFI_NAME("Later"), 9), EFI_SUCCESS);
    assert_true(disk_has(machine, machine->service));
}

/* ------------------------------------------------------------------------------ the faults, in
 * turn
 */

/* The n-th call from now on fails. */
struct fault {
    enum file_fault how;
    long n;
};

struct tally {
    unsigned rounds;
    unsigned refused; /* attempts that didn't do what they were to do */
};

/* Does something with the fault armed, and looks at what came of it. Gives the call that failed,
 * NULL when there were none left. */
typedef const char *attempt(struct machine *machine, const struct fault *fault, unsigned *refused);

static struct tally with_each_fault(attempt *try)
{
    struct tally tally = {0};

    for (enum file_fault how = 0; how < FILE_FAULT_COUNT; how++) {
        const char *call = "";
        for (long n = 0; call != NULL; n++, tally.rounds++) {
            struct machine machine;

            machine_new(&machine);
            call = try(&machine, &(struct fault){.how = how, .n = n}, &tally.refused);
            machine_free(&machine);
        }
    }
    return tally;
}

static const char *try_change(struct machine *machine, const struct fault *fault, unsigned *refused)
{
    struct service *old = on_disk(machine);

    file_fault_arm(fault->how, fault->n);
    efi_status status = change(machine->service, EFI_NAME("A"), 1);
    const char *call = file_fault_disarm();
    check_change(machine, old, status, call);
    *refused += status != EFI_SUCCESS;
    assert_true(call != NULL || status == EFI_SUCCESS);
    service_free(old);
    return call;
}

static void a_call_fails_in_a_change(void **state)
{
    struct tally tally = with_each_fault(try_change);

    (void)state;
    assert_in_range(tally.rounds, 6 * FILE_FAULT_COUNT, 10 * FILE_FAULT_COUNT);
    assert_in_range(tally.refused, 12, tally.rounds - FILE_FAULT_COUNT);
}

/* As before, straight at the backend, as a change of keys takes a snapshot on its way: nothing of
 * that may refuse the save. */
static const char *try_change_of_keys(struct machine *machine, const struct fault *fault,
                                      unsigned *refused)
{
    size_t old_len, len;
    auto_free uint8_t *old = folder_read(&machine->folder, FILE_STATE_NAME, &old_len);

    file_fault_arm(fault->how, fault->n);
    bool ok = machine->backend->ops->save(machine->backend, span_of("new", 3), true, NULL);
    const char *call = file_fault_disarm();
    auto_free uint8_t *now = folder_read(&machine->folder, FILE_STATE_NAME, &len);
    bool is_new = span_equal(span_of(now, len), span_of("new", 3));
    assert_true(is_new || (!ok && span_equal(span_of(now, len), span_of(old, old_len))));
    if (call == NULL || strcmp(call, "linkat") == 0) {
        assert_true(ok);
    }
    *refused += !ok;
    return call;
}

static void a_call_fails_in_a_change_of_keys(void **state)
{
    (void)state;
    assert_true(with_each_fault(try_change_of_keys).refused > 4);
    assert_true(file_fault_seen("linkat") > 0);
}

/* The store opens in spite of it, or says why not; then it opens, and has what it had. */
static const char *try_opening(struct machine *machine, const struct fault *fault,
                               unsigned *refused)
{
    struct err err = {.text = ""};

    backend_close(machine->backend);
    file_fault_arm(fault->how, fault->n);
    machine->backend = open_store(machine, &err);
    const char *call = file_fault_disarm();
    assert_true(call != NULL || machine->backend != NULL);
    assert_int_equal(machine->backend == NULL, err.text[0] != '\0');
    *refused += machine->backend == NULL;
    if (machine->backend == NULL) {
        machine->backend = open_store(machine, &err);
    }
    assert_non_null(machine->backend);
    assert_true(disk_has(machine, machine->service));
    machine->persistence = persist_in(machine->backend);
    assert_int_equal(change(machine->service, EFI_NAME("Later"), 9), EFI_SUCCESS);
    assert_true(disk_has(machine, machine->service));
    return call;
}

static void a_call_fails_in_opening(void **state)
{
    (void)state;
    assert_true(with_each_fault(try_opening).refused > 10);
}

/* A folder that isn't there yet. */
static const char *try_making_the_folder(struct machine *machine, const struct fault *fault,
                                         unsigned *refused)
{
    struct folder folder = folder_new();
    const char *path = folder_file(&folder, "vm");
    struct err err = {.text = ""};

    (void)machine;
    file_fault_arm(fault->how, fault->n);
    struct backend *backend = file_backend_open(path, geteuid(), getegid(), &err);
    const char *call = file_fault_disarm();
    assert_int_equal(backend == NULL, err.text[0] != '\0');
    *refused += backend == NULL;
    if (backend == NULL) {
        backend = file_backend_open(path, geteuid(), getegid(), &err);
    }
    assert_non_null(backend);
    assert_true(backend->ops->save(backend, span_of("state", 5), true, &err));
    backend_close(backend);
    folder_remove(&folder);
    return call;
}

static void a_call_fails_in_making_the_folder(void **state)
{
    (void)state;
    assert_true(with_each_fault(try_making_the_folder).refused > 4);
    assert_true(file_fault_seen("mkdir") > 0);
}

static const char *try_loading(struct machine *machine, const struct fault *fault,
                               unsigned *refused)
{
    struct service *loaded = service_new(&config, NULL, NULL);
    struct err err = {.text = ""};

    file_fault_arm(fault->how, fault->n);
    enum backend_load result = persist_load(loaded, machine->backend, true, &err);
    const char *call = file_fault_disarm();
    assert_int_not_equal(result, BACKEND_FIRST_BOOT);
    assert_int_equal(result == BACKEND_FAILED, err.text[0] != '\0');
    *refused += result == BACKEND_FAILED;
    assert_true(result == BACKEND_FAILED ||
                sample_same_stores(service_store(machine->service), service_store(loaded), false));
    service_free(loaded);
    return call;
}

static void a_call_fails_in_loading(void **state)
{
    (void)state;
    assert_true(with_each_fault(try_loading).refused > 4);
}

/* The mark of a refused image is nothing that a state could suffer from. */
static const char *try_notification(struct machine *machine, const struct fault *fault,
                                    unsigned *refused)
{
    struct err err = {.text = ""};

    file_fault_arm(fault->how, fault->n);
    bool ok = machine->backend->ops->notify(machine->backend, &err);
    const char *call = file_fault_disarm();
    assert_int_equal(ok, err.text[0] == '\0');
    assert_true(ok || call != NULL);
    *refused += !ok;
    assert_true(disk_has(machine, machine->service));
    assert_true(machine->backend->ops->notify(machine->backend, &err));
    return call;
}

static void a_call_fails_in_a_notification(void **state)
{
    (void)state;
    assert_true(with_each_fault(try_notification).refused > 1);
}

/* What no kill can show: a power cut loses what was not fsynced, so the new state has to be on disk
 * before it gets its name, and the name before the guest is answered. */
static void saves_in_the_order_that_survives_a_power_cut(void **state)
{
    struct machine machine;

    (void)state;
    machine_new(&machine);
    file_fault_arm(FILE_FAULT_EIO, 1000);
    assert_int_equal(change(machine.service, EFI_NAME("A"), 1), EFI_SUCCESS);
    file_fault_disarm();
    assert_string_equal(file_fault_calls(), "openat write fsync close renameat fsync ");

    file_fault_arm(FILE_FAULT_EIO, 1000);
    assert_int_equal(change(machine.service, EFI_NAME("A"), 1), EFI_SUCCESS);
    file_fault_disarm();
    assert_string_equal(file_fault_calls(), ""); /* nothing changed */
    machine_free(&machine);
}

/* If a call is made under another name some day, its wrapper sees nothing and tests nothing. */
static void every_call_was_tried(void **state)
{
    static const char *const calls[] = {
        "mkdir",   "mkdirat",   "open",     "openat",    "read",    "write",     "fsync",
        "close",   "renameat",  "unlinkat", "linkat",    "flock",   "ftruncate", "fstat",
        "fstatat", "faccessat", "fcntl",    "fdopendir", "readdir", "closedir"};

    (void)state;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if (file_fault_seen(calls[i]) == 0) {
            fail_msg("%s was never called", calls[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_fails_in_a_change),
        cmocka_unit_test(a_call_fails_in_a_change_of_keys),
        cmocka_unit_test(a_call_fails_in_opening),
        cmocka_unit_test(a_call_fails_in_making_the_folder),
        cmocka_unit_test(a_call_fails_in_loading),
        cmocka_unit_test(a_call_fails_in_a_notification),
        cmocka_unit_test(saves_in_the_order_that_survives_a_power_cut),
        cmocka_unit_test(every_call_was_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
