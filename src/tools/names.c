// SPDX-License-Identifier: BSD-2-Clause
#include "tools/names.h"

#include "tools/auth_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define GUID_LEN (GUID_TEXT_SIZE - 1)

static const struct guid shim_lock =
    GUID_INIT(0x605dab50, 0xe046, 0x4300, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23);

/* Names that have one meaning. '#' stands for a hexadecimal digit. */
static const struct {
    const char *pattern;
    const struct guid *guid;
} known[] = {
    {"PK", &EFI_GLOBAL_VARIABLE},
    {"KEK", &EFI_GLOBAL_VARIABLE},
    {"db", &EFI_IMAGE_SECURITY_DATABASE},
    {"dbx", &EFI_IMAGE_SECURITY_DATABASE},
    {"dbt", &EFI_IMAGE_SECURITY_DATABASE},
    {"dbr", &EFI_IMAGE_SECURITY_DATABASE},
    {"SecureBoot", &EFI_GLOBAL_VARIABLE},
    {"SetupMode", &EFI_GLOBAL_VARIABLE},
    {"AuditMode", &EFI_GLOBAL_VARIABLE},
    {"DeployedMode", &EFI_GLOBAL_VARIABLE},
    {"SignatureSupport", &EFI_GLOBAL_VARIABLE},
    {"BootOrder", &EFI_GLOBAL_VARIABLE},
    {"BootNext", &EFI_GLOBAL_VARIABLE},
    {"BootCurrent", &EFI_GLOBAL_VARIABLE},
    {"Boot####", &EFI_GLOBAL_VARIABLE},
    {"DriverOrder", &EFI_GLOBAL_VARIABLE},
    {"Driver####", &EFI_GLOBAL_VARIABLE},
    {"SysPrepOrder", &EFI_GLOBAL_VARIABLE},
    {"SysPrep####", &EFI_GLOBAL_VARIABLE},
    {"Timeout", &EFI_GLOBAL_VARIABLE},
    {"Lang", &EFI_GLOBAL_VARIABLE},
    {"PlatformLang", &EFI_GLOBAL_VARIABLE},
    {"ConIn", &EFI_GLOBAL_VARIABLE},
    {"ConOut", &EFI_GLOBAL_VARIABLE},
    {"ErrOut", &EFI_GLOBAL_VARIABLE},
    {"OsIndications", &EFI_GLOBAL_VARIABLE},
    {"MokList", &shim_lock},
    {"MokListX", &shim_lock},
    {"MokListRT", &shim_lock},
    {"MokListXRT", &shim_lock},
    {"SbatLevel", &shim_lock},
    {"SbatLevelRT", &shim_lock},
};

bool name_matches(const char *pattern, const char *text)
{
    for (; *pattern != '\0'; pattern++, text++) {
        bool fits = *pattern == '#' ? *text != '\0' && strchr("0123456789ABCDEF", *text) != NULL
                                    : *pattern == *text;
        if (!fits) {
            return false;
        }
    }
    return *text == '\0';
}

static bool find_known(struct variable_name *out, const char *text)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (name_matches(known[i].pattern, text)) {
            out->guid = *known[i].guid;
            return true;
        }
    }
    return false;
}

static bool find_stored(struct variable_name *out, const char *text, const struct store *store,
                        struct err *err)
{
    size_t found = 0;

    for (size_t i = 0; store != NULL && i < store_count(store); i++) {
        const struct variable *variable = store_at(store, i);

        if (span_equal(variable->name, out->name)) {
            out->guid = variable->guid;
            found++;
        }
    }
    if (found > 1) {
        return err_set(err, "%zu variables have the name %s: write %s-GUID", found, text, text);
    }
    return found == 1 ||
           err_set(err, "there is no variable %s: write %s-GUID if it is to be made", text, text);
}

