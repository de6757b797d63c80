// SPDX-License-Identifier: BSD-2-Clause
/* Who is believed, and who isn't: real signatures, made by libcrypto's own CMS code. */
#include "crypto/certificate.h"
#include "crypto/openssl_verifier.h"
#include "support/alloc_fault.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY(...) signing_key_new(&(struct signing_key_options){__VA_ARGS__})
#define OPTIONS(...) (&(struct signing_options){__VA_ARGS__})

static const uint8_t content[] = "what is signed, in three parts";

/* A family: root -> intermediate -> leaf, and a stranger. */
static struct {
    struct verifier *verifier;
    struct signing_key *root, *intermediate, *leaf, *under_root, *stranger;
} family;

static int setup(void **state)
{
    (void)state;
    family.verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    family.root = KEY(.name = "root");
    family.intermediate = KEY(.name = "intermediate", .issuer = family.root, .serial = 2);
    family.leaf = KEY(.name = "leaf", .issuer = family.intermediate, .leaf = true, .serial = 3);
    family.under_root = KEY(.name = "leaf", .issuer = family.root, .same_key = family.leaf,
                            .leaf = true, .serial = 4);
    family.stranger = KEY(.name = "stranger");
    return family.verifier == NULL;
}

static int teardown(void **state)
{
    (void)state;
    verifier_free(family.verifier);
    signing_key_free(family.root);
    signing_key_free(family.intermediate);
    signing_key_free(family.leaf);
    signing_key_free(family.under_root);
    signing_key_free(family.stranger);
    return 0;
}

static bool verify_pkcs7(struct verifier *verifier, struct span pkcs7, struct span trusted)
{
    /* As in a write, the content lies in pieces. */
    const struct span parts[] = {span_of(content, 5), span_of(NULL, 0),
                                 span_of(content + 5, sizeof(content) - 5)};
    const struct signed_message message = {.pkcs7 = pkcs7, .parts = parts, .part_count = 3};
    uint8_t *exact = malloc(pkcs7.len + 1); /* so that a read beyond the end is found */

    memcpy(exact + 1, pkcs7.data, pkcs7.len);
    struct signed_message copied = message;
    copied.pkcs7 = span_of(exact + 1, pkcs7.len);
    bool valid = verifier->ops->verify_trusted(verifier, &copied, &trusted, 1);
    free(exact);
    return valid;
}

static bool verified_by(struct verifier *verifier, const struct signing_key *signer,
                        const struct signing_options *options, const struct signing_key *trusted)
{
    uint8_t pkcs7[32768];
    size_t len =
        signing_pkcs7(pkcs7, sizeof(pkcs7), signer, options, span_of(content, sizeof(content)));

    return verify_pkcs7(verifier, span_of(pkcs7, len), signing_certificate(trusted));
}

static bool verified(const struct signing_key *signer, const struct signing_options *options,
                     const struct signing_key *trusted)
{
    return verified_by(family.verifier, signer, options, trusted);
}

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

static void test_chains(void **state)
{
    const struct signing_key *root = family.root;
    const struct signing_key *intermediate = family.intermediate;
    const struct signing_key *leaf = family.leaf;

    (void)state;
    assert_true(verified(family.under_root, NULL, root));
    assert_false(verified(family.under_root, OPTIONS(.no_certificates = true), root));
    assert_true(verified(leaf, NULL, intermediate)); /* a partial chain */
    assert_true(verified(leaf, NULL, leaf));
    assert_false(verified(leaf, NULL, root)); /* what lies between isn't there */
    assert_true(verified(leaf, OPTIONS(.carried = {intermediate}), root));
    assert_true(verified(leaf, OPTIONS(.carried = {root, intermediate, family.stranger}), root));
    assert_true(verified(leaf, OPTIONS(.carried = {intermediate}, .attributes = true), root));
    assert_false(verified(leaf, OPTIONS(.carried = {intermediate, root}), family.stranger));
    assert_false(verified(root, OPTIONS(.carried = {leaf, intermediate}), leaf)); /* downwards */
}

