// SPDX-License-Identifier: BSD-2-Clause
#include "tools/format_certdb.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#define NODE_HEAD 28u

static const struct guid certdb_guid =
    GUID_INIT(0xd9bee56e, 0x75dc, 0x49d9, 0xb4, 0xd7, 0xb5, 0x34, 0x21, 0x0f, 0x63, 0x7a);

struct node {
    struct guid guid;
    struct span name;
    struct span digest;
};

static bool read_node(struct reader *reader, struct node *out)
{
    uint32_t size;
    uint32_t name_len;
    uint32_t digest_len;

    return reader_guid(reader, &out->guid) && reader_u32le(reader, &size) &&
           reader_u32le(reader, &name_len) && reader_u32le(reader, &digest_len) &&
           reader_span(reader, &out->name, (uint64_t)name_len * 2) &&
           reader_span(reader, &out->digest, digest_len);
}

static bool give_owner(struct document *document, const struct node *node)
{
    const struct variable *found = store_get(document->store, &node->guid, node->name);

    if (found == NULL || node->digest.len != OWNER_SIZE) {
        return true;
    }
    struct variable owned = *found;
    memcpy(owned.owner, node->digest.data, OWNER_SIZE);
    return document_add(document, &owned);
}

static bool take_nodes(struct document *document, struct span data)
{
    struct reader reader = reader_of(data);
    struct node node;
    uint32_t size;

    if (!reader_u32le(&reader, &size)) {
        return true;
    }
    while (!reader_end(&reader)) {
        if (!read_node(&reader, &node)) {
            notes_add(&document->notes, "the list of owners (certdb) is damaged");
            return true;
        }
        if (!give_owner(document, &node)) {
            return false;
        }
    }
    return true;
}

bool certdb_take(struct document *document)
{
    const struct variable *certdb = store_get(document->store, &certdb_guid, EFI_NAME("certdb"));

    if (certdb == NULL) {
        return true;
    }
    return take_nodes(document, certdb->data) &&
           document_remove(document, &certdb_guid, EFI_NAME("certdb")) == EFI_SUCCESS;
}

static bool has_owner(const struct variable *variable)
{
    static const uint8_t nobody[OWNER_SIZE];

    return memcmp(variable->owner, nobody, OWNER_SIZE) != 0;
}

static void write_node(struct writer *writer, const struct variable *variable)
{
    size_t size = NODE_HEAD + variable->name.len + OWNER_SIZE;

    writer_guid(writer, &variable->guid);
    writer_u32le(writer, (uint32_t)size);
    writer_u32le(writer, (uint32_t)(variable->name.len / 2));
    writer_u32le(writer, OWNER_SIZE);
    writer_bytes(writer, variable->name);
    writer_bytes(writer, span_of(variable->owner, OWNER_SIZE));
}

bool certdb_make(const struct document *document, struct variable *out, uint8_t **data)
{
    size_t size = 4;

    for (size_t i = 0; i < store_count(document->store); i++) {
        const struct variable *variable = store_at(document->store, i);
        size += has_owner(variable) ? NODE_HEAD + variable->name.len + OWNER_SIZE : 0;
    }
    *data = size > 4 ? malloc(size) : NULL;
    if (*data == NULL) {
        return size == 4;
    }
    struct writer writer = writer_of(*data, size);
    writer_u32le(&writer, (uint32_t)size);
    for (size_t i = 0; i < store_count(document->store); i++) {
        if (has_owner(store_at(document->store, i))) {
            write_node(&writer, store_at(document->store, i));
        }
    }
    *out = (struct variable){.guid = certdb_guid,
                             .name = EFI_NAME("certdb"),
                             .data = writer_span(&writer),
                             .attributes = AUTH_KEY_ATTRIBUTES};
    return true;
}
