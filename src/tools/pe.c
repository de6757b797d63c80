// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Authenticode hash covers the headers without the checksum and the certificate table's
 * directory entry, the sections in the order in which they lie in the file, and what lies behind
 * them, without the certificate table.
 */
#include "tools/pe.h"

#include <stdlib.h>

#define PE_SIGNATURE 0x00004550u
#define MAGIC_PE32 0x010bu
#define MAGIC_PE32_PLUS 0x020bu
#define SECTION_SIZE 40u
#define SECURITY_DIRECTORY 4u
#define CHECKSUM_OFFSET 64u /* in the optional header */
#define WIN_CERT_TYPE_PKCS_SIGNED_DATA 0x0002u
#define WIN_CERT_TYPE_EFI_GUID 0x0ef1u
#define WIN_CERT_HEAD 8u

static const struct guid cert_type_pkcs7 =
    GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);

struct section {
    uint32_t offset, size;
    uint16_t number; /* in the table: sections at one offset stay in its order */
};

struct headers {
    size_t optional; /* offsets in the file */
    size_t sections;
    size_t directory; /* the entry of the certificate table; 0: there is none */
    uint16_t section_count;
    uint32_t headers_size;
    uint32_t table_offset, table_size;
};

/* A reader at an offset of the file; at its end when that is outside. */
static struct reader reader_at(struct span bytes, size_t offset)
{
    struct reader reader = reader_of(bytes);

    if (!reader_skip(&reader, offset)) {
        reader = reader_of(span_of(NULL, 0));
    }
    return reader;
}

static bool read_coff(struct pe_image *out, struct headers *headers, struct span bytes)
{
    struct reader reader = reader_at(bytes, 0x3c);
    uint32_t pe_offset;
    uint32_t signature;
    uint16_t optional_size;
    uint16_t characteristics;

    if (bytes.len < 2 || bytes.data[0] != 'M' || bytes.data[1] != 'Z' ||
        !reader_u32le(&reader, &pe_offset)) {
        return false;
    }
    reader = reader_at(bytes, pe_offset);
    if (!reader_u32le(&reader, &signature) || signature != PE_SIGNATURE ||
        !reader_u16le(&reader, &out->machine) || !reader_u16le(&reader, &headers->section_count) ||
        !reader_skip(&reader, 12) || !reader_u16le(&reader, &optional_size) ||
        !reader_u16le(&reader, &characteristics)) {
        return false;
    }
    headers->optional = (size_t)pe_offset + 24;
    headers->sections = headers->optional + optional_size;
    return headers->section_count <= PE_SECTIONS_MAX;
}

static bool read_optional(struct headers *headers, struct span bytes)
{
    struct reader reader = reader_at(bytes, headers->optional);
    struct reader at = reader;
    uint16_t magic;
    uint32_t directories;

    if (!reader_u16le(&reader, &magic) || (magic != MAGIC_PE32 && magic != MAGIC_PE32_PLUS)) {
        return false;
    }
    size_t count_offset = magic == MAGIC_PE32 ? 92 : 108;
    reader = at;
    if (!reader_skip(&reader, 60) || !reader_u32le(&reader, &headers->headers_size) ||
        !reader_skip(&at, count_offset) || !reader_u32le(&at, &directories)) {
        return false;
    }
    if (directories <= SECURITY_DIRECTORY) {
        return true;
    }
    headers->directory = headers->optional + count_offset + 4 + 8 * SECURITY_DIRECTORY;
    at = reader_at(bytes, headers->directory);
    return reader_u32le(&at, &headers->table_offset) && reader_u32le(&at, &headers->table_size) &&
           headers->directory + 8 <= headers->headers_size;
}

static int compare_sections(const void *left, const void *right)
{
    const struct section *a = left;
    const struct section *b = right;

    return a->offset != b->offset ? (a->offset > b->offset) - (a->offset < b->offset)
                                  : a->number - b->number;
}

static bool read_sections(const struct headers *headers, struct span bytes,
                          struct section sections[PE_SECTIONS_MAX], size_t *count)
{
    struct reader reader = reader_at(bytes, headers->sections);

    *count = 0;
    for (uint16_t i = 0; i < headers->section_count; i++) {
        struct section section = {.number = i};

        if (!reader_skip(&reader, 16) || !reader_u32le(&reader, &section.size) ||
            !reader_u32le(&reader, &section.offset) || !reader_skip(&reader, SECTION_SIZE - 24)) {
            return false;
        }
        if (section.size > 0) {
            sections[(*count)++] = section;
        }
    }
    qsort(sections, *count, sizeof(sections[0]), compare_sections);
    return true;
}

