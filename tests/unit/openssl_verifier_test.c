// SPDX-License-Identifier: BSD-2-Clause
/* Who is believed, and who isn't: real signatures, made by libcrypto's own CMS code. */
#include "crypto/certificate.h"
#include "crypto/openssl_verifier.h"
#include "support/alloc_fault.h"
#include "support/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_trusted_itself(void **state)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};

    (void)state;
    for (unsigned i = 0; i < 3 * 8; i++) {
        const struct signing_options options = {.digest = digests[i / 8],
                                                .attributes = (i & 1) != 0,
                                                .content_info = (i & 2) != 0,
                                                .no_certificates = (i & 4) != 0};
        assert_true(verified(family.root, &options, family.root));
        assert_false(verified(family.stranger, &options, family.root));
    }
}

static void test_key_sizes(void **state)
{
    static const struct {
        unsigned bits;
        bool good;
    } sizes[] = {{1024, false}, {2040, false}, {2048, true}, {3072, true}, {4096, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct signing_key *key = KEY(.name = "sized", .bits = sizes[i].bits);
        assert_int_equal(verified(key, NULL, key), sizes[i].good);
        assert_int_equal(
            family.verifier->ops->check_certificate(family.verifier, signing_certificate(key)),
            sizes[i].good);
        signing_key_free(key);
    }
}

static void test_small_exponent(void **state)
{
    struct signing_key *key = KEY(.name = "three", .exponent = 3);

    (void)state;
    assert_true(verified(key, NULL, key));
    signing_key_free(key);
}

static void test_weak_digests(void **state)
{
    (void)state;
    assert_false(verified(family.root, OPTIONS(.digest = "SHA1"), family.root));
    assert_false(verified(family.root, OPTIONS(.digest = "MD5"), family.root));
    assert_false(verified(family.root, OPTIONS(.digest = "SHA224"), family.root));
    assert_false(verified(family.root, OPTIONS(.digest = "SHA1", .attributes = true), family.root));
}

static void test_more_than_one_signer(void **state)
{
    (void)state;
    assert_false(verified(family.root, OPTIONS(.second = family.stranger), family.root));
    assert_false(verified(family.root, OPTIONS(.second = family.intermediate), family.root));
    assert_false(verified(family.stranger, OPTIONS(.second = family.root), family.root));
}

static void test_forms_that_are_refused(void **state)
{
    (void)state;
    assert_false(verified(family.root, OPTIONS(.by_key_id = true), family.root));
    assert_false(verified(family.root, OPTIONS(.attached = true), family.root));
    assert_false(verified(family.root, OPTIONS(.attached = true, .attributes = true), family.root));
}

static void test_other_content(void **state)
{
    uint8_t pkcs7[8192];
    uint8_t other[FAMILY_CONTENT_SIZE];

    (void)state;
    for (size_t i = 0; i < FAMILY_CONTENT_SIZE; i++) {
        memcpy(other, family_content, FAMILY_CONTENT_SIZE);
        other[i] ^= 1;
        size_t len =
            signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, OPTIONS(.attributes = (i & 1) != 0),
                          span_of(other, sizeof(other)));
        assert_false(
            verify_pkcs7(family.verifier, span_of(pkcs7, len), signing_certificate(family.root)));
    }
}

/* Every prefix, and everything with a byte behind it. */
static void check_all_lengths(const struct signing_options *options)
{
    uint8_t pkcs7[8192];
    struct span trusted = signing_certificate(family.root);
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7) - 1, family.leaf, options,
                               span_of(family_content, FAMILY_CONTENT_SIZE));

    pkcs7[len] = 0;
    assert_true(verify_pkcs7(family.verifier, span_of(pkcs7, len), trusted));
    assert_false(verify_pkcs7(family.verifier, span_of(pkcs7, len + 1), trusted));
    for (size_t i = 0; i < len; i++) {
        assert_false(verify_pkcs7(family.verifier, span_of(pkcs7, i), trusted));
    }
}

static void test_all_lengths(void **state)
{
    (void)state;
    check_all_lengths(OPTIONS(.carried = {family.intermediate}));
    check_all_lengths(
        OPTIONS(.carried = {family.intermediate}, .content_info = true, .attributes = true));
}

