// SPDX-License-Identifier: BSD-2-Clause
/*
 * SignedData put together by hand, with really valid signatures in forms that no tool makes: each
 * of them has one thing wrong, and is refused for it. And keys at the limits of what is taken.
 */
#include "base/writer.h"
#include "crypto/openssl_verifier.h"
#include "crypto/signed_data.h"
#include "support/signing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/sha.h>

static const uint8_t content[] = "the content";

static struct signing_key *key;
static struct verifier *verifier;

static int setup(void **state)
{
    (void)state;
    key = signing_key_new(&(struct signing_key_options){.name = "key"});
    verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    return verifier == NULL;
}

static int teardown(void **state)
{
    (void)state;
    signing_key_free(key);
    verifier_free(verifier);
    return 0;
}

/* ----------------------------------------------------------------------------------------- writing
 */

/* A run of DER that grows. */
struct der {
    uint8_t bytes[8192];
    size_t len;
};

static void add(struct der *out, struct span bytes)
{
    assert_true(bytes.len <= sizeof(out->bytes) - out->len);
    if (bytes.len > 0) {
        memcpy(out->bytes + out->len, bytes.data, bytes.len);
        out->len += bytes.len;
    }
}

static void add_value(struct der *out, uint8_t tag, struct span value)
{
    uint8_t head[4] = {tag, (uint8_t)value.len};
    size_t head_len = 2;

    if (value.len >= 0x100) {
        head[1] = 0x82;
        head[2] = (uint8_t)(value.len >> 8);
        head[3] = (uint8_t)value.len;
        head_len = 4;
    } else if (value.len >= 0x80) {
        head[1] = 0x81;
        head[2] = (uint8_t)value.len;
        head_len = 3;
    }
    add(out, span_of(head, head_len));
    add(out, value);
}

static void add_der(struct der *out, uint8_t tag, const struct der *value)
{
    add_value(out, tag, span_of(value->bytes, value->len));
}

static void add_small(struct der *out, uint8_t number)
{
    add_value(out, DER_INTEGER, span_of(&number, 1));
}

/* The OIDs that occur, by their last bytes. */
static struct span oid_pkcs7(uint8_t last)
{
    static uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0};

    oid[8] = last;
    return span_of(oid, sizeof(oid));
}

static struct span oid_pkcs9(uint8_t last)
{
    static uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0};

    oid[8] = last;
    return span_of(oid, sizeof(oid));
}

static void add_algorithm(struct der *out, struct span oid)
{
    struct der sequence = {.len = 0};

    add_value(&sequence, DER_OID, oid);
    add_value(&sequence, DER_NULL, span_of(NULL, 0));
    add_der(out, DER_SEQUENCE, &sequence);
}

static void add_hash_algorithm(struct der *out, uint8_t last)
{
    const uint8_t oid[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last};

    add_algorithm(out, span_of(oid, sizeof(oid)));
}

static void add_rsa_algorithm(struct der *out, uint8_t last)
{
    const uint8_t oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last};

    add_algorithm(out, span_of(oid, sizeof(oid)));
}

/* --------------------------------------------------------------------------------- the SignedData
 */

enum attribute {
    NO_ATTRIBUTE,
    CONTENT_TYPE,   /* data */
    WRONG_TYPE,     /* contentType, but another */
    TWO_TYPES,      /* contentType with two values */
    MESSAGE_DIGEST, /* the content's */
    WRONG_DIGEST,   /* messageDigest, but another */
    SIGNING_TIME,
};

/* What is unusual; zero is usual. */
struct form {
    uint8_t version, signer_version;
    uint8_t content_type;        /* last byte of the OID in place of data's 1 */
    uint8_t listed_hash;         /* in digestAlgorithms; 1 is SHA-256 */
    uint8_t signer_hash;         /* in the signer */
    uint8_t signature_algorithm; /* 1 is rsaEncryption, 11 sha256WithRSA, 12 sha384WithRSA */
    enum attribute attributes[4];
    bool unsigned_attributes, no_signer, revocation_lists, empty_content, two_signers;
};

