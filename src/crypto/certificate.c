// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/certificate.h"

#include "base/writer.h"

#define PATH_LEN_UNLIMITED UINT32_MAX
#define KEY_USAGE_KEY_CERT_SIGN 0x04u /* bit 5 of the first byte, the highest being bit 0 */

/* What there is in one attribute of a Name. */
struct name_attribute {
    struct span oid;
    struct der_value value;
};

/* RFC 5280, 4.1.2.4: Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }. */
static bool read_attribute(struct reader *rdn, struct name_attribute *out)
{
    struct reader attribute;

    return der_enter(rdn, DER_SEQUENCE, &attribute) && der_read(&attribute, DER_OID, &out->oid) &&
           der_read_any(&attribute, &out->value) && reader_end(&attribute);
}

static bool is_common_name(struct span oid)
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};

    return span_equal(oid, span_of(common_name, sizeof(common_name)));
}

/* Goes over a Name; false when it is malformed. first: its first commonName, or tag 0. */
static bool walk_name(struct span name, struct der_value *first)
{
    struct reader whole = reader_of(name);
    struct reader rdns;
    struct reader rdn;
    struct name_attribute attribute;

    *first = (struct der_value){0};
    if (!der_enter(&whole, DER_SEQUENCE, &rdns)) {
        return false;
    }
    while (!reader_end(&rdns)) {
        if (!der_enter(&rdns, DER_SET, &rdn) || reader_end(&rdn)) {
            return false;
        }
        while (!reader_end(&rdn)) {
            if (!read_attribute(&rdn, &attribute)) {
                return false;
            }
            if (first->tag == 0 && is_common_name(attribute.oid)) {
                *first = attribute.value;
            }
        }
    }
    return true;
}

static bool read_name(struct reader *reader, struct span *out)
{
    struct der_value unused;

    return der_read_whole(reader, DER_SEQUENCE, out) && walk_name(*out, &unused);
}

/* Checked for its form alone: firmware has no clock that could be trusted. */
static bool read_validity(struct reader *reader)
{
    struct reader validity;
    struct der_value time;

    if (!der_enter(reader, DER_SEQUENCE, &validity)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (!der_read_any(&validity, &time) ||
            (time.tag != DER_UTC_TIME && time.tag != DER_GENERALIZED_TIME)) {
            return false;
        }
    }
    return reader_end(&validity);
}

/* X.690, 8.2: true is anything but 0. DER has 0xff only (11.1), certificates in the field have 1.
 */
static bool read_boolean(struct reader *reader, bool *out)
{
    struct span content;

    if (!der_read(reader, DER_BOOLEAN, &content) || content.len != 1) {
        return false;
    }
    *out = content.data[0] != 0;
    return true;
}

struct extensions {
    bool is_ca;
    bool has_key_usage;
    bool may_sign_certificates;
    uint32_t path_len_max;
    bool unknown_critical;
    unsigned seen; /* a bit for each of the extensions that count */
};

/* RFC 5280, 4.2.1.9. */
static bool read_basic_constraints(struct extensions *out, struct span value)
{
    struct reader reader = reader_of(value);
    struct reader fields;

    if (!der_enter(&reader, DER_SEQUENCE, &fields) || !reader_end(&reader)) {
        return false;
    }
    if (der_next_is(&fields, DER_BOOLEAN) && !read_boolean(&fields, &out->is_ca)) {
        return false;
    }
    if (der_next_is(&fields, DER_INTEGER) && !der_read_small(&fields, &out->path_len_max)) {
        return false;
    }
    return reader_end(&fields);
}

/* RFC 5280, 4.2.1.3: a BIT STRING without trailing zero bits. */
static bool read_key_usage(struct extensions *out, struct span value)
{
    struct reader reader = reader_of(value);
    struct span bits;

    if (!der_read(&reader, DER_BIT_STRING, &bits) || !reader_end(&reader) || bits.len == 0 ||
        bits.data[0] > 7) {
        return false;
    }
    out->has_key_usage = true;
    out->may_sign_certificates = bits.len > 1 && (bits.data[1] & KEY_USAGE_KEY_CERT_SIGN) != 0;
    return true;
}