static void test_nobody_is_trusted(void **state)
{
    uint8_t pkcs7[8192];
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, NULL,
                               span_of(family_content, FAMILY_CONTENT_SIZE));
    const struct span part = span_of(family_content, FAMILY_CONTENT_SIZE);
    const struct signed_message message = {
        .pkcs7 = span_of(pkcs7, len), .parts = &part, .part_count = 1};
    const struct span rubbish[] = {span_of(NULL, 0), span_of(family_content, 5)};

    (void)state;
    assert_false(family.verifier->ops->verify_trusted(family.verifier, &message, NULL, 0));
    assert_false(family.verifier->ops->verify_trusted(family.verifier, &message, rubbish, 2));
    const struct span last[] = {rubbish[0], rubbish[1], signing_certificate(family.root)};
    assert_true(family.verifier->ops->verify_trusted(family.verifier, &message, last, 3));
}

static void test_ecdsa(void **state)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    struct verifier *both = openssl_verifier_new(OPENSSL_VERIFIER_RSA_AND_ECDSA);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct signing_key *key = KEY(.name = "curve", .curve = curves[i]);
        struct signing_key *leaf = KEY(.name = "leaf", .same_key = family.leaf, .issuer = key);
        bool good = i < 2;

        assert_int_equal(verified_by(both, key, NULL, key), good);
        assert_int_equal(verified_by(both, key, OPTIONS(.attributes = true), key), good);
        assert_int_equal(verified_by(both, leaf, NULL, key), good);
        assert_int_equal(both->ops->check_certificate(both, signing_certificate(key)), good);
        assert_false(verified(key, NULL, key));
        assert_false(verified(leaf, NULL, key));
        assert_false(
            family.verifier->ops->check_certificate(family.verifier, signing_certificate(key)));
        signing_key_free(leaf);
        signing_key_free(key);
    }
    assert_true(verified_by(both, family.root, NULL, family.root));
    verifier_free(both);
}

/* More keys in turn than are kept. */
static void test_more_keys_than_are_kept(void **state)
{
    struct signing_key *keys[10];

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        keys[i] = KEY(.name = "one of many");
    }
    for (size_t i = 0; i < 30; i++) {
        assert_true(verified(keys[i % 10], NULL, keys[i % 10]));
        assert_false(verified(keys[i % 10], NULL, keys[(i + 1) % 10]));
    }
    for (size_t i = 0; i < 10; i++) {
        signing_key_free(keys[i]);
    }
}

static bool owner_of(uint8_t owner[SHA256_SIZE], const struct signing_key *signer,
                     const struct signing_options *options)
{
    uint8_t pkcs7[8192];
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), signer, options,
                               span_of(family_content, FAMILY_CONTENT_SIZE));
    const struct span part = span_of(family_content, FAMILY_CONTENT_SIZE);
    const struct signed_message message = {
        .pkcs7 = span_of(pkcs7, len), .parts = &part, .part_count = 1};

    return family.verifier->ops->verify_owner(family.verifier, &message, owner);
}

/* SHA-256(name | tbsCertificate of top), computed another way. */
static void expect_owner(const uint8_t owner[SHA256_SIZE], const char *name,
                         const struct signing_key *top)
{
    struct certificate certificate;
    uint8_t joined[4096];
    uint8_t expected[SHA256_SIZE];
    unsigned size;

    assert_true(certificate_parse(&certificate, signing_certificate(top)));
    memcpy(joined, name, strlen(name));
    memcpy(joined + strlen(name), certificate.tbs.data, certificate.tbs.len);
    EVP_Digest(joined, strlen(name) + certificate.tbs.len, expected, &size, EVP_sha256(), NULL);
    assert_memory_equal(owner, expected, SHA256_SIZE);
}

static void test_owner(void **state)
{
    uint8_t owner[SHA256_SIZE];

    (void)state;
    assert_true(owner_of(owner, family.root, NULL));
    expect_owner(owner, "root", family.root);
    assert_true(owner_of(owner, family.leaf, OPTIONS(.attributes = true)));
    expect_owner(owner, "leaf", family.leaf);
    assert_true(owner_of(owner, family.leaf, OPTIONS(.carried = {family.intermediate})));
    expect_owner(owner, "leaf", family.intermediate);
    assert_true(
        owner_of(owner, family.leaf, OPTIONS(.carried = {family.root, family.intermediate})));
    expect_owner(owner, "leaf", family.root);
    assert_true(owner_of(owner, family.leaf, OPTIONS(.carried = {family.stranger})));
    expect_owner(owner, "leaf", family.leaf);
    assert_false(owner_of(owner, family.root, OPTIONS(.no_certificates = true)));
    assert_false(owner_of(owner, family.root, OPTIONS(.second = family.stranger)));
    assert_false(owner_of(owner, family.root, OPTIONS(.digest = "SHA1")));
}