static void add_attribute(struct der *out, enum attribute kind)
{
    struct der attribute = {.len = 0};
    struct der values = {.len = 0};
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256(content, sizeof(content), digest);
    digest[0] ^= kind == WRONG_DIGEST;
    if (kind == MESSAGE_DIGEST || kind == WRONG_DIGEST) {
        add_value(&attribute, DER_OID, oid_pkcs9(4));
        add_value(&values, DER_OCTET_STRING, span_of(digest, sizeof(digest)));
    } else if (kind == SIGNING_TIME) {
        add_value(&attribute, DER_OID, oid_pkcs9(5));
        add_value(&values, DER_UTC_TIME, span_of("260101000000Z", 13));
    } else {
        add_value(&attribute, DER_OID, oid_pkcs9(3));
        add_value(&values, DER_OID, oid_pkcs7(kind == WRONG_TYPE ? 2 : 1));
        if (kind == TWO_TYPES) {
            add_value(&values, DER_OID, oid_pkcs7(1));
        }
    }
    add_der(&attribute, DER_SET, &values);
    add_der(out, DER_SEQUENCE, &attribute);
}

/* Adds the signed attributes, if there are any, and gives what is to be signed. */
static void add_attributes(struct der *out, const struct form *form, struct der *to_sign)
{
    struct der attributes = {.len = 0};

    for (size_t i = 0; i < 4 && form->attributes[i] != NO_ATTRIBUTE; i++) {
        add_attribute(&attributes, form->attributes[i]);
    }
    if (attributes.len == 0) {
        add(to_sign, span_of(content, sizeof(content)));
        return;
    }
    add_der(out, DER_CONTEXT_CONSTRUCTED(0), &attributes);
    add_der(to_sign, DER_SET, &attributes);
}

static void add_signer(struct der *out, const struct form *form)
{
    struct der signer = {.len = 0};
    struct der identifier = {.len = 0};
    struct der to_sign = {.len = 0};
    uint8_t signature[512];
    static const uint8_t name[] = {0x30, 0x0e, 0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03,
                                   0x55, 0x04, 0x03, 0x0c, 0x03, 'k',  'e',  'y'};

    add_small(&signer, form->signer_version != 0 ? form->signer_version : 1);
    add(&identifier, span_of(name, sizeof(name)));
    add_small(&identifier, 1);
    add_der(&signer, DER_SEQUENCE, &identifier);
    add_hash_algorithm(&signer, form->signer_hash != 0 ? form->signer_hash : 1);
    add_attributes(&signer, form, &to_sign);
    add_rsa_algorithm(&signer, form->signature_algorithm != 0 ? form->signature_algorithm : 1);
    size_t len =
        signing_raw(signature, sizeof(signature), key, span_of(to_sign.bytes, to_sign.len));
    add_value(&signer, DER_OCTET_STRING, span_of(signature, len));
    if (form->unsigned_attributes) {
        add_value(&signer, DER_CONTEXT_CONSTRUCTED(1), span_of(NULL, 0));
    }
    add_der(out, DER_SEQUENCE, &signer);
}

static void make(struct der *out, const struct form *form)
{
    struct der data = {.len = 0};
    struct der hashes = {.len = 0};
    struct der info = {.len = 0};
    struct der signers = {.len = 0};

    add_small(&data, form->version != 0 ? form->version : 1);
    add_hash_algorithm(&hashes, form->listed_hash != 0 ? form->listed_hash : 1);
    add_der(&data, DER_SET, &hashes);
    add_value(&info, DER_OID, oid_pkcs7(form->content_type != 0 ? form->content_type : 1));
    if (form->empty_content) {
        add_value(&info, DER_CONTEXT_CONSTRUCTED(0), span_of("\x04", 2));
    }
    add_der(&data, DER_SEQUENCE, &info);
    if (form->revocation_lists) {
        add_value(&data, DER_CONTEXT_CONSTRUCTED(1), span_of(NULL, 0));
    }
    for (int i = 0; !form->no_signer && i <= form->two_signers; i++) {
        add_signer(&signers, form);
    }
    add_der(&data, DER_SET, &signers);
    out->len = 0;
    add_der(out, DER_SEQUENCE, &data);
}

static bool accepted(const struct form *form)
{
    struct der der;
    const struct span part = span_of(content, sizeof(content));
    const struct span trusted = signing_certificate(key);

    make(&der, form);
    const struct signed_message message = {
        .pkcs7 = span_of(der.bytes, der.len), .parts = &part, .part_count = 1};
    return verifier->ops->verify_trusted(verifier, &message, &trusted, 1);
}

#define accepts(...) accepted(&(struct form){__VA_ARGS__})

static void test_good_forms(void **state)
{
    (void)state;
    assert_true(accepted(&(struct form){0}));
    assert_true(accepts(.signature_algorithm = 11));
    assert_true(accepts(.unsigned_attributes = true));
    assert_true(accepts(.attributes = {CONTENT_TYPE, MESSAGE_DIGEST}));
    assert_true(accepts(.attributes = {MESSAGE_DIGEST, SIGNING_TIME, CONTENT_TYPE}));
}

