// SPDX-License-Identifier: BSD-2-Clause
/*
 * A valid signed write, cut short at every byte and with every bit of it flipped: refused, and
 * nothing changed. The flips that are still valid are told, and why they may be.
 */
#include "support/secure_boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOTHING span_of(NULL, 0)

static struct secure_boot vm;

static int make_keys(void **state)
{
    (void)state;
    secure_boot_make_keys(&vm);
    secure_boot_enroll(&vm);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    secure_boot_free_keys(&vm);
    return 0;
}

static uint8_t data[16384];

/* A write of one hash to db. */
static size_t make_write(const struct signing_key *signer, const struct signing_options *options)
{
    struct signing_target target = secure_boot_target("db");

    target.time = signing_time(1000);
    target.payload = secure_boot_hashes(0, 1);
    return signing_write(data, sizeof(data), signer, options, &target);
}

/* In memory of its own size, so that a read beyond it is found. */
static efi_status write_exactly(struct span bytes)
{
    uint8_t *exact = malloc(bytes.len + 1);

    memcpy(exact + 1, bytes.data, bytes.len);
    efi_status status =
        secure_boot_write_raw(&vm, "db", AUTH_KEY_ATTRIBUTES, span_of(exact + 1, bytes.len));
    free(exact);
    return status;
}

static bool is_refusal(efi_status status)
{
    return status == EFI_SECURITY_VIOLATION || status == EFI_INVALID_PARAMETER;
}

/* Undoes a write that was accepted: db as it was enrolled. */
static void undo(uint64_t state)
{
    struct signing_target target = secure_boot_target("db");
    const struct variable db = {.guid = *target.guid,
                                .name = target.name,
                                .data = secure_boot_certificate(vm.db),
                                .attributes = AUTH_KEY_ATTRIBUTES,
                                .time = signing_time(100)};

    assert_true(service_restore_variable(vm.service, &db));
    assert_true(secure_boot_state(&vm) == state);
}

static void check_truncation(const struct signing_options *options)
{
    size_t len = make_write(vm.leaf, options);
    uint64_t before = secure_boot_state(&vm);

    for (size_t i = 0; i < len; i++) {
        assert_true(is_refusal(write_exactly(span_of(data, i))));
        assert_true(secure_boot_state(&vm) == before);
    }
    assert_true(write_exactly(span_of(data, len)) == EFI_SUCCESS);
    undo(before);
}

static void test_truncation(void **state)
{
    (void)state;
    check_truncation(NULL);
    check_truncation(&(struct signing_options){.attributes = true, .content_info = true});
}

/* A byte more is refused as well: as the payload's, or the signature's. */
static void test_a_byte_more(void **state)
{
    size_t len = make_write(vm.kek, NULL);

    (void)state;
    data[len] = 0;
    assert_true(is_refusal(write_exactly(span_of(data, len + 1))));
    memmove(data + 300, data + 299, len - 299);
    assert_true(is_refusal(write_exactly(span_of(data, len + 1))));
}

/* Flips every bit, and whole bytes. The write may still be accepted only where it carries bytes in
 * `unused`. Gives how many were. */
static unsigned check_flips(size_t len, struct span unused)
{
    uint64_t before = secure_boot_state(&vm);
    unsigned accepted = 0;

    for (size_t i = 0; i < 9 * len; i++) {
        size_t at = i / 9;
        uint8_t mask = (uint8_t)(i % 9 == 8 ? 0xff : 1 << i % 9);

        data[at] ^= mask;
        efi_status status = write_exactly(span_of(data, len));
        data[at] ^= mask;
        if (status == EFI_SUCCESS) {
            assert_true(data + at >= unused.data && data + at < unused.data + unused.len);
            accepted++;
            undo(before);
        } else {
            assert_true(is_refusal(status));
            assert_true(secure_boot_state(&vm) == before);
        }
    }
    return accepted;
}

