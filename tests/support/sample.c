// SPDX-License-Identifier: BSD-2-Clause
#include "support/sample.h"

#define AUTHENTICATED EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS

/* xorshift64* */
static uint32_t sample_next(struct sample *sample)
{
    sample->state ^= sample->state >> 12;
    sample->state ^= sample->state << 25;
    sample->state ^= sample->state >> 27;
    return (uint32_t)((sample->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

uint32_t sample_below(struct sample *sample, uint32_t below)
{
    return (uint32_t)(((uint64_t)sample_next(sample) * below) >> 32);
}

void sample_bytes(struct sample *sample, void *out, size_t len)
{
    uint8_t *bytes = out;

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)sample_next(sample);
    }
}

/* Valid dates, so that nobody can object to them. */
static struct efi_time sample_time(struct sample *sample)
{
    return (struct efi_time){.year = (uint16_t)(2000 + sample_below(sample, 50)),
                             .month = (uint8_t)(1 + sample_below(sample, 12)),
                             .day = (uint8_t)(1 + sample_below(sample, 28)),
                             .hour = (uint8_t)sample_below(sample, 24),
                             .minute = (uint8_t)sample_below(sample, 60),
                             .second = (uint8_t)sample_below(sample, 60)};
}

static struct span sample_name(struct sample *sample, uint8_t *name, uint32_t most)
{
    size_t units = 1 + sample_below(sample, most);

    for (size_t i = 0; i < units; i++) {
        uint32_t unit = 1 + sample_below(sample, 0xffff);

        name[2 * i] = (uint8_t)unit;
        name[2 * i + 1] = (uint8_t)(unit >> 8);
    }
    return span_of(name, 2 * units);
}

struct span sample_numbered_name(char16_t (*name)[12], unsigned number)
{
    memcpy(*name, u"Variable000", sizeof(*name));
    (*name)[9] = (char16_t)(u'0' + number / 10 % 10);
    (*name)[10] = (char16_t)(u'0' + number % 10);
    return span_of(*name, 22);
}

void sample_variable(struct sample *sample, struct sample_variable *out)
{
    static const uint32_t attributes[] = {7, 6, 3, 2, 7 | AUTHENTICATED, 6 | AUTHENTICATED};
    struct variable *variable = &out->variable;
    size_t len = 1 + sample_below(sample, sample_below(sample, 8) == 0 ? sizeof(out->data) : 64);

    *variable = (struct variable){.name = sample_name(sample, out->name, 32),
                                  .data = span_of(out->data, len),
                                  .attributes = attributes[sample_below(sample, 6)]};
    sample_bytes(sample, out->data, len);
    sample_bytes(sample, variable->guid.bytes, 1); /* few GUIDs, so that names meet under one */
    if ((variable->attributes & AUTHENTICATED) != 0) {
        variable->time = sample_time(sample);
        sample_bytes(sample, variable->owner, OWNER_SIZE);
    }
}

struct special {
    struct span name;
    struct guid guid;
    uint32_t attributes;
};

#define GLOBAL GUID_INIT(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c)
#define DATABASE                                                                                   \
    GUID_INIT(0xd719b2cb, 0x3d3a, 0x4596, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f)
#define PPI GUID_INIT(0x9d1947eb, 0x09bb, 0x4780, 0xa3, 0xcd, 0xbe, 0xa9, 0x56, 0xe0, 0xe0, 0x56)
#define MOR GUID_INIT(0xe20939be, 0x32d4, 0x41be, 0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29)

static const struct special specials[] = {
    {EFI_NAME_INIT("PK"), GLOBAL, 0x27},
    {EFI_NAME_INIT("KEK"), GLOBAL, 0x27},
    {EFI_NAME_INIT("db"), DATABASE, 0x27},
    {EFI_NAME_INIT("dbx"), DATABASE, 0x27},
    {EFI_NAME_INIT("SecureBoot"), GLOBAL, 6},
    {EFI_NAME_INIT("BootOrder"), GLOBAL, 7},
    {EFI_NAME_INIT("PPIBuffer"), PPI, 7},
    {EFI_NAME_INIT("Tcg2PhysicalPresenceFlags"), PPI, 7},
    {EFI_NAME_INIT("MemoryOverwriteRequestControl"), MOR, 7},
};

static void sample_key(struct sample *sample, struct sample_request *out)
{
    struct request *request = &out->request;

    if (sample_below(sample, 4) == 0) {
        const struct special *special =
            &specials[sample_below(sample, sizeof(specials) / sizeof(specials[0]))];
        request->name = special->name;
        request->guid = special->guid;
        request->attributes = special->attributes;
        return;
    }
    static const uint32_t attributes[] = {7, 7, 7, 6, 3, 2, 0x27, 0x26, 0, 4, 1};
    uint32_t number = sample_below(sample, 24);
    out->name[0] = (uint8_t)('A' + number);
    out->name[1] = 0;
    out->name[2] = (uint8_t)('a' + number);
    out->name[3] = 0;
    request->name = span_of(out->name, number % 2 == 0 ? 2 : 4);
    /* A name keeps to its attributes most of the time. */
    request->attributes =
        attributes[sample_below(sample, 8) == 0 ? sample_below(sample, 11) : number % 8];
}

void sample_descriptor(struct sample *sample, struct writer *writer)
{
    static const struct guid pkcs7 =
        GUID_INIT(0x4aafd29d, 0x68df, 0x49ee, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7);
    struct efi_time time = sample_time(sample);

    writer_time(writer, &time);
    writer_u32le(writer, 24 + 4);
    writer_u16le(writer, 0x0200);
    writer_u16le(writer, 0x0ef1);
    writer_guid(writer, &pkcs7);
    writer_u32le(writer, 0x00000230);
}

void sample_hashes(struct sample *sample, struct writer *writer, uint32_t count)
{
    static const struct guid sha256 =
        GUID_INIT(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);
    uint8_t entry[48] = {0};

    writer_guid(writer, &sha256);
    writer_u32le(writer, 28 + 48 * count);
    writer_u32le(writer, 0);
    writer_u32le(writer, sizeof(entry));
    for (uint32_t i = 0; i < count; i++) {
        sample_bytes(sample, entry + 16, 2);
        writer_bytes(writer, span_of(entry, sizeof(entry)));
    }
}

void sample_request(struct sample *sample, struct sample_request *out)
{
    struct writer writer = writer_of(out->data, sizeof(out->data));
    struct request *request = &out->request;
    uint32_t kind = sample_below(sample, 16);

    *request = (struct request){.command = WIRE_SET_VARIABLE};
    sample_key(sample, out);
    request->at_runtime = sample_below(sample, 4) == 0;
    if (sample_below(sample, 4) == 0) {
        request->attributes |= EFI_VARIABLE_APPEND_WRITE;
    }
    if ((request->attributes & AUTHENTICATED) != 0 && sample_below(sample, 16) != 0) {
        sample_descriptor(sample, &writer);
    }
    if ((request->attributes & AUTHENTICATED) != 0 && sample_below(sample, 2) == 0) {
        sample_hashes(sample, &writer, 1 + sample_below(sample, 40));
    } else if (kind > 1) { /* otherwise empty: a deletion */
        size_t len = sample_below(sample, kind == 2 ? 30000 : kind < 6 ? 3000 : 40);
        sample_bytes(sample, writer.data + writer.len, len);
        writer.len += len;
    }
    request->data = writer_span(&writer);
}

static bool yes_trusted(struct verifier *verifier, const struct signed_message *message,
                        const struct span *trusted, size_t trusted_count)
{
    (void)verifier;
    (void)message;
    (void)trusted;
    (void)trusted_count;
    return true;
}

static bool yes_owner(struct verifier *verifier, const struct signed_message *message,
                      uint8_t owner[SHA256_SIZE])
{
    (void)verifier;
    (void)message;
    memset(owner, 0x5a, SHA256_SIZE);
    return true;
}

static bool yes_certificate(struct verifier *verifier, struct span certificate)
{
    (void)verifier;
    (void)certificate;
    return true;
}

static void keep(struct verifier *verifier)
{
    (void)verifier;
}

struct verifier *sample_verifier(void)
{
    static const struct verifier_ops ops = {.verify_trusted = yes_trusted,
                                            .verify_owner = yes_owner,
                                            .check_certificate = yes_certificate,
                                            .free = keep};
    static struct verifier verifier = {.ops = &ops};

    return &verifier;
}

static bool same_variable(const struct variable *a, const struct variable *b)
{
    return a != NULL && b != NULL && guid_equal(&a->guid, &b->guid) &&
           span_equal(a->name, b->name) && span_equal(a->data, b->data) &&
           a->attributes == b->attributes && efi_time_equal(&a->time, &b->time) &&
           memcmp(a->owner, b->owner, OWNER_SIZE) == 0;
}

bool sample_same_stores(const struct store *a, const struct store *b, bool non_volatile)
{
    size_t matched = 0;

    for (size_t i = 0; i < store_count(a); i++) {
        const struct variable *variable = store_at(a, i);

        if (non_volatile && (variable->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
            continue;
        }
        if (!same_variable(variable, store_get(b, &variable->guid, variable->name))) {
            return false;
        }
        matched++;
    }
    return matched == store_count(b);
}