static void test_attributes(void **state)
{
    (void)state;
    assert_false(accepts(.attributes = {MESSAGE_DIGEST}));
    assert_false(accepts(.attributes = {CONTENT_TYPE}));
    assert_false(accepts(.attributes = {SIGNING_TIME}));
    assert_false(accepts(.attributes = {WRONG_TYPE, MESSAGE_DIGEST}));
    assert_false(accepts(.attributes = {TWO_TYPES, MESSAGE_DIGEST}));
    assert_false(accepts(.attributes = {CONTENT_TYPE, WRONG_DIGEST}));
    assert_false(accepts(.attributes = {CONTENT_TYPE, MESSAGE_DIGEST, WRONG_DIGEST}));
    assert_false(accepts(.attributes = {CONTENT_TYPE, WRONG_DIGEST, MESSAGE_DIGEST}));
    assert_false(accepts(.attributes = {CONTENT_TYPE, CONTENT_TYPE, MESSAGE_DIGEST}));
}

static void test_algorithms(void **state)
{
    (void)state;
    assert_false(accepts(.signature_algorithm = 12)); /* SHA-384, but hashed with SHA-256 */
    assert_false(accepts(.signature_algorithm = 5));  /* SHA-1 */
    assert_false(accepts(.signature_algorithm = 10)); /* PSS */
    assert_false(accepts(.listed_hash = 2));
    assert_false(accepts(.signer_hash = 2));
    assert_false(accepts(.listed_hash = 2, .signer_hash = 2));
    assert_false(accepts(.listed_hash = 4, .signer_hash = 4)); /* SHA-224 */
}

static void test_frames(void **state)
{
    (void)state;
    assert_false(accepts(.version = 3));
    assert_false(accepts(.version = 2));
    assert_false(accepts(.signer_version = 3));
    assert_false(accepts(.content_type = 2));
    assert_false(accepts(.empty_content = true));
    assert_false(accepts(.no_signer = true));
    assert_false(accepts(.two_signers = true));
    assert_false(accepts(.revocation_lists = true));
}

/* -------------------------------------------------------------------------------------------- keys
 */

/* A SubjectPublicKeyInfo of an RSA key: a modulus of so many bits, odd or not, and the exponent. */
static enum key_type key_type_of(size_t bits, bool odd, struct span exponent)
{
    struct der info = {.len = 0};
    struct der numbers = {.len = 0};
    struct der encoded = {.len = 1}; /* no unused bits */
    struct der whole = {.len = 0};
    struct public_key public;
    uint8_t modulus[1025] = {0};
    size_t bytes = (bits + 7) / 8;

    memset(modulus + 1, 0xff, bytes);
    modulus[1] = (uint8_t)(0xff >> (8 * bytes - bits));
    modulus[bytes] = odd ? 0xff : 0xfe;
    bool zero_first = bits % 8 == 0;
    add_value(&numbers, DER_INTEGER, span_of(modulus + !zero_first, bytes + zero_first));
    add_value(&numbers, DER_INTEGER, exponent);
    add_der(&encoded, DER_SEQUENCE, &numbers);
    add_rsa_algorithm(&info, 1);
    add_der(&info, DER_BIT_STRING, &encoded);
    add_der(&whole, DER_SEQUENCE, &info);
    struct reader reader = reader_of(span_of(whole.bytes, whole.len));
    assert_true(public_key_read(&reader, &public) && reader_end(&reader));
    return public.type;
}

static void test_keys(void **state)
{
    static const struct {
        struct span exponent;
        bool good;
    } exponents[] = {
        {{(const uint8_t *)"\x01\x00\x01", 3}, true},
        {{(const uint8_t *)"\x03", 1}, true},
        {{(const uint8_t *)"\x7f\xff\xff\xff", 4}, true},
        {{(const uint8_t *)"\x01", 1}, false},
        {{(const uint8_t *)"\x02", 1}, false},
        {{(const uint8_t *)"\x00", 1}, false},
        {{(const uint8_t *)"\x01\x00\x00\x00\x01", 5}, false},
    };
    const struct span usual = exponents[0].exponent;

    (void)state;
    for (size_t bits = 2040; bits <= 4104; bits++) {
        bool good = bits >= 2048 && bits <= 4096;
        assert_int_equal(key_type_of(bits, true, usual), good ? KEY_RSA : KEY_UNKNOWN);
    }
    assert_int_equal(key_type_of(2048, false, usual), KEY_UNKNOWN);
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        assert_int_equal(key_type_of(2048, true, exponents[i].exponent),
                         exponents[i].good ? KEY_RSA : KEY_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_forms), cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_algorithms), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
