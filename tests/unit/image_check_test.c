// SPDX-License-Identifier: BSD-2-Clause
/* Authenticode signatures and what they decide, with Debian's shim, which Microsoft signed. */
#include "tools/image_check.h"

#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "support/signing.h"
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SHIM "/usr/lib/shim/shimx64.efi.signed"

struct shim {
    uint8_t *bytes;
    struct pe_image image;
    struct span pkcs7;
    struct authenticode authenticode;
};

static int set_up(void **state)
{
    static struct shim shim;
    struct err err = {0};
    bool malformed;
    size_t len;

    shim.bytes = tool_read_file(SHIM, 64u << 20, &len, &err);
    if (shim.bytes == NULL || !pe_parse(&shim.image, span_of(shim.bytes, len), &err)) {
        print_error("%s\n", err.text);
        return 1;
    }
    struct reader table = reader_of(shim.image.certificates);
    if (!pe_next_signature(&table, &shim.pkcs7, &malformed) ||
        !authenticode_parse(&shim.authenticode, shim.pkcs7)) {
        print_error("shim's first signature can't be read\n");
        return 1;
    }
    *state = &shim;
    return 0;
}

static int tear_down(void **state)
{
    struct shim *shim = *state;

    free(shim->bytes);
    return 0;
}

/* The certificate that issued the signer's: the last that is carried and leads to it. */
static struct span find_issuer(const struct authenticode *signature)
{
    struct reader reader = reader_of(signature->certificates);
    struct reader signers = reader_of(signature->signers);
    struct span signer;
    struct span der;
    struct span found = span_of(NULL, 0);

    assert_true(authenticode_next_signer(signature, &signers, &signer));
    while (authenticode_next_certificate(&reader, &der)) {
        if (!span_equal(der, signer) && authenticode_signed_by(signature, der)) {
            found = der;
        }
    }
    assert_true(found.len > 0);
    return found;
}

static void test_parse(void **state)
{
    const struct shim *shim = *state;
    const struct authenticode *signature = &shim->authenticode;
    struct reader signers = reader_of(signature->signers);
    struct span der;

    assert_int_equal(signature->digest, DIGEST_SHA256);
    assert_int_equal(signature->image_digest.len, 32);
    assert_true(authenticode_next_signer(signature, &signers, &der));
    assert_false(authenticode_next_signer(signature, &signers, &der));
    assert_true(reader_end(&signers));
}

/* All that a prefix may be is one whose end is padding. */
static void test_every_truncation_is_refused(void **state)
{
    const struct shim *shim = *state;
    struct authenticode out;

    for (size_t len = 0; len < shim->authenticode.whole.len; len++) {
        auto_free uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, shim->pkcs7.data, len);
        assert_false(authenticode_parse(&out, span_of(copy, len)));
    }
}

static bool check(struct image_check *out, const struct shim *shim, struct span db, struct span dbx)
{
    return image_check_run(out, &shim->image, db, dbx, NULL);
}

static void test_decisions(void **state)
{
    const struct shim *shim = *state;
    struct span issuer = find_issuer(&shim->authenticode);
    struct signing_key *other = signing_key_new(&(struct signing_key_options){.name = "other"});
    static uint8_t lists[8192];
    static uint8_t unrelated[8192];
    struct image_check out;
    struct span none = span_of(NULL, 0);
    struct span with = span_of(lists, signing_esl_certificate(lists, sizeof(lists), issuer));
    struct span without = span_of(unrelated, signing_esl_certificate(unrelated, sizeof(unrelated),
                                                                     signing_certificate(other)));

    assert_true(check(&out, shim, with, none));
    assert_int_equal(out.result.finding, IMAGE_ALLOWED_BY_CERTIFICATE);
    assert_true(span_equal(signature_entry_data(&out.result.place.entry), issuer));
    assert_true(check(&out, shim, with, without));
    assert_int_equal(out.result.finding, IMAGE_ALLOWED_BY_CERTIFICATE);
    assert_true(check(&out, shim, without, none));
    assert_int_equal(out.result.finding, IMAGE_NOT_FOUND);
    assert_true(check(&out, shim, with, with));
    assert_int_equal(out.result.finding, IMAGE_FORBIDDEN_BY_CERTIFICATE);
    assert_int_equal(out.result.signature, 1);
    signing_key_free(other);
}

static size_t hash_list(uint8_t *lists, size_t capacity, const uint8_t hash[32])
{
    size_t len = signing_esl_hashes(lists, capacity, 1, 2);

    memcpy(lists + len - 32, hash, 32);
    return len;
}

static void test_hashes(void **state)
{
    const struct shim *shim = *state;
    static uint8_t lists[256];
    struct image_check out;
    struct span none = span_of(NULL, 0);

    assert_true(check(&out, shim, none, none));
    struct span with = span_of(lists, hash_list(lists, sizeof(lists), out.sha256));
    assert_true(check(&out, shim, with, none));
    assert_int_equal(out.result.finding, IMAGE_ALLOWED_BY_HASH);
    assert_int_equal(out.result.place.number, 2);
    assert_true(check(&out, shim, with, with));
    assert_int_equal(out.result.finding, IMAGE_FORBIDDEN_BY_HASH);
}

/* No byte of what is signed or of the signature's value may change. */
static void test_changed_bytes_verify_no_more(void **state)
{
    struct shim *shim = *state;
    struct span issuer = find_issuer(&shim->authenticode);
    size_t from = (size_t)(shim->authenticode.content.data - shim->pkcs7.data);
    uint8_t *bytes = shim->bytes + (shim->pkcs7.data - shim->bytes);
    struct authenticode changed;

    for (size_t at = from; at < from + shim->authenticode.content.len; at++) {
        bytes[at] ^= 0x01;
        assert_false(authenticode_parse(&changed, shim->pkcs7) &&
                     authenticode_signed_by(&changed, issuer));
        bytes[at] ^= 0x01;
    }
    assert_true(authenticode_signed_by(&shim->authenticode, issuer));
}

static void test_a_changed_image_is_not_allowed(void **state)
{
    struct shim *shim = *state;
    struct span issuer = find_issuer(&shim->authenticode);
    static uint8_t lists[8192];
    struct span db = span_of(lists, signing_esl_certificate(lists, sizeof(lists), issuer));
    struct image_check out;

    shim->bytes[0x2000] ^= 1;
    assert_true(check(&out, shim, db, span_of(NULL, 0)));
    assert_int_equal(out.result.finding, IMAGE_NOT_FOUND);
    assert_false(out.signatures[0].matches);
    shim->bytes[0x2000] ^= 1;
}

static void test_without_memory(void **state)
{
    const struct shim *shim = *state;
    struct image_check out;
    bool failed;
    long n = 0;

    do {
        alloc_fault_arm(n++);
        bool checked = check(&out, shim, span_of(NULL, 0), span_of(NULL, 0));
        failed = alloc_fault_disarm();
        assert_true(checked != failed || checked);
        assert_false(checked && image_finding_allows(out.result.finding));
    } while (failed);
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_changed_bytes_verify_no_more),
        cmocka_unit_test(test_a_changed_image_is_not_allowed),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests_name("image_check", tests, set_up, tear_down);
}
