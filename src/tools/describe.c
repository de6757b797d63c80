// SPDX-License-Identifier: BSD-2-Clause
#include "tools/describe.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "tools/device_path.h"
#include "tools/names.h"

#include <inttypes.h>
#include <stdlib.h>

#define DATA_SHOWN 32u /* bytes of what isn't known, without --hex */
#define LOAD_OPTION_ACTIVE 0x00000001u
#define LOAD_OPTION_HIDDEN 0x00000008u

static json_t *device_path_text(struct span path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (stream == NULL) {
        return NULL;
    }
    bool whole = device_path_print(stream, path);
    if (!whole) {
        fputs("(malformed)", stream);
    }
    fclose(stream);
    json_t *string = tree_string(text);
    free(text);
    return string;
}

/* UEFI 2.10, 3.1.3: attributes, length of the device path, description, device path, the rest. */
static bool add_boot_entry(json_t *object, struct span data, bool hex)
{
    struct reader reader = reader_of(data);
    uint32_t attributes;
    uint16_t path_len;
    struct span path;
    size_t len = 0;
    char text[512];

    if (!reader_u32le(&reader, &attributes) || !reader_u16le(&reader, &path_len)) {
        return false;
    }
    while (len + 2 <= reader.rest.len &&
           (reader.rest.data[len] != 0 || reader.rest.data[len + 1] != 0)) {
        len += 2;
    }
    struct span description = span_of(reader.rest.data, len);
    if (!reader_skip(&reader, (uint64_t)len + 2) || !reader_span(&reader, &path, path_len)) {
        return false;
    }
    json_t *entry =
        json_pack("{s:o, s:b, s:b, s:o}", "description",
                  tree_string(efi_name_format(text, sizeof(text), description)), "active",
                  (attributes & LOAD_OPTION_ACTIVE) != 0, "hidden",
                  (attributes & LOAD_OPTION_HIDDEN) != 0, "device_path", device_path_text(path));
    if (!reader_end(&reader)) {
        json_object_set_new(entry, "optional_data", tree_hex(reader.rest, hex ? 0 : DATA_SHOWN));
    }
    return json_object_set_new(object, "boot_entry", entry) == 0;
}

static bool add_order(json_t *object, struct span data, bool hex)
{
    struct reader reader = reader_of(data);
    json_t *order = json_array();
    uint16_t number;
    char text[8];

    (void)hex;
    if (data.len % 2 != 0) {
        json_decref(order);
        return false;
    }
    while (reader_u16le(&reader, &number)) {
        snprintf(text, sizeof(text), "%04X", number);
        json_array_append_new(order, json_string(text));
    }
    return json_object_set_new(object, "order", order) == 0;
}

static bool add_number(json_t *object, struct span data, bool hex)
{
    uint64_t number = 0;

    (void)hex;
    if (data.len != 1 && data.len != 2 && data.len != 4 && data.len != 8) {
        return false;
    }
    for (size_t i = data.len; i > 0; i--) {
        number = number << 8 | data.data[i - 1];
    }
    return number <= INT64_MAX &&
           json_object_set_new(object, "value", json_integer((json_int_t)number)) == 0;
}

static bool add_ascii(json_t *object, struct span data, bool hex)
{
    size_t len = data.len;

    (void)hex;
    while (len > 0 && data.data[len - 1] == 0) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        bool printable = data.data[i] >= 0x20 && data.data[i] < 0x7f;
        if (!printable && data.data[i] != '\n') {
            return false;
        }
    }
    return json_object_set_new(object, "text", json_stringn((const char *)data.data, len)) == 0;
}

static bool add_device_path(json_t *object, struct span data, bool hex)
{
    (void)hex;
    return json_object_set_new(object, "device_path", device_path_text(data)) == 0;
}

static bool add_signatures(json_t *object, struct span data, bool hex)
{
    json_t *lists = describe_signatures(data, hex);

    return lists != NULL && json_object_set_new(object, "signatures", lists) == 0;
}

/* By name, whatever the GUID: '#' is a hexadecimal digit. */
static const struct {
    const char *pattern;
    bool (*add)(json_t *object, struct span data, bool hex);
} meanings[] = {
    {"Boot####", add_boot_entry},
    {"Driver####", add_boot_entry},
    {"SysPrep####", add_boot_entry},
    {"PlatformRecovery####", add_boot_entry},
    {"BootOrder", add_order},
    {"DriverOrder", add_order},
    {"SysPrepOrder", add_order},
    {"BootNext", add_number},
    {"BootCurrent", add_number},
    {"Timeout", add_number},
    {"SecureBoot", add_number},
    {"SetupMode", add_number},
    {"AuditMode", add_number},
    {"DeployedMode", add_number},
    {"SecureBootEnable", add_number},
    {"CustomMode", add_number},
    {"OsIndications", add_number},
    {"OsIndicationsSupported", add_number},
    {"MemoryOverwriteRequestControl", add_number},
    {"Lang", add_ascii},
    {"PlatformLang", add_ascii},
    {"LangCodes", add_ascii},
    {"PlatformLangCodes", add_ascii},
    {"SbatLevel", add_ascii},
    {"SbatLevelRT", add_ascii},
    {"ConIn", add_device_path},
    {"ConOut", add_device_path},
    {"ErrOut", add_device_path},
    {"ConInDev", add_device_path},
    {"ConOutDev", add_device_path},
    {"ErrOutDev", add_device_path},
    {"PK", add_signatures},
    {"KEK", add_signatures},
    {"db", add_signatures},
    {"dbx", add_signatures},
    {"dbt", add_signatures},
    {"dbDefault", add_signatures},
    {"dbxDefault", add_signatures},
    {"KEKDefault", add_signatures},
    {"PKDefault", add_signatures},
    {"MokList", add_signatures},
    {"MokListX", add_signatures},
    {"MokListRT", add_signatures},
    {"MokListXRT", add_signatures},
};

static bool add_meaning(json_t *object, const struct variable *variable, bool hex)
{
    char name[64];

    efi_name_format(name, sizeof(name), variable->name);
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (name_matches(meanings[i].pattern, name)) {
            return meanings[i].add(object, variable->data, hex);
        }
    }
    return false;
}

json_t *describe_head(const struct variable *variable)
{
    char name[WIRE_NAME_MAX * 3];
    char guid[GUID_TEXT_SIZE];
    char attributes[ATTRIBUTES_TEXT_SIZE];
    char time[TIME_TEXT_SIZE];
    json_t *object = json_pack("{s:o, s:s, s:s, s:I}", "name",
                               tree_string(efi_name_format(name, sizeof(name), variable->name)),
                               "guid", guid_format(guid, &variable->guid), "attributes",
                               attributes_format(attributes, variable->attributes), "size",
                               (json_int_t)variable->data.len);

    if (*time_format(time, &variable->time) != '\0') {
        json_object_set_new(object, "time", json_string(time));
    }
    return object;
}

json_t *describe_variable(const struct variable *variable, bool hex)
{
    json_t *object = describe_head(variable);
    bool known = add_meaning(object, variable, hex);

    if (!known || hex) {
        json_object_set_new(object, "data", tree_hex(variable->data, hex ? 0 : DATA_SHOWN));
    }
    return object;
}
