// SPDX-License-Identifier: BSD-2-Clause
/* The keys of a first boot: which files, in which order, and what is amiss with them. */
#include "backend/keys.h"

#include "auth/auth.h"
#include "base/io.h"
#include "crypto/openssl_verifier.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/enroll_test.XXXXXX";
static struct verifier *verifier;
static struct signing_key *pk, *kek;
static unsigned saves;
static bool save_works;

static bool save(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    (void)self;
    (void)store;
    saves++;
    assert_true(keys_changed);
    return save_works || err_set(err, "not today");
}

static const struct persistence persistence = {.save = save};

static int setup(void **state)
{
    (void)state;
    verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    pk = signing_key_new(&(struct signing_key_options){.name = "PK"});
    kek = signing_key_new(&(struct signing_key_options){.name = "KEK"});
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    verifier_free(verifier);
    signing_key_free(pk);
    signing_key_free(kek);
    return rmdir(folder);
}

static const char *path_of(const char *file)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    return path;
}

static void put_file(const char *file, struct span bytes)
{
    int fd = open(path_of(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && io_write_all(fd, bytes));
    close(fd);
}

static void put_key(const char *file, const struct guid *guid, struct span name, uint32_t append,
                    const struct signing_key *signer, struct span payload)
{
    uint8_t data[8192];
    const struct signing_target target = {.guid = guid,
                                          .name = name,
                                          .attributes = AUTH_KEY_ATTRIBUTES | append,
                                          .time = signing_time(1),
                                          .payload = payload};

    put_file(file, span_of(data, signing_write(data, sizeof(data), signer, NULL, &target)));
}

/* The whole set; PK signed by itself, the rest not at all. */
static int put_all(void **state)
{
    uint8_t esl[4096];
    size_t len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(pk));

    (void)state;
    put_key("PK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), 0, pk, span_of(esl, len));
    len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(kek));
    put_key("KEK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), 0, NULL, span_of(esl, len));
    put_key("db.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), 0, NULL, span_of(esl, len));
    len = signing_esl_hashes(esl, sizeof(esl), 0, 3);
    put_key("dbx.auth", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), EFI_VARIABLE_APPEND_WRITE,
            NULL, span_of(esl, len));
    saves = 0;
    save_works = true;
    return 0;
}

static int remove_all(void **state)
{
    static const char *const files[] = {"PK.auth", "KEK.auth", "db.auth", "dbx.auth"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        unlink(path_of(files[i]));
        rmdir(path_of(files[i]));
    }
    return 0;
}

static struct service *fresh_service(void)
{
    struct service_config config = {.secure_boot = true, .enforce = true};
    struct service *service = service_new(&config, &persistence, verifier);

    assert_non_null(service);
    return service;
}

static bool enroll_into(struct service *service, bool strict, struct err *err)
{
    struct key_files files;

    key_files_open(&files, folder);
    service_begin(service);
    bool ok = key_files_enroll(&files, service, strict, err);
    if (ok) {
        ok = service_commit(service) == EFI_SUCCESS || err_set(err, "not saved");
    } else {
        service_abort(service);
    }
    key_files_close(&files);
    return ok;
}

/* Enrolls into a new service; its variables are those, and only those. */
static void expect_variables(bool strict, size_t count, bool secure_boot)
{
    struct service *service = fresh_service();
    struct err err = {.text = ""};

    assert_true(enroll_into(service, strict, &err));
    assert_int_equal(store_count(service_store(service)), count);
    assert_int_equal(service_secure_boot(service), secure_boot);
    service_free(service);
}

static void expect_error(bool strict, const char *file, const char *reason)
{
    struct service *service = fresh_service();
    struct err err = {.text = ""};

    assert_false(enroll_into(service, strict, &err));
    assert_int_equal(store_count(service_store(service)), 0);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, reason));
    service_free(service);
}

static void test_all(void **state)
{
    (void)state;
    expect_variables(true, 4, true);
    assert_int_equal(saves, 1);
}

static void test_dbx_is_appended(void **state)
{
    struct service *service = fresh_service();
    uint8_t esl[256];
    size_t len = signing_esl_hashes(esl, sizeof(esl), 2, 2);
    const struct variable old = {.guid = EFI_IMAGE_SECURITY_DATABASE,
                                 .name = EFI_NAME("dbx"),
                                 .data = span_of(esl, len),
                                 .attributes = AUTH_KEY_ATTRIBUTES};

    (void)state;
    assert_true(service_restore_variable(service, &old));
    assert_true(enroll_into(service, false, NULL));
    const struct variable *dbx =
        store_get(service_store(service), &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"));
    assert_int_equal(dbx->data.len, len + signing_esl_hashes_size(2)); /* one was there */
    service_free(service);
}

static void test_missing(void **state)
{
    (void)state;
    unlink(path_of("dbx.auth"));
    expect_variables(true, 3, true);
    unlink(path_of("PK.auth"));
    expect_variables(true, 2, false);
    unlink(path_of("KEK.auth"));
    expect_variables(false, 1, false);
    expect_error(true, "KEK.auth", "No such file");
    unlink(path_of("db.auth"));
    expect_variables(false, 0, false);
    expect_error(true, "db.auth", "No such file");
}

static void test_no_folder(void **state)
{
    struct key_files files;
    struct service *service = fresh_service();

    (void)state;
    key_files_open(&files, "/nonexistent");
    service_begin(service);
    assert_true(key_files_enroll(&files, service, false, NULL));
    assert_false(key_files_enroll(&files, service, true, NULL));
    service_abort(service);
    key_files_close(&files);
    service_free(service);
}

static void test_too_long(void **state)
{
    static uint8_t zeros[WIRE_DATA_MAX + 1];

    (void)state;
    put_file("db.auth", span_of(zeros, sizeof(zeros)));
    expect_error(false, "db.auth", "longer");
}

static void test_malformed(void **state)
{
    (void)state;
    put_file("KEK.auth", span_of("rubbish", 7));
    expect_error(false, "KEK.auth", "Security Violation");
    put_file("KEK.auth", span_of("", 0));
    expect_error(false, "KEK.auth", "Security Violation");
    assert_int_equal(saves, 0);
}

static void test_unreadable(void **state)
{
    (void)state;
    unlink(path_of("db.auth"));
    assert_int_equal(mkdir(path_of("db.auth"), 0700), 0);
    expect_error(false, "db.auth", "directory");
}

/* The PK that ends setup mode has to be signed by itself, here as anywhere. */
static void test_pk_of_a_stranger(void **state)
{
    uint8_t esl[4096];
    size_t len = signing_esl_certificate(esl, sizeof(esl), signing_certificate(pk));

    (void)state;
    put_key("PK.auth", &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), 0, kek, span_of(esl, len));
    expect_error(false, "PK.auth", "Security Violation");
}

static void test_not_saved(void **state)
{
    struct service *service = fresh_service();

    (void)state;
    save_works = false;
    assert_false(enroll_into(service, false, NULL));
    assert_int_equal(store_count(service_store(service)), 0);
    assert_false(service_secure_boot(service));
    service_free(service);
}

#define ENROLL_TEST(function) cmocka_unit_test_setup_teardown(function, put_all, remove_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENROLL_TEST(test_all),        ENROLL_TEST(test_dbx_is_appended),
        ENROLL_TEST(test_missing),    ENROLL_TEST(test_no_folder),
        ENROLL_TEST(test_too_long),   ENROLL_TEST(test_malformed),
        ENROLL_TEST(test_unreadable), ENROLL_TEST(test_pk_of_a_stranger),
        ENROLL_TEST(test_not_saved),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