/* A certificate that says the trusted one issued it, but that it didn't sign. */
static void test_forged_issuer(void **state)
{
    struct signing_key *false_root = KEY(.name = "root");
    struct signing_key *forged = KEY(.name = "leaf", .issuer = false_root);

    (void)state;
    assert_false(verified(forged, NULL, family.root));
    assert_false(verified(forged, OPTIONS(.carried = {family.root}), family.root));
    assert_false(verified(false_root, NULL, family.root)); /* the same issuer and serial number */
    assert_false(verified(false_root, OPTIONS(.carried = {family.root}), family.root));
    signing_key_free(forged);
    signing_key_free(false_root);
}

/* The chain root -> middle (as told) -> leaf. */
static bool verified_through(const struct signing_key_options *middle_options)
{
    struct signing_key *middle = signing_key_new(middle_options);
    struct signing_key *leaf =
        KEY(.name = "end", .issuer = middle, .same_key = family.leaf, .leaf = true);
    bool valid = verified(leaf, OPTIONS(.carried = {middle}), family.root);

    signing_key_free(leaf);
    signing_key_free(middle);
    return valid;
}

#define MIDDLE(...)                                                                                \
    (&(struct signing_key_options){                                                                \
        .name = "middle", .issuer = family.root, .same_key = family.intermediate, __VA_ARGS__})

static void test_what_may_issue(void **state)
{
    (void)state;
    assert_true(verified_through(MIDDLE(.serial = 9)));
    assert_true(verified_through(MIDDLE(.key_usage = "critical,keyCertSign,cRLSign")));
    assert_true(verified_through(MIDDLE(.path_len = "0")));
    assert_true(verified_through(MIDDLE(.expired = true)));
    assert_true(verified_through(MIDDLE(.digest = "SHA512")));
    assert_false(verified_through(MIDDLE(.leaf = true)));
    assert_false(verified_through(MIDDLE(.key_usage = "critical,digitalSignature")));
    assert_false(verified_through(MIDDLE(.unknown_critical = true)));
    assert_false(verified_through(MIDDLE(.digest = "SHA1")));
}

static void test_path_length(void **state)
{
    struct signing_key *narrow = KEY(.name = "root", .same_key = family.root, .path_len = "0");
    const struct signing_options carried = {.carried = {family.intermediate}};

    (void)state;
    assert_true(verified(family.under_root, NULL, narrow));
    assert_false(verified(family.leaf, &carried, narrow));
    signing_key_free(narrow);
}

static void test_leaf_with_unknown_critical(void **state)
{
    struct signing_key *odd = KEY(.name = "odd", .issuer = family.root, .same_key = family.leaf,
                                  .unknown_critical = true);
    (void)state;
    assert_false(verified(odd, NULL, family.root));
    assert_true(verified(odd, NULL, odd)); /* trusted as it is */
    signing_key_free(odd);
}

static void test_dates_and_purposes_do_not_matter(void **state)
{
    struct signing_key *old =
        KEY(.name = "old", .same_key = family.leaf, .expired = true, .leaf = true,
            .key_usage = "critical,keyEncipherment", .digest = "SHA1");
    (void)state;
    assert_true(verified(old, NULL, old));
    signing_key_free(old);
}

/* Two roots that certify each other, and a second way that is the only good one. */
static void test_cross_signed(void **state)
{
    struct signing_key *other = KEY(.name = "other");
    struct signing_key *root_by_other =
        KEY(.name = "root", .same_key = family.root, .issuer = other, .serial = 5);
    struct signing_key *other_by_root =
        KEY(.name = "other", .same_key = other, .issuer = family.root, .serial = 6);
    const struct signing_options carried = {
        .carried = {root_by_other, other_by_root, family.intermediate}};

    (void)state;
    assert_true(verified(family.leaf, &carried, other));
    assert_true(verified(family.leaf, &carried, family.root));
    assert_false(verified(family.leaf, &carried, family.stranger));
    signing_key_free(other_by_root);
    signing_key_free(root_by_other);
    signing_key_free(other);
}

