// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/pkcs7_sign.h"

#include "base/cleanup.h"
#include "crypto/certificate.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(BIO, BIO_free)
DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(X509, X509_free)
#define auto_bio __attribute__((cleanup(cleanup_BIO)))
#define auto_cms __attribute__((cleanup(cleanup_CMS_ContentInfo)))
#define auto_pkey __attribute__((cleanup(cleanup_EVP_PKEY)))
#define auto_x509 __attribute__((cleanup(cleanup_X509)))

#define KEY_BITS 2048u
#define SECONDS_PER_DAY 86400L

/* The first thing that libcrypto has to say about a failure. */
static bool fail(struct err *err, const char *what)
{
    char text[160];
    unsigned long code = ERR_peek_last_error();

    ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return code != 0 ? err_set(err, "%s: %s", what, text) : err_set(err, "%s", what);
}

static BIO *bio_of(struct span bytes)
{
    return bytes.len > INT32_MAX ? NULL : BIO_new_mem_buf(bytes.data, (int)bytes.len);
}

static X509 *read_certificate(struct span file)
{
    auto_bio BIO *pem = bio_of(file);
    X509 *certificate = pem == NULL ? NULL : PEM_read_bio_X509(pem, NULL, NULL, NULL);
    const uint8_t *der = file.data;

    if (certificate == NULL) {
        ERR_clear_error();
        certificate = d2i_X509(NULL, &der, (long)file.len);
    }
    return certificate;
}

static EVP_PKEY *read_key(struct span pem)
{
    auto_bio BIO *bio = bio_of(pem);

    return bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
}

/* libcrypto's memory isn't malloc's. */
static uint8_t *copy(const uint8_t *bytes, size_t len)
{
    uint8_t *result = malloc(len > 0 ? len : 1);

    if (result != NULL) {
        memcpy(result, bytes, len);
    }
    return result;
}

/* The SignedData out of its ContentInfo. */
static uint8_t *unwrap(struct span der, size_t *len)
{
    struct reader reader = reader_of(der);
    struct reader info;
    struct reader explicit;
    struct span oid;

    if (!der_enter(&reader, DER_SEQUENCE, &info) || !der_read(&info, DER_OID, &oid) ||
        !der_enter(&info, DER_CONTEXT_CONSTRUCTED(0), &explicit)) {
        return NULL;
    }
    *len = explicit.rest.len;
    return copy(explicit.rest.data, explicit.rest.len);
}

static uint8_t *encode(CMS_ContentInfo *cms, size_t *len)
{
    uint8_t *der = NULL;
    int der_len = i2d_CMS_ContentInfo(cms, &der);
    uint8_t *result = der_len > 0 ? unwrap(span_of(der, (size_t)der_len), len) : NULL;

    OPENSSL_free(der);
    return result;
}

uint8_t *pkcs7_sign(struct span key_pem, struct span certificate_pem, struct span content,
                    size_t *len, struct err *err)
{
    const unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_NOATTR | CMS_NOSMIMECAP;
    auto_pkey EVP_PKEY *key = read_key(key_pem);
    auto_x509 X509 *certificate = key == NULL ? NULL : read_certificate(certificate_pem);
    auto_bio BIO *bio = bio_of(content);

    if (key == NULL || certificate == NULL || bio == NULL) {
        fail(err, key == NULL ? "the private key can't be read (PEM, without a password)"
                              : "the signer's certificate can't be read");
        return NULL;
    }
    if (X509_check_private_key(certificate, key) != 1) {
        fail(err, "the private key and the signer's certificate don't belong together");
        return NULL;
    }
    auto_cms CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, flags | CMS_PARTIAL);
    uint8_t *result = NULL;
    if (cms != NULL && CMS_add1_signer(cms, certificate, key, EVP_sha256(), flags) != NULL &&
        CMS_final(cms, bio, NULL, flags) == 1) {
        result = encode(cms, len);
    }
    if (result == NULL) {
        fail(err, "it can't be signed");
    }
    return result;
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool set = number != NULL && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;

    BN_free(number);
    return set;
}

static bool fill_certificate(X509 *certificate, EVP_PKEY *key, const char *common_name,
                             unsigned days)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return X509_set_version(certificate, 2) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), SECONDS_PER_DAY * (long)days) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static char *text_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = len < 0 ? NULL : malloc((size_t)len + 1);

    if (text != NULL) {
        memcpy(text, data, (size_t)len);
        text[len] = '\0';
    }
    return text;
}

bool pkcs7_make_key(const char *common_name, unsigned days, char **key_pem, char **certificate_pem,
                    struct err *err)
{
    auto_pkey EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    auto_x509 X509 *certificate = X509_new();
    auto_bio BIO *key_bio = BIO_new(BIO_s_mem());
    auto_bio BIO *certificate_bio = BIO_new(BIO_s_mem());

    if (key == NULL || certificate == NULL || key_bio == NULL || certificate_bio == NULL ||
        !fill_certificate(certificate, key, common_name, days) ||
        PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_X509(certificate_bio, certificate) != 1) {
        return fail(err, "a key can't be made");
    }
    *key_pem = text_of(key_bio);
    *certificate_pem = text_of(certificate_bio);
    if (*key_pem == NULL || *certificate_pem == NULL) {
        free(take_ptr(*key_pem));
        free(take_ptr(*certificate_pem));
        return err_set(err, "out of memory");
    }
    return true;
}

uint8_t *certificate_load(struct span file, size_t *len, struct err *err)
{
    auto_x509 X509 *certificate = read_certificate(file);
    uint8_t *der = NULL;
    int der_len = certificate == NULL ? -1 : i2d_X509(certificate, &der);

    if (der_len <= 0) {
        fail(err, "not a certificate in PEM or DER");
        return NULL;
    }
    uint8_t *result = copy(der, (size_t)der_len);
    OPENSSL_free(der);
    *len = (size_t)der_len;
    if (result == NULL) {
        err_set(err, "out of memory");
    }
    return result;
}
