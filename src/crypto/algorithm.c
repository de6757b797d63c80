// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/algorithm.h"

#define RSA_BITS_MIN 2048u
#define RSA_BITS_MAX 4096u
#define RSA_EXPONENT_SIZE_MAX 4u /* bytes: a longer one is nobody's, and takes long */

#define OID(...)                                                                                   \
    {                                                                                              \
        .data = (const uint8_t[]){__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__})      \
    }

#define OID_NIST_HASH(n) OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n)
#define OID_PKCS1(n) OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n)
#define OID_ECDSA(n) OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n)

/* RFC 5754, 2. */
static const struct {
    struct span oid;
    enum digest digest;
} digests[] = {
    {OID_NIST_HASH(1), DIGEST_SHA256},
    {OID_NIST_HASH(2), DIGEST_SHA384},
    {OID_NIST_HASH(3), DIGEST_SHA512},
};

/* RFC 5754, 3.2 and 3.3; rsaEncryption in the place of a signature algorithm: RFC 3370, 3.2. */
static const struct {
    struct span oid;
    bool ecdsa;
    enum digest digest;
} signatures[] = {
    {OID_PKCS1(1), false, DIGEST_NONE},    {OID_PKCS1(11), false, DIGEST_SHA256},
    {OID_PKCS1(12), false, DIGEST_SHA384}, {OID_PKCS1(13), false, DIGEST_SHA512},
    {OID_ECDSA(2), true, DIGEST_SHA256},   {OID_ECDSA(3), true, DIGEST_SHA384},
    {OID_ECDSA(4), true, DIGEST_SHA512},
};

static const struct span oid_rsa = OID_PKCS1(1);
static const struct span oid_ec = OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);

/* RFC 5480, 2.1.1.1: the named curves, as the parameters of a key; and how long a point is. */
static const struct {
    struct span oid;
    enum key_type type;
    size_t point_size;
} curves[] = {
    {OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07), KEY_EC_P256, 65},
    {OID(0x2b, 0x81, 0x04, 0x00, 0x22), KEY_EC_P384, 97},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An AlgorithmIdentifier: its OID, and the parameters still to be read. */
static bool read_identifier(struct reader *reader, struct span *oid, struct reader *parameters)
{
    struct reader at = *reader;

    if (!der_enter(&at, DER_SEQUENCE, parameters) || !der_read(parameters, DER_OID, oid)) {
        return false;
    }
    *reader = at;
    return true;
}

/* RFC 5754: absent or NULL, to be taken as the same. */
static bool no_parameters(struct reader *parameters)
{
    struct span null;

    return reader_end(parameters) ||
           (der_read(parameters, DER_NULL, &null) && null.len == 0 && reader_end(parameters));
}

bool algorithm_read_digest(struct reader *reader, enum digest *out)
{
    struct span oid;
    struct reader parameters;

    if (!read_identifier(reader, &oid, &parameters)) {
        return false;
    }
    bool plain = no_parameters(&parameters);
    *out = DIGEST_NONE;
    for (size_t i = 0; plain && i < COUNT(digests); i++) {
        if (span_equal(oid, digests[i].oid)) {
            *out = digests[i].digest;
        }
    }
    return true;
}

bool algorithm_read_signature(struct reader *reader, struct signature_algorithm *out)
{
    struct span oid;
    struct reader parameters;

    if (!read_identifier(reader, &oid, &parameters)) {
        return false;
    }
    bool plain = no_parameters(&parameters);
    *out = (struct signature_algorithm){0};
    for (size_t i = 0; plain && i < COUNT(signatures); i++) {
        if (span_equal(oid, signatures[i].oid)) {
            *out = (struct signature_algorithm){
                .known = true, .ecdsa = signatures[i].ecdsa, .digest = signatures[i].digest};
        }
    }
    return true;
}

/* number: highest byte first, no leading zeros */
static size_t bit_length(struct span number)
{
    size_t bits = 8 * number.len;

    for (unsigned mask = 0x80; number.len > 0 && (number.data[0] & mask) == 0; mask >>= 1) {
        bits--;
    }
    return bits;
}

static bool is_odd(struct span number)
{
    return number.len > 0 && (number.data[number.len - 1] & 1) != 0;
}

/* RFC 8017, A.1.1. */
static bool read_rsa(struct public_key *out)
{
    struct reader encoded = reader_of(out->encoded);
    struct reader numbers;

    if (!der_enter(&encoded, DER_SEQUENCE, &numbers) || !reader_end(&encoded) ||
        !der_read_unsigned(&numbers, &out->modulus) ||
        !der_read_unsigned(&numbers, &out->exponent) || !reader_end(&numbers)) {
        return false;
    }
    size_t bits = bit_length(out->modulus);
    bool modulus_ok = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && is_odd(out->modulus);
    /* An exponent of 1 would make everything its own signature. */
    bool exponent_ok = bit_length(out->exponent) > 1 &&
                       out->exponent.len <= RSA_EXPONENT_SIZE_MAX && is_odd(out->exponent);
    out->type = modulus_ok && exponent_ok ? KEY_RSA : KEY_UNKNOWN;
    return true;
}

/* RFC 5480, 2.2: an uncompressed point; whether it is on the curve is seen when the key is used. */
static void read_ec(struct public_key *out, struct reader *parameters)
{
    struct span curve;

    if (!der_read(parameters, DER_OID, &curve) || !reader_end(parameters)) {
        return;
    }
    for (size_t i = 0; i < COUNT(curves); i++) {
        if (span_equal(curve, curves[i].oid) && out->encoded.len == curves[i].point_size &&
            out->encoded.data[0] == 0x04) {
            out->type = curves[i].type;
        }
    }
}

bool public_key_read(struct reader *reader, struct public_key *out)
{
    struct reader info;
    struct reader parameters;
    struct span oid;

    *out = (struct public_key){.type = KEY_UNKNOWN};
    if (!der_enter(reader, DER_SEQUENCE, &info) || !read_identifier(&info, &oid, &parameters) ||
        !der_read_bits(&info, &out->encoded) || !reader_end(&info)) {
        return false;
    }
    if (span_equal(oid, oid_rsa)) {
        return no_parameters(&parameters) && read_rsa(out);
    }
    if (span_equal(oid, oid_ec)) {
        read_ec(out, &parameters);
    }
    return true;
}