/* Many certificates of one name and key: every one has to be tried, but not without end. */
static void test_work_is_bounded(void **state)
{
    struct signing_key *same[7];
    struct signing_options options = {.attributes = true};

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        same[i] = KEY(.name = "intermediate", .issuer = family.root,
                      .same_key = family.intermediate, .serial = (long)(20 + i));
        options.carried[i] = same[i];
    }
    assert_true(verified(family.leaf, &options, family.root));
    assert_false(verified(family.leaf, &options, family.stranger));
    for (size_t i = 0; i < 7; i++) {
        signing_key_free(same[i]);
    }
}

/* As many trusted certificates of the issuer's name that aren't the issuer, and then the issuer. */
static bool verified_behind(const struct signing_key *namesake, size_t count)
{
    uint8_t pkcs7[8192];
    struct span trusted[64];
    const struct span part = span_of(content, sizeof(content));
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), family.under_root, NULL, part);
    const struct signed_message message = {
        .pkcs7 = span_of(pkcs7, len), .parts = &part, .part_count = 1};

    for (size_t i = 0; i < count; i++) {
        trusted[i] = signing_certificate(namesake);
    }
    trusted[count] = signing_certificate(family.root);
    return family.verifier->ops->verify_trusted(family.verifier, &message, trusted, count + 1);
}

static void test_checks_are_bounded(void **state)
{
    struct signing_key *namesake = KEY(.name = "root");

    (void)state;
    assert_true(
        verified_behind(namesake, 30)); /* the signer, 30 that aren't the issuer, the issuer */
    assert_false(verified_behind(namesake, 31));
    signing_key_free(namesake);
}

static void test_carried_certificates_are_bounded(void **state)
{
    struct signing_options options = {0};

    (void)state;
    for (size_t i = 0; i < 15; i++) { /* besides the signer's */
        options.carried[i] =
            KEY(.name = "filler", .same_key = family.leaf, .serial = (long)(40 + i));
    }
    assert_true(verified(family.root, &options, family.root));
    options.carried[15] = family.stranger;
    assert_false(verified(family.root, &options, family.root));
    for (size_t i = 0; i < 15; i++) {
        signing_key_free((struct signing_key *)(uintptr_t)options.carried[i]);
    }
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
    uint8_t other[sizeof(content)];

    (void)state;
    for (size_t i = 0; i < sizeof(content); i++) {
        memcpy(other, content, sizeof(content));
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
                               span_of(content, sizeof(content)));

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
    size_t len =
        signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, NULL, span_of(content, sizeof(content)));
    const struct span part = span_of(content, sizeof(content));
    const struct signed_message message = {
        .pkcs7 = span_of(pkcs7, len), .parts = &part, .part_count = 1};
    const struct span rubbish[] = {span_of(NULL, 0), span_of(content, 5)};

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
    size_t len =
        signing_pkcs7(pkcs7, sizeof(pkcs7), signer, options, span_of(content, sizeof(content)));
    const struct span part = span_of(content, sizeof(content));
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
    size_t len =
        signing_pkcs7(pkcs7, sizeof(pkcs7), family.root, NULL, span_of(content, sizeof(content)));
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
                               span_of(content, sizeof(content)));
    const struct span part = span_of(content, sizeof(content));
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
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_forged_issuer),
        cmocka_unit_test(test_what_may_issue),
        cmocka_unit_test(test_path_length),
        cmocka_unit_test(test_leaf_with_unknown_critical),
        cmocka_unit_test(test_dates_and_purposes_do_not_matter),
        cmocka_unit_test(test_cross_signed),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_checks_are_bounded),
        cmocka_unit_test(test_carried_certificates_are_bounded),
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
    return cmocka_run_group_tests(tests, setup, teardown);
}
