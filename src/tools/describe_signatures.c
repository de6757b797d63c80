// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signature lists for people. Certificates are shown one by one. Hashes are many and say nothing by
 * themselves, so they are counted; the minimum versions ("SVN") that Microsoft puts among those of
 * dbx are told apart by their form: a byte 1, the GUID of what they are for, minor and major
 * version, zeros.
 */
#include "tools/describe.h"

#include "auth/signature_list.h"
#include "crypto/x509_info.h"
#include "tools/names.h"

#include <assert.h>
#include <stdio.h>

#define SVN_ENTRY_VERSION 1u
#define SVN_ZEROS 11u

const char *describe_signature_type(const struct signature_type *type)
{
    static const struct {
        uint32_t first; /* of the GUID */
        const char *name;
    } names[] = {
        {0x826ca512, "SHA-1"},         {0x0b6e5233, "SHA-224"},
        {0xc1c41626, "SHA-256"},       {0xff3e5307, "SHA-384"},
        {0x093e0fae, "SHA-512"},       {0x3c5766e8, "RSA-2048"},
        {0x67f8444f, "RSA-2048-SHA1"}, {0xe2b36190, "RSA-2048-SHA256"},
        {0xa5c059a1, "X.509"},         {0x3bd2a492, "X.509-SHA256"},
        {0x7076876e, "X.509-SHA384"},  {0x446dbf63, "X.509-SHA512"},
    };
    const uint8_t *b = type->guid.bytes;
    uint32_t first =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].first == first) {
            return names[i].name;
        }
    }
    return "unknown";
}

json_t *describe_certificate(struct span der)
{
    struct x509_info info;

    if (!x509_info_read(&info, der)) {
        return json_pack("{s:s}", "subject", "(not a certificate)");
    }
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:b, s:s, s:s}", "subject",
                     tree_string(info.subject), "issuer", tree_string(info.issuer), "serial",
                     info.serial, "not_before", info.not_before, "not_after", info.not_after,
                     "expired", info.expired, "key", info.key, "sha256", info.fingerprint);
}

static json_t *owner_of(const struct signature_entry *entry)
{
    struct guid guid;
    char text[GUID_TEXT_SIZE];

    memcpy(guid.bytes, entry->whole.data, GUID_SIZE);
    const char *name = guid_known_name(&guid);
    return json_string(name != NULL ? name : guid_format(text, &guid));
}

static bool read_svn(struct span data, struct guid *guid, uint16_t *minor, uint16_t *major)
{
    static const uint8_t zeros[SVN_ZEROS];
    struct reader reader = reader_of(data);
    uint8_t version;

    return reader_u8(&reader, &version) && version == SVN_ENTRY_VERSION &&
           reader_guid(&reader, guid) && reader_u16le(&reader, minor) &&
           reader_u16le(&reader, major) && span_equal(reader.rest, span_of(zeros, sizeof(zeros)));
}

static json_t *describe_svn(struct span data)
{
    struct guid guid;
    uint16_t minor;
    uint16_t major;
    char guid_text[GUID_TEXT_SIZE];
    char text[80];

    if (!read_svn(data, &guid, &minor, &major)) {
        return NULL;
    }
    snprintf(text, sizeof(text), "%s: %u.%u", guid_format(guid_text, &guid), major, minor);
    return json_string(text);
}

struct list_totals {
    json_t *certificates, *versions, *hashes, *owners;
    size_t count;
};

static void add_owner(json_t *owners, json_t *owner)
{
    for (size_t i = 0; i < json_array_size(owners); i++) {
        if (json_equal(json_array_get(owners, i), owner)) {
            json_decref(owner);
            return;
        }
    }
    json_array_append_new(owners, owner);
}

static void add_entry(struct list_totals *totals, const struct signature_entry *entry, bool hex)
{
    struct span data = signature_entry_data(entry);

    assert(entry->type != NULL);
    totals->count++;
    if (entry->type->certificate) {
        json_t *certificate = json_pack("{s:o}", "owner", owner_of(entry));
        json_t *rest = describe_certificate(data);
        json_object_update(certificate, rest);
        json_decref(rest);
        json_array_append_new(totals->certificates, certificate);
        return;
    }
    json_t *version = describe_svn(data);
    if (version != NULL) {
        json_array_append_new(totals->versions, version);
    }
    add_owner(totals->owners, owner_of(entry));
    if (hex) {
        json_array_append_new(totals->hashes, tree_hex(data, 0));
    }
}

static void set_unless_empty(json_t *object, const char *member, json_t *array)
{
    if (json_array_size(array) > 0) {
        json_object_set(object, member, array);
    }
    json_decref(array);
}

/* Lists of one type that follow each other are shown as one: firmware makes one list for each
 * certificate. */
static json_t *finish_list(const struct signature_type *type, struct list_totals *totals)
{
    json_t *object = json_pack("{s:s, s:I}", "type", describe_signature_type(type), "count",
                               (json_int_t)totals->count);

    set_unless_empty(object, "owners", totals->owners);
    set_unless_empty(object, "certificates", totals->certificates);
    set_unless_empty(object, "minimum_versions", totals->versions);
    set_unless_empty(object, "hashes", totals->hashes);
    return object;
}

static struct list_totals begin_list(void)
{
    return (struct list_totals){json_array(), json_array(), json_array(), json_array(), 0};
}

json_t *describe_signatures(struct span database, bool hex)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;
    const struct signature_type *type = NULL;
    struct list_totals totals = {0};

    if (signature_database_count(database) == SIZE_MAX) {
        return NULL;
    }
    json_t *lists = json_array();
    while (signature_walk_next(&walk, &entry)) {
        if (entry.type != type) {
            if (type != NULL) {
                json_array_append_new(lists, finish_list(type, &totals));
            }
            type = entry.type;
            totals = begin_list();
        }
        add_entry(&totals, &entry, hex);
    }
    if (type != NULL) {
        json_array_append_new(lists, finish_list(type, &totals));
    }
    return lists;
}