/* To carry the owner's certificate is not to be it. */
static void test_owner_is_not_taken(void **state)
{
    uint8_t owner[SHA256_SIZE];
    uint8_t thief[SHA256_SIZE];
    struct signing_key *false_root = KEY(.name = "root");
    struct signing_key *false_leaf = KEY(.name = "root", .issuer = false_root, .serial = 8);

    (void)state;
    assert_true(owner_of(owner, family.root, NULL));
    assert_true(owner_of(thief, false_root, OPTIONS(.carried = {family.root})));
    assert_memory_not_equal(owner, thief, SHA256_SIZE);
    assert_true(owner_of(thief, false_leaf, OPTIONS(.carried = {family.root})));
    assert_memory_not_equal(owner, thief, SHA256_SIZE);
    signing_key_free(false_leaf);
    signing_key_free(false_root);
}

static void test_certificates(void **state)
{
    struct span der = signing_certificate(family.leaf);
    const struct verifier_ops *ops = family.verifier->ops;
    uint8_t copy[4096];

    (void)state;
    assert_true(ops->check_certificate(family.verifier, der));
    memcpy(copy, der.data, der.len);
    copy[der.len] = 0;
    assert_false(ops->check_certificate(family.verifier, span_of(copy, der.len + 1)));
    /* The algorithm's OID comes again outside, and has to be the same. */
    static const uint8_t algorithm[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b};
    uint8_t *first = memmem(copy, der.len, algorithm, sizeof(algorithm));
    first[sizeof(algorithm) - 1] = 0x0c;
    assert_false(ops->check_certificate(family.verifier, span_of(copy, der.len)));
    struct signing_key *twice =
        KEY(.name = "twice", .same_key = family.leaf, .extension_twice = true);
    assert_false(ops->check_certificate(family.verifier, signing_certificate(twice)));
    signing_key_free(twice);
    for (size_t i = 0; i < der.len; i++) {
        uint8_t *exact = malloc(i + 1);
        memcpy(exact + 1, der.data, i);
        assert_false(ops->check_certificate(family.verifier, span_of(exact + 1, i)));
        free(exact);
    }
}

/* What the daemon's sandbox takes away, the first use must not need. */
static void test_first_use_in_a_sandbox(void **state)
{
    uint8_t pkcs7[8192];
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, NULL,
                               span_of(family_content, FAMILY_CONTENT_SIZE));
    int status;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        static const int forbidden[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(clone),
                                        SCMP_SYS(clone3), SCMP_SYS(socket)};
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
            seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, forbidden[i], 0);
        }
        struct verifier *fresh = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
        bool ready = seccomp_load(filter) == 0;
        bool valid = verify_pkcs7(fresh, span_of(pkcs7, len), signing_certificate(family.root));
        _exit(ready && valid ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_without_memory(void **state)
{
    uint8_t pkcs7[8192];
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, OPTIONS(.no_certificates = true),
                               span_of(family_content, FAMILY_CONTENT_SIZE));
    const struct span part = span_of(family_content, FAMILY_CONTENT_SIZE);
    const struct span trusted = signing_certificate(family.root);
    const struct signed_message message = {
        .pkcs7 = span_of(pkcs7, len), .parts = &part, .part_count = 1};
    bool failed;
    long n = 0;

    (void)state;
    do {
        alloc_fault_arm(n++);
        struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
        bool valid =
            verifier != NULL && verifier->ops->verify_trusted(verifier, &message, &trusted, 1);
        failed = alloc_fault_disarm();
        verifier_free(verifier);
        assert_true(valid != failed);
    } while (failed);
    assert_true(n > 3); /* the verifier, its primitives, a key */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_use_in_a_sandbox),
        cmocka_unit_test(test_trusted_itself),
        cmocka_unit_test(test_key_sizes),
        cmocka_unit_test(test_small_exponent),
        cmocka_unit_test(test_weak_digests),
        cmocka_unit_test(test_more_than_one_signer),
        cmocka_unit_test(test_forms_that_are_refused),
        cmocka_unit_test(test_other_content),
        cmocka_unit_test(test_all_lengths),
        cmocka_unit_test(test_nobody_is_trusted),
        cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_more_keys_than_are_kept),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_owner_is_not_taken),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, family_setup, family_teardown);
}
