// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files made by tools that others wrote are accepted: efitools' sign-efi-sig-list,
 * cert-to-efi-sig-list and hash-to-efi-sig-list, sbvarsign, and PKCS #7 and CMS by the openssl
 * command.
 */
#include "base/cleanup.h"
#include "base/io.h"
#include "support/secure_boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#define APPEND EFI_VARIABLE_APPEND_WRITE

static struct secure_boot vm;
static char folder[] = "/tmp/efitools_test.XXXXXX";

/* Runs a command in the folder. */
static void run(const char *command)
{
    char line[1024];

    snprintf(line, sizeof(line), "cd %s && { %s; } > log 2>&1", folder, command);
    if (system(line) != 0) {
        snprintf(line, sizeof(line), "cat %s/log >&2", folder);
        assert_int_equal(system(line), 0);
        fail_msg("failed: %s", command);
    }
}

static size_t read_file(uint8_t *out, size_t capacity, const char *name)
{
    char path[128];
    struct err err;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    auto_free uint8_t *bytes = io_read_all(fd, capacity, &len, &err);
    assert_non_null(bytes);
    memcpy(out, bytes, len);
    return len;
}

static void save_key(const struct signing_key *key, const char *name)
{
    char key_path[128];
    char cert_path[128];

    snprintf(key_path, sizeof(key_path), "%s/%s.key", folder, name);
    snprintf(cert_path, sizeof(cert_path), "%s/%s.crt", folder, name);
    signing_key_save(key, key_path, cert_path);
}

static int setup(void **state)
{
    (void)state;
    secure_boot_make_keys(&vm);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    save_key(vm.pk, "PK");
    save_key(vm.kek, "KEK");
    save_key(vm.leaf, "leaf");
    save_key(vm.ca, "ca");
    save_key(vm.db, "db");
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    secure_boot_free_keys(&vm);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void expect_write(const char *name, uint32_t append, const char *file, efi_status expected)
{
    static uint8_t data[65536];
    size_t len = read_file(data, sizeof(data), file);
    efi_status status =
        secure_boot_write_raw(&vm, name, AUTH_KEY_ATTRIBUTES | append, span_of(data, len));

    assert_string_equal(efi_status_text(status), efi_status_text(expected));
}

/* What every guide to keys of one's own says. */
static void test_efitools(void **state)
{
    (void)state;
    run("for k in PK KEK ca db; do cert-to-efi-sig-list -g 77fa9abd-0359-4d32-bd60-28f4e78f784b "
        "$k.crt $k.esl; done; cat KEK.esl ca.esl > KEKs.esl;"
        "sign-efi-sig-list -t '2024-01-02 03:04:05' -k PK.key -c PK.crt PK PK.esl PK.auth;"
        "sign-efi-sig-list -t '2024-01-02 03:04:05' -k PK.key -c PK.crt KEK KEKs.esl KEK.auth;"
        "sign-efi-sig-list -t '2024-01-02 03:04:05' -k KEK.key -c KEK.crt db db.esl db.auth;"
        "sign-efi-sig-list -t '2025-01-02 03:04:05' -k leaf.key -c leaf.crt db db.esl db2.auth;"
        "sign-efi-sig-list -t '2026-01-02 03:04:05' -k db.key -c db.crt db db.esl stranger.auth;"
        ": > empty; sign-efi-sig-list -t '2027-01-02 03:04:05' -k PK.key -c PK.crt PK empty "
        "no.auth");
    secure_boot_reset(&vm, true);
    expect_write("db", 0, "db.auth", EFI_SUCCESS);
    expect_write("KEK", 0, "KEK.auth", EFI_SUCCESS);
    expect_write("PK", 0, "PK.auth", EFI_SUCCESS);
    assert_int_equal(secure_boot_mode(&vm, "SetupMode"), 0);
    expect_write("db", 0, "db.auth", EFI_SECURITY_VIOLATION); /* once more: not later */
    expect_write("db", 0, "db2.auth", EFI_SUCCESS);
    expect_write("db", 0, "stranger.auth", EFI_SECURITY_VIOLATION);
    expect_write("dbx", 0, "db2.auth", EFI_SECURITY_VIOLATION);
    expect_write("PK", 0, "no.auth", EFI_SUCCESS);
    assert_int_equal(secure_boot_mode(&vm, "SetupMode"), 1);
}

/* A PE image is hashed into a dbx update, which is appended. */
static void test_hash_list(void **state)
{
    (void)state;
    secure_boot_enroll(&vm);
    run("cp /usr/lib/efitools/*/HelloWorld.efi image.efi;"
        "hash-to-efi-sig-list image.efi hash.esl;"
        "sign-efi-sig-list -a -t '2026-01-02 03:04:05' -k KEK.key -c KEK.crt dbx hash.esl "
        "dbx.auth");
    expect_write("dbx", APPEND, "dbx.auth", EFI_SUCCESS);
    assert_int_equal(secure_boot_get(&vm, "dbx")->data.len, signing_esl_hashes_size(1));
    expect_write("dbx", APPEND, "dbx.auth", EFI_SUCCESS);
    assert_int_equal(secure_boot_get(&vm, "dbx")->data.len, signing_esl_hashes_size(1));
    expect_write("dbx", 0, "dbx.auth", EFI_SECURITY_VIOLATION); /* signed as an append */
}

static void test_sbvarsign(void **state)
{
    (void)state;
    secure_boot_enroll(&vm);
    run("cert-to-efi-sig-list db.crt db.esl;"
        "sbvarsign --key KEK.key --cert KEK.crt --output sbvarsign.auth --attr "
        "NON_VOLATILE,BOOTSERVICE_ACCESS,RUNTIME_ACCESS,TIME_BASED_AUTHENTICATED_WRITE_ACCESS "
        "db db.esl");
    expect_write("db", APPEND, "sbvarsign.auth", EFI_SECURITY_VIOLATION);
    expect_write("db", 0, "sbvarsign.auth", EFI_SUCCESS);
    expect_write("db", 0, "sbvarsign.auth", EFI_SECURITY_VIOLATION);
}

/* Signs the content of a write to db with an openssl command, and writes it. */
static void expect_openssl(const char *command, unsigned time, efi_status expected)
{
    static uint8_t bytes[16384];
    static uint8_t write[32768];
    struct signing_target target = secure_boot_target("db");
    char path[128];

    target.time = signing_time(time);
    target.payload = secure_boot_hashes(0, 2);
    size_t len = signing_content(bytes, sizeof(bytes), &target);
    snprintf(path, sizeof(path), "%s/content", folder);
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && io_write_all(fd, span_of(bytes, len)));
    run(command);
    len = read_file(bytes, sizeof(bytes), "signature");
    len = signing_wrap(write, sizeof(write), &target.time, span_of(bytes, len), target.payload);
    efi_status status = secure_boot_write_raw(&vm, "db", AUTH_KEY_ATTRIBUTES, span_of(write, len));
    if (status != expected) {
        fail_msg("%s: %s", command, efi_status_text(status));
    }
}

