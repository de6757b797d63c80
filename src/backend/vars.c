// SPDX-License-Identifier: BSD-2-Clause
/*
 * Decoding goes over the blob once and keeps a table of where its records lie. Then the table is
 * sorted by key, so that a name that comes twice stands beside itself, and given to the sink.
 */
#include "backend/vars.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"

#include <inttypes.h>

#define VARS_MAGIC "VARS"
#define VARS_VERSION 2u
#define PREFIX_SIZE 24u  /* magic, version, count, data_len: all that versions 0 and 1 have */
#define RECORD_FIXED 84u /* a record beside its name and data */

/* The attributes that a variable at rest can have; APPEND_WRITE says how to write, not how it is.
 */
#define ATTRIBUTES_AT_REST                                                                         \
    (EFI_VARIABLE_NV_BS_RT | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS)

/* The derived mode variables come on top of the store, in a suspend image. */
#define DERIVED_ROOM 4096u

struct header {
    uint32_t version;
    uint64_t count;
    struct device_state device;
};

struct record {
    struct variable variable;
    const char *reason; /* why it is left out, NULL when it isn't */
    bool padded;        /* the name had trailing NULs */
    size_t position;    /* in the blob */
};

/* ------------------------------------------------------------------------------------ decoding */

static bool read_header(struct header *out, struct reader *reader, struct err *err)
{
    uint8_t magic[4];
    uint64_t data_len; /* writers differ in what they count: not relied upon */

    if (!reader_copy(reader, magic, sizeof(magic)) ||
        memcmp(magic, VARS_MAGIC, sizeof(magic)) != 0) {
        return err_set(err, "this is not a VARS blob: it does not begin with \"VARS\"");
    }
    if (!reader_u32le(reader, &out->version) || !reader_u64le(reader, &out->count) ||
        !reader_u64le(reader, &data_len)) {
        return err_set(err, "the VARS blob ends within its header");
    }
    if (out->version > VARS_VERSION) {
        return err_set(err, "the VARS blob has version %" PRIu32 ", and %u is the newest known",
                       out->version, VARS_VERSION);
    }
    if (out->count > VARS_COUNT_MAX) {
        return err_set(err, "the VARS blob claims %" PRIu64 " variables, and %u is the limit",
                       out->count, VARS_COUNT_MAX);
    }
    if (out->version < 2) {
        return true;
    }
    struct device_state *device = &out->device;
    return (reader_copy(reader, device->mor_key, sizeof(device->mor_key)) &&
            reader_u32le(reader, &device->ppi_index) &&
            reader_copy(reader, device->ppi_volatile, sizeof(device->ppi_volatile))) ||
           err_set(err, "the VARS blob ends within its header");
}

static bool read_counted(struct reader *reader, struct span *out)
{
    uint64_t len;

    return reader_u64le(reader, &len) && reader_span(reader, out, len);
}

static bool read_record(struct record *out, struct reader *reader)
{
    struct variable *variable = &out->variable;

    return read_counted(reader, &variable->name) && read_counted(reader, &variable->data) &&
           reader_guid(reader, &variable->guid) && reader_u32le(reader, &variable->attributes) &&
           reader_time(reader, &variable->time) &&
           reader_copy(reader, variable->owner, sizeof(variable->owner));
}

/* Old daemons stored names with their terminator. */
static bool strip_terminator(struct span *name)
{
    size_t len = name->len;

    while (name->len >= 2 && name->len % 2 == 0 && name->data[name->len - 1] == 0 &&
           name->data[name->len - 2] == 0) {
        name->len -= 2;
    }
    return name->len != len;
}

static bool is_authenticated(const struct variable *variable)
{
    return (variable->attributes & EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS) != 0;
}

static bool is_key(const struct variable *variable)
{
    return auth_classify(&variable->guid, variable->name) != AUTH_CLASS_OTHER;
}

