// SPDX-License-Identifier: BSD-2-Clause
#include "support/signing.h"

#include "base/writer.h"
#include "crypto/der.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static const struct guid type_x509 =
    GUID_INIT(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);
static const struct guid type_sha256 =
    GUID_INIT(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);
static const struct guid type_pkcs7 =
    GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);
static const struct guid owner =
    GUID_INIT(0x77fa9abd, 0x0359, 0x4d32, 0xbd, 0x60, 0x28, 0xf4, 0xe7, 0x8f, 0x78, 0x4b);

struct signing_key {
    EVP_PKEY *key;
    X509 *certificate;
    uint8_t *der;
    size_t der_len;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "signing: %s failed\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static EVP_PKEY *generate_rsa(unsigned bits, unsigned exponent)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *e = BN_new();
    EVP_PKEY *key = NULL;

    must(context != NULL && e != NULL && BN_set_word(e, exponent) == 1, "preparing a key");
    must(EVP_PKEY_keygen_init(context) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits) == 1 &&
             EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1 &&
             EVP_PKEY_generate(context, &key) == 1,
         "making a key");
    BN_free(e);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *generate_key(const struct signing_key_options *options)
{
    if (options->same_key != NULL) {
        EVP_PKEY_up_ref(options->same_key->key);
        return options->same_key->key;
    }
    if (options->curve != NULL) {
        return EVP_EC_gen(options->curve);
    }
    return generate_rsa(options->bits != 0 ? options->bits : 2048,
                        options->exponent != 0 ? options->exponent : 65537);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);

    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "an extension");
    X509_EXTENSION_free(extension);
}

static void add_unknown_critical(X509 *certificate)
{
    ASN1_OBJECT *object = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;

    must(object != NULL && ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05", 2) == 1 &&
             X509_EXTENSION_create_by_OBJ(&extension, object, 1, value) != NULL &&
             X509_add_ext(certificate, extension, -1) == 1,
         "an unknown extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

static void add_extensions(X509 *certificate, const struct signing_key_options *options)
{
    char constraints[64];

    snprintf(constraints, sizeof(constraints), "critical,CA:%s%s%s",
             options->leaf ? "FALSE" : "TRUE", options->path_len != NULL ? ",pathlen:" : "",
             options->path_len != NULL ? options->path_len : "");
    add_extension(certificate, NID_basic_constraints, constraints);
    add_extension(certificate, NID_subject_key_identifier, "hash");
    if (options->key_usage != NULL) {
        add_extension(certificate, NID_key_usage, options->key_usage);
    }
    if (options->extension_twice) {
        add_extension(certificate, NID_basic_constraints, "CA:FALSE");
    }
    if (options->unknown_critical) {
        add_unknown_critical(certificate);
    }
}

static X509_NAME *name_new(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    must(name != NULL && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                                    (const uint8_t *)common_name, -1, -1, 0) == 1,
         "a name");
    return name;
}

static X509 *make_certificate(EVP_PKEY *key, const struct signing_key_options *options)
{
    X509 *certificate = X509_new();
    X509_NAME *name = name_new(options->name);
    const struct signing_key *issuer = options->issuer;
    const char *digest = options->digest != NULL ? options->digest : "SHA256";

    must(certificate != NULL, "a certificate");
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate),
                     options->serial != 0 ? options->serial : 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -200000);
    X509_gmtime_adj(X509_getm_notAfter(certificate), options->expired ? -100000 : 100000);
    X509_set_subject_name(certificate, name);
    X509_set_issuer_name(certificate,
                         issuer != NULL ? X509_get_subject_name(issuer->certificate) : name);
    X509_set_pubkey(certificate, key);
    add_extensions(certificate, options);
    must(X509_sign(certificate, issuer != NULL ? issuer->key : key, EVP_get_digestbyname(digest)) >
             0,
         "signing a certificate");
    X509_NAME_free(name);
    return certificate;
}

struct signing_key *signing_key_new(const struct signing_key_options *options)
{
    struct signing_key *key = calloc(1, sizeof(*key));

    must(key != NULL, "memory");
    key->key = generate_key(options);
    must(key->key != NULL, "making a key");
    key->certificate = make_certificate(key->key, options);
    int len = i2d_X509(key->certificate, &key->der);
    must(len > 0, "writing a certificate");
    key->der_len = (size_t)len;
    return key;
}

void signing_key_free(struct signing_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->key);
        X509_free(key->certificate);
        OPENSSL_free(key->der);
        free(key);
    }
}

struct span signing_certificate(const struct signing_key *key)
{
    return span_of(key->der, key->der_len);
}

void signing_key_save(const struct signing_key *key, const char *key_path, const char *cert_path)
{
    FILE *file = fopen(key_path, "w");

    must(file != NULL && PEM_write_PrivateKey(file, key->key, NULL, NULL, 0, NULL, NULL) == 1 &&
             fclose(file) == 0,
         key_path);
    file = fopen(cert_path, "w");
    must(file != NULL && PEM_write_X509(file, key->certificate) == 1 && fclose(file) == 0,
         cert_path);
}

static unsigned cms_flags(const struct signing_options *options)
{
    return CMS_BINARY | CMS_NOSMIMECAP | (options->attached ? 0 : CMS_DETACHED) |
           (options->attributes ? 0 : CMS_NOATTR) | (options->no_certificates ? CMS_NOCERTS : 0) |
           (options->by_key_id ? CMS_USE_KEYID : 0);
}