#define SMIME "openssl smime -sign -binary -in content -outform DER -out signature "
#define CMS "openssl cms -sign -binary -in content -outform DER -out signature "
#define BY_KEK "-signer KEK.crt -inkey KEK.key "
#define BY_LEAF "-signer leaf.crt -inkey leaf.key "

static void test_openssl(void **state)
{
    static const char *const good[] = {
        SMIME BY_KEK "-md sha256 -noattr",           SMIME BY_KEK "-md sha256",
        SMIME BY_KEK "-md sha384 -noattr",           SMIME BY_KEK "-md sha512",
        SMIME BY_KEK "-md sha256 -noattr -nocerts",  SMIME BY_LEAF "-md sha256 -noattr",
        SMIME BY_LEAF "-md sha256 -certfile ca.crt", CMS BY_KEK "-md sha256 -noattr",
        CMS BY_KEK "-md sha256 -nosmimecap",         CMS BY_LEAF "-md sha512 -certfile db.crt",
    };
    static const char *const bad[] = {
        SMIME BY_KEK "-md sha1 -noattr",
        SMIME BY_LEAF "-md sha256 -nocerts",
        SMIME BY_KEK "-md sha256 -nodetach",
        SMIME "-signer db.crt -inkey db.key -md sha256",
        SMIME BY_KEK "-signer db.crt -inkey db.key -md sha256",
        CMS BY_KEK "-md sha256 -keyid",
        CMS BY_KEK "-md sha256 -keyopt rsa_padding_mode:pss",
        CMS BY_KEK "-md sha224",
    };
    unsigned time = 1000;

    (void)state;
    secure_boot_enroll(&vm);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        expect_openssl(good[i], ++time, EFI_SUCCESS);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_openssl(bad[i], ++time, EFI_SECURITY_VIOLATION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_efitools),
        cmocka_unit_test(test_hash_list),
        cmocka_unit_test(test_sbvarsign),
        cmocka_unit_test(test_openssl),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