/* Repairs what is known to be in the field, and means nothing. */
static void repair_record(struct record *record)
{
    static const uint8_t no_owner[OWNER_SIZE];
    struct variable *variable = &record->variable;

    record->padded = strip_terminator(&variable->name);
    variable->attributes &= ~EFI_VARIABLE_APPEND_WRITE;
    if (!is_authenticated(variable)) {
        variable->time = (struct efi_time){0};
    }
    if (!is_authenticated(variable) || is_key(variable)) {
        memcpy(variable->owner, no_owner, sizeof(no_owner));
    }
}

/* Why the record can't be a variable, or NULL. The limits are those of the service: what it
 * accepted passes. */
static const char *check_record(const struct variable *variable)
{
    if (variable->name.len == 0) {
        return "it has no name";
    }
    if (variable->name.len > WIRE_NAME_MAX || variable->name.len % 2 != 0) {
        return "its name is too long or not UTF-16";
    }
    if (efi_name_has_nul(variable->name)) {
        return "its name has a NUL in it";
    }
    if (variable->data.len == 0) {
        return "it has no data";
    }
    if (variable->data.len > STORE_DATA_MAX) {
        return "its data is longer than 57344 bytes";
    }
    if ((variable->attributes & ~ATTRIBUTES_AT_REST) != 0 ||
        (variable->attributes & EFI_VARIABLE_BOOTSERVICE_ACCESS) == 0) {
        return "its attributes are not those of any variable";
    }
    if (is_key(variable) && variable->attributes != AUTH_KEY_ATTRIBUTES) {
        return "its attributes are not those of a Secure Boot key";
    }
    return NULL;
}

static bool read_records(struct record *records, size_t *read, uint64_t count,
                         struct reader *reader, struct err *err)
{
    for (*read = 0; *read < count; (*read)++) {
        struct record *record = &records[*read];

        if (!read_record(record, reader)) {
            return err_set(err, "the VARS blob ends within record %zu of %" PRIu64, *read + 1,
                           count);
        }
        record->position = *read;
        repair_record(record);
        record->reason = check_record(&record->variable);
    }
    return reader_end(reader) ||
           err_set(err, "the VARS blob has %zu bytes behind its last record", reader->rest.len);
}

static int compare_keys(const struct record *a, const struct record *b)
{
    return store_key_compare(&a->variable.guid, a->variable.name, &b->variable.guid,
                             b->variable.name);
}

/*
 * By key; of records with one key the one to keep last. That is, in this order: a good one, one
 * whose name needed no repair (the padded one is what a guest could no longer reach), and the last
 * in the blob, which is the one that its readers always used.
 */
static int compare_records(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    int order = compare_keys(a, b);

    if (order == 0) {
        order = (a->reason == NULL) - (b->reason == NULL);
    }
    if (order == 0) {
        order = b->padded - a->padded;
    }
    return order != 0 ? order : (a->position > b->position) - (a->position < b->position);
}

static void reject_duplicates(struct record *records, size_t count)
{
    if (count > 0) {
        qsort(records, count, sizeof(records[0]), compare_records);
    }
    for (size_t i = 1; i < count; i++) {
        if (records[i - 1].reason == NULL && compare_keys(&records[i - 1], &records[i]) == 0) {
            records[i - 1].reason = "there is another one with its name";
        }
    }
}

static bool deliver(const struct record *records, size_t count, const struct vars_sink *sink)
{
    for (size_t i = 0; i < count; i++) {
        const struct variable *variable = &records[i].variable;

        if (records[i].reason != NULL) {
            sink->rejected(sink->self, &variable->guid, variable->name, records[i].reason);
        } else if (!sink->variable(sink->self, variable)) {
            return false;
        }
    }
    return true;
}

bool vars_decode(struct span blob, const struct vars_sink *sink, struct err *err)
{
    struct reader reader = reader_of(blob);
    struct header header = {0};
    size_t count;

    if (!read_header(&header, &reader, err)) {
        return false;
    }
    auto_free struct record *records = calloc(header.count + 1, sizeof(*records));
    if (records == NULL) {
        return err_set(err, "no memory for the records of a VARS blob");
    }
    bool whole = read_records(records, &count, header.count, &reader, err);
    reject_duplicates(records, count);
    if (header.version >= 2) {
        sink->device(sink->self, &header.device);
    }
    if (!deliver(records, count, sink)) {
        return err_set(err, "no memory for the variables of a VARS blob");
    }
    return whole;
}