/*
 * The extensions (2.5.29.n) that are known. Those without a function are about what a certificate
 * is for, which firmware doesn't look at.
 */
static const struct {
    uint8_t id;
    bool (*read)(struct extensions *out, struct span value);
} known_extensions[] = {
    {15, read_key_usage}, {19, read_basic_constraints},
    {14, NULL},           {17, NULL},
    {32, NULL},           {35, NULL},
    {37, NULL},
};

#define KNOWN_COUNT (sizeof(known_extensions) / sizeof(known_extensions[0]))

/* The index in known_extensions, KNOWN_COUNT when it isn't there. */
static size_t find_extension(struct span oid)
{
    size_t i = 0;

    if (oid.len != 3 || oid.data[0] != 0x55 || oid.data[1] != 0x1d) {
        return KNOWN_COUNT;
    }
    while (i < KNOWN_COUNT && known_extensions[i].id != oid.data[2]) {
        i++;
    }
    return i;
}

static bool read_extension(struct extensions *out, struct reader *reader)
{
    struct reader fields;
    struct span oid;
    struct span value;
    bool critical = false;

    if (!der_enter(reader, DER_SEQUENCE, &fields) || !der_read(&fields, DER_OID, &oid) ||
        (der_next_is(&fields, DER_BOOLEAN) && !read_boolean(&fields, &critical)) ||
        !der_read(&fields, DER_OCTET_STRING, &value) || !reader_end(&fields)) {
        return false;
    }
    size_t known = find_extension(oid);
    if (known == KNOWN_COUNT) {
        out->unknown_critical |= critical;
        return true;
    }
    /* RFC 5280, 4.2: no extension twice. Two that say different things would be anybody's guess. */
    if ((out->seen & 1u << known) != 0) {
        return false;
    }
    out->seen |= 1u << known;
    return known_extensions[known].read == NULL || known_extensions[known].read(out, value);
}

/* Version 3's [3] EXPLICIT SEQUENCE OF Extension. */
static bool read_extensions(struct extensions *out, struct reader *tbs)
{
    struct reader outer;
    struct reader list;

    if (!der_enter(tbs, DER_CONTEXT_CONSTRUCTED(3), &outer) ||
        !der_enter(&outer, DER_SEQUENCE, &list) || !reader_end(&outer)) {
        return false;
    }
    while (!reader_end(&list)) {
        if (!read_extension(out, &list)) {
            return false;
        }
    }
    return true;
}

/* version [0] EXPLICIT, 1 where it isn't there. */
static bool read_version(struct reader *tbs, uint32_t *version)
{
    struct reader outer;

    *version = 1;
    if (!der_next_is(tbs, DER_CONTEXT_CONSTRUCTED(0))) {
        return true;
    }
    if (!der_enter(tbs, DER_CONTEXT_CONSTRUCTED(0), &outer) || !der_read_small(&outer, version) ||
        !reader_end(&outer)) {
        return false;
    }
    *version += 1;
    return *version <= 3;
}

/* The unique identifiers that nobody uses, and the extensions. */
static bool read_optional_fields(struct certificate *out, struct reader *tbs, uint32_t version)
{
    struct extensions extensions = {.path_len_max = PATH_LEN_UNLIMITED};
    struct span unused;

    for (uint8_t n = 1; n <= 2; n++) {
        if (der_next_is(tbs, DER_CONTEXT(n)) && !der_read(tbs, DER_CONTEXT(n), &unused)) {
            return false;
        }
    }
    if (version == 3 && !reader_end(tbs) && !read_extensions(&extensions, tbs)) {
        return false;
    }
    out->may_issue =
        extensions.is_ca && (!extensions.has_key_usage || extensions.may_sign_certificates);
    out->path_len_max = extensions.path_len_max;
    out->unknown_critical = extensions.unknown_critical;
    return reader_end(tbs);
}