static bool set_name(struct variable_name *out, const char *text, size_t len)
{
    char copy[WIRE_NAME_MAX];

    if (len == 0 || len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    out->name = span_of(out->bytes, efi_name_parse(out->bytes, sizeof(out->bytes), copy));
    return out->name.len > 0;
}

/* The GUID at the text's end or start. */
static bool split(struct variable_name *out, const char *text)
{
    size_t len = strlen(text);
    char start[GUID_TEXT_SIZE];

    if (len < GUID_LEN + 2) {
        return false;
    }
    if (text[len - GUID_LEN - 1] == '-' && guid_parse(&out->guid, text + len - GUID_LEN)) {
        return set_name(out, text, len - GUID_LEN - 1);
    }
    snprintf(start, sizeof(start), "%s", text);
    return text[GUID_LEN] == '-' && guid_parse(&out->guid, start) &&
           set_name(out, text + GUID_LEN + 1, len - GUID_LEN - 1);
}

bool variable_name_parse(struct variable_name *out, const char *text, const struct store *store,
                         struct err *err)
{
    if (split(out, text)) {
        return true;
    }
    if (!set_name(out, text, strlen(text))) {
        return err_set(err, "'%s' can't be a variable's name", text);
    }
    return find_known(out, text) || find_stored(out, text, store, err);
}

const struct variable *variable_find(const struct store *store, const char *text, struct err *err)
{
    struct variable_name name = {0};

    if (!variable_name_parse(&name, text, store, err)) {
        return NULL;
    }
    const struct variable *variable = store_get(store, &name.guid, name.name);
    if (variable == NULL) {
        err_set(err, "there is no variable %s", text);
    }
    return variable;
}

static const struct {
    uint32_t bit;
    const char *name;
} attribute_names[] = {
    {EFI_VARIABLE_NON_VOLATILE, "NV"},
    {EFI_VARIABLE_BOOTSERVICE_ACCESS, "BS"},
    {EFI_VARIABLE_RUNTIME_ACCESS, "RT"},
    {EFI_VARIABLE_HARDWARE_ERROR_RECORD, "HR"},
    {EFI_VARIABLE_AUTHENTICATED_WRITE_ACCESS, "AW"},
    {EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS, "AT"},
    {EFI_VARIABLE_APPEND_WRITE, "AP"},
    {EFI_VARIABLE_ENHANCED_AUTHENTICATED_ACCESS, "EA"},
};

#define ATTRIBUTE_COUNT (sizeof(attribute_names) / sizeof(attribute_names[0]))

char *attributes_format(char text[ATTRIBUTES_TEXT_SIZE], uint32_t attributes)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        if ((attributes & attribute_names[i].bit) != 0) {
            used += (size_t)snprintf(text + used, ATTRIBUTES_TEXT_SIZE - used, "%s%s",
                                     used > 0 ? "+" : "", attribute_names[i].name);
        }
    }
    return text;
}

static uint32_t attribute_bit(const char *name, size_t len)
{
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (len == 2 && strncmp(name, attribute_names[i].name, 2) == 0) {
            return attribute_names[i].bit;
        }
    }
    return 0;
}

bool attributes_parse(uint32_t *out, const char *text)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(text, &end, 0);
    if (end != text && *end == '\0' && errno == 0 && number <= UINT32_MAX) {
        *out = (uint32_t)number;
        return true;
    }
    *out = 0;
    for (;;) {
        size_t len = strcspn(text, "+");
        uint32_t bit = attribute_bit(text, len);

        if (bit == 0) {
            return false;
        }
        *out |= bit;
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

const char *guid_known_name(const struct guid *guid)
{
    static const struct {
        struct guid guid;
        const char *name;
    } guids[] = {
        {GUID_INIT(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c),
         "EFI global"},
        {GUID_INIT(0xd719b2cb, 0x3d3a, 0x4596, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f),
         "image security database"},
        {GUID_INIT(0x605dab50, 0xe046, 0x4300, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23),
         "shim"},
        {GUID_INIT(0x77fa9abd, 0x0359, 0x4d32, 0xbd, 0x60, 0x28, 0xf4, 0xe7, 0x8f, 0x78, 0x4b),
         "Microsoft"},
        {GUID_INIT(0xa0baa8a3, 0x041d, 0x48a8, 0xbc, 0x87, 0xc3, 0x6d, 0x12, 0x1b, 0x5e, 0x3d),
         "OVMF"},
    };

    for (size_t i = 0; i < sizeof(guids) / sizeof(guids[0]); i++) {
        if (guid_equal(guid, &guids[i].guid)) {
            return guids[i].name;
        }
    }
    return NULL;
}

char *time_format(char text[TIME_TEXT_SIZE], const struct efi_time *time)
{
    static const struct efi_time none;

    text[0] = '\0';
    if (!efi_time_equal(time, &none)) {
        snprintf(text, TIME_TEXT_SIZE, "%04u-%02u-%02u %02u:%02u:%02u", time->year, time->month,
                 time->day, time->hour, time->minute, time->second);
    }
    return text;
}
