// SPDX-License-Identifier: BSD-2-Clause
#include "support/family.h"

#include "crypto/openssl_verifier.h"

#include <stdlib.h>

const uint8_t family_content[FAMILY_CONTENT_SIZE] = "what is signed, in three parts";

struct family family;

int family_setup(void **state)
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

int family_teardown(void **state)
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

bool verify_pkcs7(struct verifier *verifier, struct span pkcs7, struct span trusted)
{
    /* As in a write, the content lies in pieces. */
    const struct span parts[] = {span_of(family_content, 5), span_of(NULL, 0),
                                 span_of(family_content + 5, FAMILY_CONTENT_SIZE - 5)};
    uint8_t *exact = malloc(pkcs7.len + 1); /* so that a read beyond the end is found */

    memcpy(exact + 1, pkcs7.data, pkcs7.len);
    const struct signed_message message = {
        .pkcs7 = span_of(exact + 1, pkcs7.len), .parts = parts, .part_count = 3};
    bool valid = verifier->ops->verify_trusted(verifier, &message, &trusted, 1);
    free(exact);
    return valid;
}

bool verified_by(struct verifier *verifier, const struct signing_key *signer,
                 const struct signing_options *options, const struct signing_key *trusted)
{
    uint8_t pkcs7[32768];
    size_t len = signing_pkcs7(pkcs7, sizeof(pkcs7), signer, options,
                               span_of(family_content, FAMILY_CONTENT_SIZE));

    return verify_pkcs7(verifier, span_of(pkcs7, len), signing_certificate(trusted));
}

bool verified(const struct signing_key *signer, const struct signing_options *options,
              const struct signing_key *trusted)
{
    return verified_by(family.verifier, signer, options, trusted);
}