static CMS_ContentInfo *cms_sign(const struct signing_key *key,
                                 const struct signing_options *options, struct span content)
{
    const EVP_MD *md = EVP_get_digestbyname(options->digest != NULL ? options->digest : "SHA256");
    unsigned flags = cms_flags(options);
    BIO *bio = BIO_new_mem_buf(content.data, (int)content.len);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, bio, flags | CMS_PARTIAL);

    must(cms != NULL && CMS_add1_signer(cms, key->certificate, key->key, md, flags) != NULL,
         "a signature");
    if (options->second != NULL) {
        must(CMS_add1_signer(cms, options->second->certificate, options->second->key, md, flags) !=
                 NULL,
             "a second signature");
    }
    for (size_t i = 0; i < SIGNING_CARRIED_MAX && options->carried[i] != NULL; i++) {
        must(CMS_add1_cert(cms, options->carried[i]->certificate) == 1, "a carried certificate");
    }
    must(CMS_final(cms, bio, NULL, flags) == 1, "signing");
    BIO_free(bio);
    return cms;
}

/* The SignedData in a ContentInfo. */
static struct span unwrap(struct span der)
{
    struct reader reader = reader_of(der);
    struct reader info;
    struct reader explicit;
    struct span oid;

    must(der_enter(&reader, DER_SEQUENCE, &info) && der_read(&info, DER_OID, &oid) &&
             der_enter(&info, DER_CONTEXT_CONSTRUCTED(0), &explicit),
         "unwrapping");
    return explicit.rest;
}

size_t signing_pkcs7(uint8_t *out, size_t capacity, const struct signing_key *key,
                     const struct signing_options *options, struct span content)
{
    static const struct signing_options usual;
    CMS_ContentInfo *cms = cms_sign(key, options != NULL ? options : &usual, content);
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);

    must(len > 0, "writing a signature");
    struct span whole = span_of(der, (size_t)len);
    struct span result = options != NULL && options->content_info ? whole : unwrap(whole);
    must(result.len <= capacity, "room for a signature");
    memcpy(out, result.data, result.len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    return result.len;
}

size_t signing_raw(uint8_t *out, size_t capacity, const struct signing_key *key, struct span bytes)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = capacity;

    must(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
             EVP_DigestSign(context, out, &len, bytes.data, bytes.len) == 1,
         "a raw signature");
    EVP_MD_CTX_free(context);
    return len;
}

size_t signing_content(uint8_t *out, size_t capacity, const struct signing_target *target)
{
    struct writer writer = writer_of(out, capacity);

    writer_bytes(&writer, target->name);
    writer_guid(&writer, target->guid);
    writer_u32le(&writer, target->attributes);
    writer_time(&writer, &target->time);
    writer_bytes(&writer, target->payload);
    must(writer_ok(&writer), "room for the content");
    return writer.len;
}

size_t signing_wrap(uint8_t *out, size_t capacity, const struct efi_time *time, struct span pkcs7,
                    struct span payload)
{
    struct writer writer = writer_of(out, capacity);

    writer_time(&writer, time);
    writer_u32le(&writer, (uint32_t)(24 + pkcs7.len));
    writer_u16le(&writer, 0x0200);
    writer_u16le(&writer, 0x0ef1);
    writer_guid(&writer, &type_pkcs7);
    writer_bytes(&writer, pkcs7);
    writer_bytes(&writer, payload);
    must(writer_ok(&writer), "room for a write");
    return writer.len;
}

size_t signing_write(uint8_t *out, size_t capacity, const struct signing_key *key,
                     const struct signing_options *options, const struct signing_target *target)
{
    size_t content_size = target->payload.len + target->name.len + 64;
    uint8_t *content = malloc(content_size);
    uint8_t pkcs7[16384];
    size_t pkcs7_len = 0;

    must(content != NULL, "memory");
    size_t content_len = signing_content(content, content_size, target);
    if (key != NULL) {
        pkcs7_len =
            signing_pkcs7(pkcs7, sizeof(pkcs7), key, options, span_of(content, content_len));
    }
    free(content);
    return signing_wrap(out, capacity, &target->time, span_of(pkcs7, pkcs7_len), target->payload);
}

struct efi_time signing_time(unsigned n)
{
    return (struct efi_time){.year = (uint16_t)(2024 + n / 32140800),
                             .month = (uint8_t)(1 + n / 2678400 % 12),
                             .day = (uint8_t)(1 + n / 86400 % 31),
                             .hour = (uint8_t)(n / 3600 % 24),
                             .minute = (uint8_t)(n / 60 % 60),
                             .second = (uint8_t)(n % 60)};
}

static void write_list_header(struct writer *writer, const struct guid *type, size_t entry_size,
                              size_t count)
{
    writer_guid(writer, type);
    writer_u32le(writer, (uint32_t)(28 + entry_size * count));
    writer_u32le(writer, 0);
    writer_u32le(writer, (uint32_t)entry_size);
}

size_t signing_esl_certificate(uint8_t *out, size_t capacity, struct span certificate)
{
    struct writer writer = writer_of(out, capacity);

    write_list_header(&writer, &type_x509, GUID_SIZE + certificate.len, 1);
    writer_guid(&writer, &owner);
    writer_bytes(&writer, certificate);
    must(writer_ok(&writer), "room for a list");
    return writer.len;
}

size_t signing_esl_hashes_size(unsigned count)
{
    return 28 + (size_t)count * (GUID_SIZE + 32);
}

size_t signing_esl_hashes(uint8_t *out, size_t capacity, unsigned first, unsigned count)
{
    struct writer writer = writer_of(out, capacity);

    write_list_header(&writer, &type_sha256, GUID_SIZE + 32, count);
    for (unsigned i = 0; i < count; i++) {
        uint64_t state = first + i;

        writer_guid(&writer, &owner);
        for (int word = 0; word < 4; word++) {
            /* splitmix64: different numbers give different words, in no order */
            uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
            z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
            z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
            writer_u64le(&writer, z ^ z >> 31);
        }
    }
    must(writer_ok(&writer), "room for a list");
    return writer.len;
}
