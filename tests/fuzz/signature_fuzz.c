// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signatures, against libcrypto's own CMS code: what the verifier accepts, libcrypto accepts too
 * (where it can read it at all). The input is a trusted certificate, its length (u16) before it,
 * and a PKCS #7 signature of the content below.
 */
#include "base/reader.h"
#include "crypto/openssl_verifier.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* The seeds (tests/programs/make_fuzz_seeds.c) sign the same. */
static const uint8_t content[] = "content for fuzzing";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_content_info(struct span der)
{
    const uint8_t *at = der.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);

    CMS_ContentInfo_free(cms);
    return cms != NULL;
}

/* CMS as libcrypto reads it: a bare SignedData is put into a ContentInfo. */
static CMS_ContentInfo *read_cms(struct span der)
{
    static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    static uint8_t wrapped[1 << 17];
    const uint8_t *at = wrapped;
    size_t inner = sizeof(oid) + 5 + der.len;
    const uint8_t outer_head[] = {0x30, 0x83, (uint8_t)(inner >> 16), (uint8_t)(inner >> 8),
                                  (uint8_t)inner};
    const uint8_t inner_head[] = {0xa0, 0x83, (uint8_t)(der.len >> 16), (uint8_t)(der.len >> 8),
                                  (uint8_t)der.len};

    if (is_content_info(der)) {
        at = der.data;
        return d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    }
    if (inner + 5 > sizeof(wrapped)) {
        return NULL;
    }
    memcpy(wrapped, outer_head, 5);
    memcpy(wrapped + 5, oid, sizeof(oid));
    memcpy(wrapped + 5 + sizeof(oid), inner_head, 5);
    memcpy(wrapped + 10 + sizeof(oid), der.data, der.len);
    return d2i_CMS_ContentInfo(NULL, &at, (long)(inner + 5));
}

static bool leads_to(X509 *signer, STACK_OF(X509) * carried, X509 *trusted)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    X509_STORE_add_cert(store, trusted);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME |
                                    X509_V_FLAG_IGNORE_CRITICAL);
    X509_STORE_CTX_init(context, store, signer, carried);
    bool ok = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return ok;
}

static bool cms_accepts(CMS_ContentInfo *cms, X509 *trusted)
{
    BIO *bio = BIO_new_mem_buf(content, sizeof(content));
    STACK_OF(X509) *first = sk_X509_new_null();
    STACK_OF(X509) *carried = CMS_get1_certs(cms);

    sk_X509_push(first, trusted);
    bool ok = CMS_verify(cms, first, NULL, bio, NULL, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
    STACK_OF(X509) *signers = ok ? CMS_get0_signers(cms) : NULL;
    ok = ok && sk_X509_num(signers) == 1 && leads_to(sk_X509_value(signers, 0), carried, trusted);
    sk_X509_free(signers);
    sk_X509_pop_free(carried, X509_free);
    sk_X509_free(first);
    BIO_free(bio);
    return ok;
}

/*
 * NULL when there is nothing to compare: to the verifier what is trusted is trusted, to libcrypto
 * all its extensions have to be well-formed, and it may look for an issuer and find its signature
 * wanting. So only a certificate that is still what was signed with its own key is compared.
 */
static X509 *read_trusted(struct span der)
{
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);

    if (certificate != NULL && X509_self_signed(certificate, 1) != 1) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* True as well when libcrypto can't read one of the two. */
static bool libcrypto_agrees(struct span pkcs7, struct span trusted)
{
    X509 *certificate = read_trusted(trusted);
    CMS_ContentInfo *cms = read_cms(pkcs7);
    bool ok = certificate == NULL || cms == NULL || cms_accepts(cms, certificate);

    CMS_ContentInfo_free(cms);
    X509_free(certificate);
    ERR_clear_error();
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct verifier *verifier;
    struct reader reader = reader_of(span_of(data, size));
    const struct span part = span_of(content, sizeof(content));
    uint8_t owner[SHA256_SIZE];
    struct span trusted;
    uint16_t len;

    if (verifier == NULL) {
        verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA_AND_ECDSA);
    }
    if (verifier == NULL || !reader_u16le(&reader, &len) || !reader_span(&reader, &trusted, len)) {
        return 0;
    }
    const struct signed_message message = {.pkcs7 = reader.rest, .parts = &part, .part_count = 1};
    verifier->ops->check_certificate(verifier, trusted);
    verifier->ops->verify_owner(verifier, &message, owner);
    if (verifier->ops->verify_trusted(verifier, &message, &trusted, 1) &&
        !libcrypto_agrees(reader.rest, trusted)) {
        abort();
    }
    return 0;
}