/* ------------------------------------------------------------------------------------ encoding */

/* A blob in the making. Its header is written last, when the numbers in it are known. */
struct encoder {
    uint8_t *blob;
    struct writer records;
    uint64_t count;
};

/* Room for variables that cost that much of the quota, which is more than their records take. */
static bool encoder_begin(struct encoder *encoder, size_t cost, struct err *err)
{
    _Static_assert(STORE_VARIABLE_OVERHEAD >= RECORD_FIXED, "a record may exceed its cost");

    encoder->count = 0;
    encoder->blob = malloc(VARS_HEADER_SIZE + cost);
    if (encoder->blob == NULL) {
        return err_set(err, "no memory to encode the variables");
    }
    encoder->records = writer_of(encoder->blob + VARS_HEADER_SIZE, cost);
    return true;
}

static void encoder_add(struct encoder *encoder, const struct variable *variable)
{
    struct writer *writer = &encoder->records;

    writer_u64le(writer, variable->name.len);
    writer_bytes(writer, variable->name);
    writer_u64le(writer, variable->data.len);
    writer_bytes(writer, variable->data);
    writer_guid(writer, &variable->guid);
    writer_u32le(writer, variable->attributes);
    writer_time(writer, &variable->time);
    writer_bytes(writer, span_of(variable->owner, sizeof(variable->owner)));
    encoder->count++;
}

static void write_header(const struct encoder *encoder, const struct device_state *device)
{
    struct writer writer = writer_of(encoder->blob, VARS_HEADER_SIZE);

    writer_bytes(&writer, span_of(VARS_MAGIC, 4));
    writer_u32le(&writer, VARS_VERSION);
    writer_u64le(&writer, encoder->count);
    writer_u64le(&writer, encoder->records.len);
    writer_bytes(&writer, span_of(device->mor_key, sizeof(device->mor_key)));
    writer_u32le(&writer, device->ppi_index);
    writer_bytes(&writer, span_of(device->ppi_volatile, sizeof(device->ppi_volatile)));
}

static uint8_t *encoder_end(struct encoder *encoder, const struct device_state *device, size_t *len,
                            struct err *err)
{
    auto_free uint8_t *blob = encoder->blob;

    if (encoder->count > VARS_COUNT_MAX || !writer_ok(&encoder->records)) {
        err_set(err, "%" PRIu64 " variables are too many for a VARS blob", encoder->count);
        return NULL;
    }
    write_header(encoder, device);
    *len = VARS_HEADER_SIZE + encoder->records.len;
    return take_ptr(blob);
}

uint8_t *vars_encode_store(const struct store *store, size_t *len, struct err *err)
{
    static const struct device_state at_start; /* device state does not outlive a start of the VM */
    struct encoder encoder = {0};

    if (!encoder_begin(&encoder, store_used(store), err)) {
        return NULL;
    }
    for (size_t i = 0; i < store_count(store); i++) {
        const struct variable *variable = store_at(store, i);

        if ((variable->attributes & EFI_VARIABLE_NON_VOLATILE) != 0) {
            encoder_add(&encoder, variable);
        }
    }
    return encoder_end(&encoder, &at_start, len, err);
}

uint8_t *vars_encode_service(const struct service *service, size_t *len, struct err *err)
{
    struct encoder encoder = {0};
    struct variable_view view;
    struct guid guid;
    const struct variable *variable = service_next(service, &view, NULL, span_of(NULL, 0));

    if (!encoder_begin(&encoder, store_used(service_store(service)) + DERIVED_ROOM, err)) {
        return NULL;
    }
    while (variable != NULL) {
        encoder_add(&encoder, variable);
        guid = variable->guid;
        variable = service_next(service, &view, &guid, variable->name);
    }
    return encoder_end(&encoder, service_device(service), len, err);
}
