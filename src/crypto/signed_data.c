// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/signed_data.h"

#define VERSION                                                                                    \
    1u /* RFC 5652, 5.1 and 5.3: what the content type data and an issuer and serial need */

static const uint8_t oid_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t oid_signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_content_type[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03};
static const uint8_t oid_message_digest[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04};

/* All of them are as long as each other. */
static bool is_oid(struct span oid, const uint8_t known[sizeof(oid_data)])
{
    return span_equal(oid, span_of(known, sizeof(oid_data)));
}

static bool read_oid(struct reader *reader, const uint8_t known[sizeof(oid_data)])
{
    struct span oid;

    return der_read(reader, DER_OID, &oid) && is_oid(oid, known);
}

static bool read_version(struct reader *reader)
{
    uint32_t version;

    return der_read_small(reader, &version) && version == VERSION;
}

/* Enters the SignedData's SEQUENCE, in a ContentInfo (RFC 5652, 3) or not. */
static bool enter_signed_data(struct span der, struct reader *fields)
{
    struct reader whole = reader_of(der);
    struct reader explicit;

    if (!der_enter(&whole, DER_SEQUENCE, fields) || !reader_end(&whole)) {
        return false;
    }
    if (!der_next_is(fields, DER_OID)) {
        return true;
    }
    return read_oid(fields, oid_signed_data) &&
           der_enter(fields, DER_CONTEXT_CONSTRUCTED(0), &explicit) && reader_end(fields) &&
           der_enter(&explicit, DER_SEQUENCE, fields) && reader_end(&explicit);
}

/* digestAlgorithms: has it this one? */
static bool read_digest_algorithms(struct reader *fields, bool present[DIGEST_COUNT])
{
    struct reader set;

    if (!der_enter(fields, DER_SET, &set)) {
        return false;
    }
    while (!reader_end(&set)) {
        enum digest digest;
        if (!algorithm_read_digest(&set, &digest)) {
            return false;
        }
        present[digest] = true;
    }
    return true;
}

/* UEFI 2.10, 8.2.2: contentInfo's type is data, and it has no content. */
static bool read_content_info(struct reader *fields)
{
    struct reader content;

    return der_enter(fields, DER_SEQUENCE, &content) && read_oid(&content, oid_data) &&
           reader_end(&content);
}

/* An Attribute's only value (RFC 5652, 5.3 and 11). */
static bool read_single_value(struct reader *values, uint8_t tag, struct span *out)
{
    return der_read(values, tag, out) && reader_end(values);
}

struct attributes_seen {
    bool content_type, message_digest;
};

static bool read_attribute(struct signed_data *out, struct reader *list,
                           struct attributes_seen *seen)
{
    struct reader attribute;
    struct reader values;
    struct span oid;
    struct span type;

    if (!der_enter(list, DER_SEQUENCE, &attribute) || !der_read(&attribute, DER_OID, &oid) ||
        !der_enter(&attribute, DER_SET, &values) || !reader_end(&attribute)) {
        return false;
    }
    if (is_oid(oid, oid_content_type)) {
        bool again = seen->content_type;
        seen->content_type = true;
        return !again && read_single_value(&values, DER_OID, &type) && is_oid(type, oid_data);
    }
    if (is_oid(oid, oid_message_digest)) {
        bool again = seen->message_digest;
        seen->message_digest = true;
        return !again && read_single_value(&values, DER_OCTET_STRING, &out->message_digest);
    }
    return true;
}

/* RFC 5652, 5.3: where there are signed attributes, both are among them, once. */
static bool read_signed_attributes(struct signed_data *out, struct reader *signer)
{
    struct attributes_seen seen = {0};
    struct reader list;

    if (!der_next_is(signer, DER_CONTEXT_CONSTRUCTED(0))) {
        return true;
    }
    if (!der_read_whole(signer, DER_CONTEXT_CONSTRUCTED(0), &out->attributes)) {
        return false;
    }
    struct reader attributes = reader_of(out->attributes);
    if (!der_enter(&attributes, DER_CONTEXT_CONSTRUCTED(0), &list)) {
        return false;
    }
    while (!reader_end(&list)) {
        if (!read_attribute(out, &list, &seen)) {
            return false;
        }
    }
    return seen.content_type && seen.message_digest;
}

static bool read_signer_identifier(struct signed_data *out, struct reader *signer)
{
    struct reader identifier;

    return der_enter(signer, DER_SEQUENCE, &identifier) &&
           der_read_whole(&identifier, DER_SEQUENCE, &out->issuer) &&
           der_read(&identifier, DER_INTEGER, &out->serial) && reader_end(&identifier);
}

/* unsignedAttrs: a time stamp's place. Nothing is taken from them. */
static bool pass_over_unsigned_attributes(struct reader *signer)
{
    const uint8_t tag = DER_CONTEXT_CONSTRUCTED(1);
    struct span unused;

    return !der_next_is(signer, tag) || der_read(signer, tag, &unused);
}

/* RFC 2315, 9.2. */
static bool read_signer(struct signed_data *out, struct reader *set)
{
    struct reader signer;
    struct signature_algorithm algorithm;

    if (!der_enter(set, DER_SEQUENCE, &signer) || !read_version(&signer) ||
        !read_signer_identifier(out, &signer) || !algorithm_read_digest(&signer, &out->digest) ||
        !read_signed_attributes(out, &signer) || !algorithm_read_signature(&signer, &algorithm) ||
        !der_read(&signer, DER_OCTET_STRING, &out->signature) ||
        !pass_over_unsigned_attributes(&signer) || !reader_end(&signer)) {
        return false;
    }
    out->ecdsa = algorithm.ecdsa;
    bool fits = algorithm.digest == out->digest || (algorithm.digest == DIGEST_NONE);
    return algorithm.known && fits && out->digest != DIGEST_NONE;
}

bool signed_data_parse(struct signed_data *out, struct span der)
{
    struct reader fields;
    struct reader signers;
    bool present[DIGEST_COUNT] = {false};

    *out = (struct signed_data){0};
    if (!enter_signed_data(der, &fields) || !read_version(&fields) ||
        !read_digest_algorithms(&fields, present) || !read_content_info(&fields)) {
        return false;
    }
    if (der_next_is(&fields, DER_CONTEXT_CONSTRUCTED(0)) &&
        !der_read(&fields, DER_CONTEXT_CONSTRUCTED(0), &out->certificates)) {
        return false;
    }
    return der_enter(&fields, DER_SET, &signers) && reader_end(&fields) &&
           read_signer(out, &signers) && reader_end(&signers) && present[out->digest];
}
