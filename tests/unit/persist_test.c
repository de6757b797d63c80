// SPDX-License-Identifier: BSD-2-Clause
#include "backend/persist.h"

#include "backend/memory.h"
#include "backend/vars.h"
#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "support/faulty.h"
#include "support/folder.h"
#include "support/sample.h"
#include "support/vars_blob.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

static const struct service_config config = {.secure_boot = true, .enforce = true};
static struct blob blob;

static struct service *new_service(void)
{
    struct service *service = service_new(&config, NULL, NULL);

    assert_non_null(service);
    return service;
}

/* Loads the blob made so far into a new service. */
static enum backend_load load(struct service **service, bool secure_boot, struct err *err)
{
    struct backend *backend = memory_backend_open(NULL, NULL);

    *service = new_service();
    err->text[0] = '\0';
    assert_true(backend->ops->save(backend, writer_span(&blob.writer), false, err));
    enum backend_load result = persist_load(*service, backend, secure_boot, err);
    backend_close(backend);
    return result;
}

/* -------------------------------------------------------------------------------------- loading */

static void a_first_boot_is_no_error(void **state)
{
    struct backend *backend = memory_backend_open(NULL, NULL);
    struct service *service = new_service();

    (void)state;
    assert_int_equal(persist_load(service, backend, true, NULL), BACKEND_FIRST_BOOT);
    assert_int_equal(store_count(service_store(service)), 0);
    service_free(service);
    backend_close(backend);
}

static void what_is_no_blob_ends_the_start(void **state)
{
    static const char *const texts[] = {"", "V", "rubbish"};
    struct service *service;
    struct err err;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        blob.writer = writer_of(blob.bytes, sizeof(blob.bytes));
        writer_bytes(&blob.writer, span_of(texts[i], strlen(texts[i])));
        assert_int_equal(load(&service, false, &err), BACKEND_FAILED);
        assert_non_null(strstr(err.text, "not a VARS blob"));
        service_free(service);
    }
}

static void a_bad_record_is_left_out(void **state)
{
    struct service *service;
    struct err err;

    (void)state;
    blob_begin(&blob, 1, 2);
    blob_add(&blob, EFI_NAME("Huge"), STORE_DATA_MAX + 1, 7);
    blob_add(&blob, EFI_NAME("BootOrder"), 2, 7);
    assert_int_equal(load(&service, true, &err), BACKEND_LOADED);
    assert_int_equal(store_count(service_store(service)), 1);
    service_free(service);
}

/* An oversized variable beside a good one: does the start end, and say which it was? */
static void expect_start(const struct guid *guid, struct span name, bool secure_boot, bool starts,
                         const char *said)
{
    static const struct efi_time no_time;
    struct service *service;
    struct err err;

    blob_begin(&blob, 1, 2);
    blob_add_full(&blob, name, STORE_DATA_MAX + 1, guid, 0x27, &no_time, 0);
    blob_add(&blob, EFI_NAME("BootOrder"), 2, 7);
    assert_int_equal(load(&service, secure_boot, &err), starts ? BACKEND_LOADED : BACKEND_FAILED);
    assert_non_null(strstr(err.text, said));
    service_free(service);
}

static void a_bad_key_ends_the_start_under_secure_boot(void **state)
{
    (void)state;
    expect_start(&EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), true, false, "PK can't be loaded");
    expect_start(&EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), true, false, "KEK can't be loaded");
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), true, false, "db can't be loaded");
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), true, false, "dbx can't be loaded");
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), true, false, "57344");
}

static void a_bad_key_is_left_out_without_secure_boot(void **state)
{
    (void)state;
    expect_start(&EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), false, true, "");
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), false, true, "");
}

static void a_bad_variable_that_is_no_key_never_ends_the_start(void **state)
{
    (void)state;
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbt"), true, true, "");
    expect_start(&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("PK"), true, true, "");
    expect_start(&EFI_GLOBAL_VARIABLE, EFI_NAME("db"), true, true, "");
}

static void a_blob_full_of_bad_records_does_not_flood_the_log(void **state)
{
    struct folder folder = folder_new();
    struct service *service;
    struct err err;
    int old_stderr = dup(STDERR_FILENO);
    int log = open(folder_file(&folder, "log"), O_RDWR | O_CREAT, 0600);
    static char text[1 << 16];

    (void)state;
    blob_begin(&blob, 2, 1000);
    for (int i = 0; i < 1000; i++) {
        blob_add(&blob, EFI_NAME("Bad"), 1, 0x8);
    }
    dup2(log, STDERR_FILENO);
    assert_int_equal(load(&service, true, &err), BACKEND_LOADED);
    dup2(old_stderr, STDERR_FILENO);
    ssize_t len = pread(log, text, sizeof(text) - 1, 0);
    assert_in_range(len, 100, 4000);
    assert_non_null(strstr(text, "984 more"));
    service_free(service);
    close(log);
    close(old_stderr);
    folder_remove(&folder);
}