/* False when it is not within the file. */
static bool add_region(struct pe_image *out, struct span bytes, size_t offset, size_t len)
{
    if (offset > bytes.len || len > bytes.len - offset) {
        return false;
    }
    out->regions[out->region_count++] = span_of(bytes.data + offset, len);
    return true;
}

static bool add_headers(struct pe_image *out, const struct headers *headers, struct span bytes)
{
    size_t checksum = headers->optional + CHECKSUM_OFFSET;
    size_t end = headers->headers_size;
    size_t behind = checksum + 4;

    if (end < behind || !add_region(out, bytes, 0, checksum)) {
        return false;
    }
    if (headers->directory == 0) {
        return add_region(out, bytes, behind, end - behind);
    }
    size_t rest = headers->directory + 8;
    return add_region(out, bytes, behind, headers->directory - behind) &&
           add_region(out, bytes, rest, end - rest);
}

/* What firmware takes for the data behind the sections begins where all their sizes end. */
static bool add_rest(struct pe_image *out, const struct headers *headers, struct span bytes,
                     size_t hashed)
{
    size_t tail = headers->table_size;

    if (bytes.len <= hashed) {
        return tail == 0 || bytes.len == hashed;
    }
    return tail <= bytes.len - hashed && add_region(out, bytes, hashed, bytes.len - hashed - tail);
}

static bool add_all(struct pe_image *out, const struct headers *headers, struct span bytes)
{
    struct section sections[PE_SECTIONS_MAX];
    size_t hashed = headers->headers_size;
    size_t count;

    if (!add_headers(out, headers, bytes) || !read_sections(headers, bytes, sections, &count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add_region(out, bytes, sections[i].offset, sections[i].size)) {
            return false;
        }
        hashed += sections[i].size;
    }
    return add_rest(out, headers, bytes, hashed);
}

static bool find_table(struct pe_image *out, const struct headers *headers, struct span bytes)
{
    struct reader reader = reader_of(bytes);

    if (headers->table_size == 0) {
        return true;
    }
    return headers->table_offset >= headers->headers_size &&
           reader_skip(&reader, headers->table_offset) &&
           reader_span(&reader, &out->certificates, headers->table_size);
}

bool pe_parse(struct pe_image *out, struct span bytes, struct err *err)
{
    struct headers headers = {0};

    *out = (struct pe_image){0};
    if (!read_coff(out, &headers, bytes)) {
        return err_set(err, "it is not a PE image");
    }
    if (!read_optional(&headers, bytes)) {
        return err_set(err, "the PE image's headers are damaged");
    }
    return (add_all(out, &headers, bytes) && find_table(out, &headers, bytes)) ||
           err_set(err, "a part of the PE image is outside of the file: was that cut?");
}

/* One entry of the table: a header of 8 bytes, its body, and padding to a multiple of 8. */
static bool read_entry(struct reader *table, uint16_t *type, struct span *body)
{
    struct reader at = *table;
    uint32_t length;
    uint16_t revision;

    if (!reader_u32le(&at, &length) || !reader_u16le(&at, &revision) || !reader_u16le(&at, type) ||
        length <= WIN_CERT_HEAD || !reader_span(&at, body, length - WIN_CERT_HEAD) ||
        !reader_skip(&at, (8 - length % 8) % 8)) {
        return false;
    }
    *table = at;
    return true;
}

static bool is_pkcs7(uint16_t type, struct span body, struct span *pkcs7)
{
    struct reader reader = reader_of(body);
    struct guid guid;

    if (type == WIN_CERT_TYPE_EFI_GUID &&
        (!reader_guid(&reader, &guid) || !guid_equal(&guid, &cert_type_pkcs7))) {
        return false;
    }
    *pkcs7 = reader.rest;
    return type == WIN_CERT_TYPE_PKCS_SIGNED_DATA || type == WIN_CERT_TYPE_EFI_GUID;
}

bool pe_next_signature(struct reader *table, struct span *pkcs7, bool *malformed)
{
    uint16_t type;
    struct span body;

    while (!reader_end(table)) {
        if (!read_entry(table, &type, &body)) {
            *malformed = true;
            return false;
        }
        if (is_pkcs7(type, body, pkcs7)) {
            return true;
        }
    }
    *malformed = false;
    return false;
}
