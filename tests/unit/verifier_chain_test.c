// SPDX-License-Identifier: BSD-2-Clause
/* Chains of certificates: which lead to a trusted one, and how far they are followed. */
#include "support/family.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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
    const struct span part = span_of(family_content, FAMILY_CONTENT_SIZE);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, family_setup, family_teardown);
}