static void volatile_variables_and_device_state_end_with_the_boot(void **state)
{
    static const struct device_state no_device;
    struct service *service;
    struct err err;

    (void)state;
    blob_begin(&blob, 2, 2);
    blob_add(&blob, EFI_NAME("Volatile"), 1, 6);
    blob_add(&blob, EFI_NAME("BootOrder"), 2, 7);
    blob.bytes[24] = 1;
    assert_int_equal(load(&service, true, &err), BACKEND_LOADED);
    assert_int_equal(store_count(service_store(service)), 1);
    assert_memory_equal(service_device(service), &no_device, sizeof(no_device));
    service_free(service);
}

static void loading_reports_failed_allocations(void **state)
{
    struct backend *backend = memory_backend_open(NULL, NULL);
    bool failed;
    long n = 0;

    (void)state;
    blob_begin(&blob, 1, 2);
    blob_add(&blob, EFI_NAME("A"), 1, 7);
    blob_add(&blob, EFI_NAME("B"), 2, 7);
    assert_true(backend->ops->save(backend, writer_span(&blob.writer), false, NULL));
    do {
        struct service *service = new_service();
        struct err err = {.text = ""};

        alloc_fault_arm(n++);
        enum backend_load result = persist_load(service, backend, false, &err);
        failed = alloc_fault_disarm();
        assert_int_equal(result, failed ? BACKEND_FAILED : BACKEND_LOADED);
        assert_int_equal(failed, err.text[0] != '\0');
        service_free(service);
    } while (failed);
    assert_true(n > 4);
    backend_close(backend);
}

/* ------------------------------------------------------------------------------ suspend images */

static struct service *sample_service(void)
{
    static const struct device_state device = {
        .mor_key = {1, 2}, .ppi_index = 0x101, .ppi_volatile = {9}};
    static struct sample_variable variable;
    struct service *service = new_service();
    struct sample sample = {.state = 9};

    for (int i = 0; i < 50; i++) {
        sample_variable(&sample, &variable);
        assert_true(service_restore_variable(service, &variable.variable));
    }
    service_restore_device(service, &device);
    return service;
}

static void a_suspended_service_resumes(void **state)
{
    struct folder folder = folder_new();
    struct service *before = sample_service();
    struct service *after = new_service();
    auto_free uint8_t *rubbish = calloc(1, 1 << 20);
    struct err err;

    (void)state;
    assert_true(folder_write(&folder, "image", span_of(rubbish, 1 << 20)));
    int fd = open(folder_file(&folder, "image"), O_WRONLY);
    assert_true(persist_suspend(before, fd, &err));
    assert_true(persist_suspend(before, fd, &err)); /* where fd stands doesn't matter */
    close(fd);
    fd = open(folder_file(&folder, "image"), O_RDONLY);
    assert_true(persist_resume(after, fd, true, &err));
    close(fd);
    assert_true(sample_same_stores(service_store(before), service_store(after), false));
    assert_memory_equal(service_device(before), service_device(after), sizeof(struct device_state));
    service_free(before);
    service_free(after);
    folder_remove(&folder);
}

static void after_a_resume_the_backend_has_what_the_service_has(void **state)
{
    struct backend *backend =
        faulty_backend_new(memory_backend_open(NULL, NULL), FAULTY_REFUSED, 0);
    struct service *service = sample_service();
    struct service *after = new_service();
    struct err err;

    (void)state;
    assert_true(persist_settle(service, backend, &err));
    assert_true(persist_settle(service, backend, &err));
    assert_int_equal(faulty_backend_saves(backend), 1);
    assert_int_equal(persist_load(after, backend, true, &err), BACKEND_LOADED);
    assert_true(sample_same_stores(service_store(service), service_store(after), true));
    assert_true(backend->ops->save(backend, span_of("another", 7), false, &err));
    assert_true(persist_settle(service, backend, &err));
    assert_int_equal(faulty_backend_saves(backend), 3);
    service_free(service);
    service_free(after);
    backend_close(backend);
}

static void a_cut_image_does_not_resume(void **state)
{
    struct folder folder = folder_new();
    struct service *before = sample_service();
    struct err err;
    size_t len;
    auto_free uint8_t *image = vars_encode_service(before, &len, &err);

    (void)state;
    for (size_t cut = 0; cut < len; cut += 101) {
        struct service *after = new_service();
        assert_true(folder_write(&folder, "image", span_of(image, cut)));
        int fd = open(folder_file(&folder, "image"), O_RDONLY);
        assert_false(persist_resume(after, fd, true, &err));
        assert_non_null(strstr(err.text, "the suspend image: "));
        close(fd);
        service_free(after);
    }
    service_free(before);
    folder_remove(&folder);
}

