// SPDX-License-Identifier: BSD-2-Clause
/* A family of certificates, root -> intermediate -> leaf, and a stranger; and a verifier to ask
 * about signatures that they make of one content. */
#ifndef SUPPORT_FAMILY_H
#define SUPPORT_FAMILY_H

#include "crypto/verifier.h"
#include "support/signing.h"

#define KEY(...) signing_key_new(&(struct signing_key_options){__VA_ARGS__})
#define OPTIONS(...) (&(struct signing_options){__VA_ARGS__})

#define FAMILY_CONTENT_SIZE 31u
extern const uint8_t family_content[FAMILY_CONTENT_SIZE];

struct family {
    struct verifier *verifier; /* of RSA signatures */
    /* under_root is another certificate for leaf's key, issued by root. */
    struct signing_key *root, *intermediate, *leaf, *under_root, *stranger;
};
extern struct family family;

/* For cmocka. */
int family_setup(void **state);
int family_teardown(void **state);

/* Is this a signature of the content that leads to the trusted certificate? */
bool verify_pkcs7(struct verifier *verifier, struct span pkcs7, struct span trusted);

/* Is a signature that signer makes? */
bool verified_by(struct verifier *verifier, const struct signing_key *signer,
                 const struct signing_options *options, const struct signing_key *trusted);
bool verified(const struct signing_key *signer, const struct signing_options *options,
              const struct signing_key *trusted);

#endif