/* Where a write carries the certificate. */
static struct span find_certificate(size_t len, const struct signing_key *key)
{
    struct span certificate = signing_certificate(key);
    uint8_t *found = memmem(data, len, certificate.data, certificate.len);

    assert_non_null(found);
    return span_of(found, certificate.len);
}

/* Nothing in it that isn't signed or doesn't say how: no flip survives. */
static void test_flips_without_certificates(void **state)
{
    const struct signing_options options = {.no_certificates = true};
    const struct signing_options attributes = {.no_certificates = true, .attributes = true};

    (void)state;
    assert_int_equal(check_flips(make_write(vm.kek, &options), NOTHING), 0);
    assert_int_equal(check_flips(make_write(vm.kek, &attributes), NOTHING), 0);
}

/* The signer's certificate is what leads to the trusted one: every byte of it counts. */
static void test_flips_under_a_ca(void **state)
{
    (void)state;
    assert_int_equal(check_flips(make_write(vm.leaf, NULL), NOTHING), 0);
}

/*
 * The signer is trusted itself: the certificate in KEK is used, the copy that the message carries
 * is not (it has to be well-formed, no more). So flips of what it says, its key or its signature,
 * are accepted; that's sound, since nothing is taken from them. No other flip is.
 */
static void test_flips_with_a_certificate_that_is_not_needed(void **state)
{
    size_t len = make_write(vm.kek, NULL);

    (void)state;
    assert_true(check_flips(len, find_certificate(len, vm.kek)) > 256);
}

/* ------------------------------------------------------------------------------ whole requests */

static uint8_t reply[WIRE_BUFFER_SIZE];

static size_t make_request(uint8_t *out, size_t capacity, struct span write)
{
    struct writer writer = writer_of(out, capacity);
    struct signing_target target = secure_boot_target("db");

    writer_u32le(&writer, WIRE_VERSION);
    writer_u32le(&writer, WIRE_SET_VARIABLE);
    writer_u64le(&writer, target.name.len);
    writer_bytes(&writer, target.name);
    writer_guid(&writer, target.guid);
    writer_u64le(&writer, write.len);
    writer_bytes(&writer, write);
    writer_u32le(&writer, AUTH_KEY_ATTRIBUTES);
    writer_u8(&writer, 0);
    assert_true(writer_ok(&writer));
    return writer.len;
}

/*
 * The head of the request (command, name, GUID) and its end (attributes, at_runtime). Where the
 * flip makes another command of it, that may well succeed, but not change anything. The flag
 * at_runtime is not signed: a write at run time is as good.
 */
static void test_flips_of_the_request(void **state)
{
    static uint8_t request[20000];
    struct span write = span_of(data, make_write(vm.leaf, NULL));
    size_t len = make_request(request, sizeof(request), write);
    uint64_t before = secure_boot_state(&vm);

    (void)state;
    for (size_t i = 0; i < 8 * (len - 1); i++) {
        size_t at = i / 8;

        if (at >= 64 && at + 16 < len) {
            continue; /* that's the write: see above */
        }
        request[at] ^= (uint8_t)(1 << i % 8);
        service_handle(vm.service, span_of(request, len), reply);
        request[at] ^= (uint8_t)(1 << i % 8);
        assert_true(secure_boot_state(&vm) == before);
    }
    for (size_t i = 0; i < len; i++) {
        service_handle(vm.service, span_of(request, i), reply);
        assert_true(secure_boot_state(&vm) == before);
    }
    request[len - 1] = 1;
    service_handle(vm.service, span_of(request, len), reply);
    assert_true(secure_boot_state(&vm) != before);
    undo(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_a_byte_more),
        cmocka_unit_test(test_flips_without_certificates),
        cmocka_unit_test(test_flips_under_a_ca),
        cmocka_unit_test(test_flips_with_a_certificate_that_is_not_needed),
        cmocka_unit_test(test_flips_of_the_request),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