static void an_image_of_a_bad_key_does_not_resume_under_secure_boot(void **state)
{
    struct folder folder = folder_new();
    struct service *service = new_service();
    struct err err;

    (void)state;
    blob_begin(&blob, 2, 1);
    blob_add_full(&blob, EFI_NAME("PK"), 4, &EFI_GLOBAL_VARIABLE, 7, &(struct efi_time){0}, 0);
    assert_true(folder_write(&folder, "image", writer_span(&blob.writer)));
    int fd = open(folder_file(&folder, "image"), O_RDONLY);
    assert_false(persist_resume(service, fd, true, &err));
    lseek(fd, 0, SEEK_SET);
    assert_true(persist_resume(service, fd, false, &err));
    close(fd);
    service_free(service);
    folder_remove(&folder);
}

/* With a limit on the size of files in place of a full disk. */
static void a_half_written_image_is_emptied(void **state)
{
    struct folder folder = folder_new();
    struct service *service = sample_service();
    struct rlimit old, small;
    struct err err;
    size_t len = 1;

    (void)state;
    int fd = open(folder_file(&folder, "image"), O_WRONLY | O_CREAT, 0600);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 1000, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = persist_suspend(service, fd, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_non_null(strstr(err.text, "File too large"));
    auto_free uint8_t *left = folder_read(&folder, "image", &len);
    assert_non_null(left);
    assert_int_equal(len, 0);
    close(fd);
    service_free(service);
    folder_remove(&folder);
}

static void an_image_that_can_not_be_written_is_reported(void **state)
{
    struct folder folder = folder_new();
    struct service *service = sample_service();
    struct err err;

    (void)state;
    assert_true(folder_write(&folder, "image", span_of("", 0)));
    int fd = open(folder_file(&folder, "image"), O_RDONLY);
    assert_false(persist_suspend(service, fd, &err));
    assert_non_null(strstr(err.text, "writing the suspend image failed"));
    close(fd);
    service_free(service);
    folder_remove(&folder);
}

/* ----------------------------------------------------------------------------------- no memory */

static bool suspend_and_resume(const struct folder *folder, struct service *before, struct err *err)
{
    auto_close int out = open(folder_file(folder, "image"), O_WRONLY | O_CREAT, 0600);
    auto_close int in = open(folder_file(folder, "image"), O_RDONLY);
    struct service *after = service_new(&config, NULL, NULL);
    bool ok = after != NULL
                  ? persist_suspend(before, out, err) && persist_resume(after, in, false, err)
                  : err_set(err, "no service");

    service_free(after);
    return ok;
}

static bool keep_in_memory(const struct folder *folder, struct service *service, struct err *err)
{
    struct backend *backend = memory_backend_open(NULL, err);
    struct service *after = service_new(&config, NULL, NULL);
    bool ok = backend != NULL && persist_settle(service, backend, err) &&
              (after != NULL || err_set(err, "no service")) &&
              persist_load(after, backend, false, err) == BACKEND_LOADED;

    (void)folder;
    service_free(after);
    backend_close(backend);
    return ok;
}

static void everything_reports_failed_allocations(void **state)
{
    static bool (*const steps[])(const struct folder *, struct service *,
                                 struct err *) = {suspend_and_resume, keep_in_memory};
    struct folder folder = folder_new();
    struct service *service = sample_service();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bool failed;
        long n = 0;
        do {
            struct err err = {.text = ""};

            alloc_fault_arm(n++);
            bool ok = steps[i](&folder, service, &err);
            failed = alloc_fault_disarm();
            assert_true(ok != failed);
            assert_true(ok || err.text[0] != '\0');
        } while (failed);
        assert_true(n > 10);
    }
    service_free(service);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_boot_is_no_error),
        cmocka_unit_test(what_is_no_blob_ends_the_start),
        cmocka_unit_test(a_bad_record_is_left_out),
        cmocka_unit_test(a_bad_key_ends_the_start_under_secure_boot),
        cmocka_unit_test(a_bad_key_is_left_out_without_secure_boot),
        cmocka_unit_test(a_bad_variable_that_is_no_key_never_ends_the_start),
        cmocka_unit_test(a_blob_full_of_bad_records_does_not_flood_the_log),
        cmocka_unit_test(volatile_variables_and_device_state_end_with_the_boot),
        cmocka_unit_test(loading_reports_failed_allocations),
        cmocka_unit_test(a_suspended_service_resumes),
        cmocka_unit_test(after_a_resume_the_backend_has_what_the_service_has),
        cmocka_unit_test(a_cut_image_does_not_resume),
        cmocka_unit_test(an_image_of_a_bad_key_does_not_resume_under_secure_boot),
        cmocka_unit_test(a_half_written_image_is_emptied),
        cmocka_unit_test(an_image_that_can_not_be_written_is_reported),
        cmocka_unit_test(everything_reports_failed_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
