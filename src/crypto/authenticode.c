// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/authenticode.h"

#include "base/cleanup.h"
#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(BIO, BIO_free)
DEFINE_CLEANUP(PKCS7, PKCS7_free)
DEFINE_CLEANUP(X509, X509_free)
DEFINE_CLEANUP(X509_STORE, X509_STORE_free)
#define auto_bio __attribute__((cleanup(cleanup_BIO)))
#define auto_pkcs7 __attribute__((cleanup(cleanup_PKCS7)))
#define auto_x509 __attribute__((cleanup(cleanup_X509)))
#define auto_store __attribute__((cleanup(cleanup_X509_STORE)))

static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_indirect_data[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                            0x82, 0x37, 0x02, 0x01, 0x04};

static bool read_oid(struct reader *reader, const uint8_t *known, size_t len)
{
    struct span oid;

    return der_read(reader, DER_OID, &oid) && span_equal(oid, span_of(known, len));
}

/* SpcIndirectDataContent ::= SEQUENCE { data, messageDigest SEQUENCE { algorithm, OCTET STRING } }
 */
static bool read_indirect_data(struct authenticode *out, struct reader *content)
{
    struct reader message_digest;
    struct der_value data;

    out->content = content->rest;
    return der_read_any(content, &data) && der_enter(content, DER_SEQUENCE, &message_digest) &&
           algorithm_read_digest(&message_digest, &out->digest) &&
           der_read(&message_digest, DER_OCTET_STRING, &out->image_digest);
}

static bool read_content_info(struct authenticode *out, struct reader *fields)
{
    struct reader info;
    struct reader explicit;
    struct reader content;

    return der_enter(fields, DER_SEQUENCE, &info) &&
           read_oid(&info, oid_indirect_data, sizeof(oid_indirect_data)) &&
           der_enter(&info, DER_CONTEXT_CONSTRUCTED(0), &explicit) &&
           der_enter(&explicit, DER_SEQUENCE, &content) && read_indirect_data(out, &content);
}

/* RFC 2315, 9.1: certificates and revocation lists may be absent; signers may not. */
static bool read_rest(struct authenticode *out, struct reader *fields)
{
    struct span lists;

    if (der_next_is(fields, DER_CONTEXT_CONSTRUCTED(0)) &&
        !der_read(fields, DER_CONTEXT_CONSTRUCTED(0), &out->certificates)) {
        return false;
    }
    if (der_next_is(fields, DER_CONTEXT_CONSTRUCTED(1)) &&
        !der_read(fields, DER_CONTEXT_CONSTRUCTED(1), &lists)) {
        return false;
    }
    return der_read(fields, DER_SET, &out->signers) && reader_end(fields);
}

bool authenticode_parse(struct authenticode *out, struct span pkcs7)
{
    struct reader reader = reader_of(pkcs7);
    struct reader info;
    struct reader explicit;
    struct reader fields;
    struct span unused;
    uint32_t version;

    *out = (struct authenticode){0};
    if (!der_read_whole(&reader, DER_SEQUENCE, &out->whole)) {
        return false;
    }
    reader = reader_of(out->whole);
    if (!der_enter(&reader, DER_SEQUENCE, &info) ||
        !read_oid(&info, oid_signed_data, sizeof(oid_signed_data)) ||
        !der_enter(&info, DER_CONTEXT_CONSTRUCTED(0), &explicit) ||
        !der_enter(&explicit, DER_SEQUENCE, &fields) || !der_read_small(&fields, &version) ||
        !der_read(&fields, DER_SET, &unused) || !read_content_info(out, &fields)) {
        return false;
    }
    return read_rest(out, &fields);
}

bool authenticode_next_certificate(struct reader *certificates, struct span *der)
{
    return der_read_whole(certificates, DER_SEQUENCE, der);
}

/* RFC 2315, 9.2: a signer is named by issuer and serial number. */
static bool read_signer(struct reader *signers, struct span *issuer, struct span *serial)
{
    struct reader info;
    struct reader name;
    uint32_t version;

    return der_enter(signers, DER_SEQUENCE, &info) && der_read_small(&info, &version) &&
           der_enter(&info, DER_SEQUENCE, &name) && der_read_whole(&name, DER_SEQUENCE, issuer) &&
           der_read(&name, DER_INTEGER, serial);
}

bool authenticode_next_signer(const struct authenticode *signature, struct reader *signers,
                              struct span *der)
{
    struct reader at = *signers;
    struct reader certificates = reader_of(signature->certificates);
    struct certificate certificate;
    struct span issuer;
    struct span serial;

    if (!read_signer(&at, &issuer, &serial)) {
        return false;
    }
    while (authenticode_next_certificate(&certificates, der)) {
        if (certificate_parse(&certificate, *der) && span_equal(certificate.issuer, issuer) &&
            span_equal(certificate.serial, serial)) {
            *signers = at;
            return true;
        }
    }
    return false;
}

static bool verify(PKCS7 *pkcs7, X509 *trusted, struct span content)
{
    auto_store X509_STORE *store = X509_STORE_new();
    auto_bio BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);

    return store != NULL && bio != NULL && X509_STORE_add_cert(store, trusted) == 1 &&
           X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) ==
               1 &&
           X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1 &&
           PKCS7_verify(pkcs7, NULL, store, bio, NULL, PKCS7_BINARY) == 1;
}

bool authenticode_signed_by(const struct authenticode *signature, struct span certificate)
{
    const uint8_t *at = signature->whole.data;
    const uint8_t *der = certificate.data;
    auto_pkcs7 PKCS7 *pkcs7 = d2i_PKCS7(NULL, &at, (long)signature->whole.len);
    auto_x509 X509 *trusted = d2i_X509(NULL, &der, (long)certificate.len);
    bool valid = pkcs7 != NULL && trusted != NULL && PKCS7_type_is_signed(pkcs7) &&
                 verify(pkcs7, trusted, signature->content);

    ERR_clear_error();
    return valid;
}