/* RFC 5280, 4.1. algorithm: signature's AlgorithmIdentifier, which has to come again outside. */
static bool read_tbs(struct certificate *out, struct span *algorithm)
{
    struct reader whole = reader_of(out->tbs);
    struct reader tbs;
    uint32_t version;

    return der_enter(&whole, DER_SEQUENCE, &tbs) && read_version(&tbs, &version) &&
           der_read(&tbs, DER_INTEGER, &out->serial) && out->serial.len > 0 &&
           der_read_whole(&tbs, DER_SEQUENCE, algorithm) && read_name(&tbs, &out->issuer) &&
           read_validity(&tbs) && read_name(&tbs, &out->subject) &&
           public_key_read(&tbs, &out->key) && read_optional_fields(out, &tbs, version);
}

bool certificate_parse(struct certificate *out, struct span der)
{
    struct reader whole = reader_of(der);
    struct reader fields;
    struct span inner_algorithm;
    struct span outer_algorithm;

    *out = (struct certificate){.whole = der};
    if (!der_enter(&whole, DER_SEQUENCE, &fields) || !reader_end(&whole) ||
        !der_read_whole(&fields, DER_SEQUENCE, &out->tbs) || !read_tbs(out, &inner_algorithm) ||
        !der_read_whole(&fields, DER_SEQUENCE, &outer_algorithm) ||
        !der_read_bits(&fields, &out->signature) || !reader_end(&fields)) {
        return false;
    }
    struct reader algorithm = reader_of(outer_algorithm);
    return span_equal(inner_algorithm, outer_algorithm) &&
           algorithm_read_signature(&algorithm, &out->algorithm);
}

/* How many bytes a character has in each string type (X.680, 8.4); 0: none that is understood. */
static size_t character_size(uint8_t tag)
{
    switch (tag) {
    case 0x0c: /* UTF8String */
    case 0x13: /* PrintableString */
    case 0x14: /* T61String, taken for Latin-1 as everywhere */
    case 0x16: /* IA5String */
        return 1;
    case 0x1e: /* BMPString */
        return 2;
    case 0x1c: /* UniversalString */
        return 4;
    default:
        return 0;
    }
}

static void write_utf8(struct writer *writer, uint32_t c)
{
    if (c < 0x80) {
        writer_u8(writer, (uint8_t)c);
    } else if (c < 0x800) {
        writer_u8(writer, (uint8_t)(0xc0 | c >> 6));
        writer_u8(writer, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        writer_u8(writer, (uint8_t)(0xe0 | c >> 12));
        writer_u8(writer, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        writer_u8(writer, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        writer->overflow = true; /* a name beyond the basic plane: nobody's */
    }
}

static void write_characters(struct writer *writer, struct span text, size_t size)
{
    for (size_t at = 0; at < text.len; at += size) {
        uint32_t c = 0;
        for (size_t i = 0; i < size; i++) {
            c = c << 8 | text.data[at + i];
        }
        write_utf8(writer, c);
    }
}

size_t certificate_common_name(const struct certificate *certificate, uint8_t out[COMMON_NAME_MAX])
{
    struct der_value name;
    struct writer writer = writer_of(out, COMMON_NAME_MAX);

    if (!walk_name(certificate->subject, &name)) {
        return 0;
    }
    size_t size = character_size(name.tag);
    if (size == 0 || name.content.len % size != 0) {
        return 0;
    }
    if (name.tag == 0x0c) {
        writer_bytes(&writer, name.content);
    } else {
        write_characters(&writer, name.content, size);
    }
    if (!writer_ok(&writer) || memchr(out, 0, writer.len) != NULL) {
        return 0;
    }
    return writer.len;
}
