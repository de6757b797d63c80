// SPDX-License-Identifier: BSD-2-Clause
#include "support/boot.h"

#include "base/cleanup.h"

#include <stdio.h>

#define NV_BS (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS)
#define BS_RT (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define NAME_ROOM 1024u

static const struct guid mtc_guid =
    GUID_INIT(0xeb704011, 0x1402, 0x11d3, 0x8e, 0x77, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const struct guid rtc_guid =
    GUID_INIT(0x378d7b65, 0x8da9, 0x4773, 0xb6, 0xe4, 0xa4, 0x78, 0x26, 0xa8, 0x33, 0xe1);
static const struct guid memory_type_guid =
    GUID_INIT(0x4c19049f, 0x4137, 0x4dd3, 0x9c, 0x10, 0x8b, 0x97, 0xa8, 0x3f, 0xfd, 0xfa);
static const struct guid nic_guid =
    GUID_INIT(0x5b446ed1, 0xe30b, 0x4faa, 0x87, 0x1a, 0x36, 0x54, 0xec, 0xa3, 0x60, 0x80);
static const struct guid platform_config_guid =
    GUID_INIT(0x7235c51c, 0x0c80, 0x4cab, 0x87, 0xac, 0x3b, 0x08, 0x4a, 0x63, 0x04, 0xb1);
static const struct guid mor_guid =
    GUID_INIT(0xe20939be, 0x32d4, 0x41be, 0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29);
static const struct guid dummy_guid =
    GUID_INIT(0x605dab50, 0xe046, 0x4300, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23);

/* ------------------------------------------------------------------------------ single requests */

static bool fail(struct boot *boot, const char *call, struct span name, efi_status status)
{
    char text[80];

    snprintf(boot->failure, sizeof(boot->failure), "%s %s: %s", call,
             efi_name_format(text, sizeof(text), name),
             status == CLIENT_LOST ? "the daemon is gone" : efi_status_text(status));
    return false;
}

static void timed(struct boot *boot, enum boot_kind kind)
{
    client_time(boot->client, &boot->times[kind]);
    boot->requests++;
}

/* Twice, as the driver's callers do: with no room, and with what is needed. Not there is fine. */
static bool get(struct boot *boot, const struct guid *guid, struct span name)
{
    uint8_t data[4096];
    size_t len = 0;

    timed(boot, BOOT_GET);
    efi_status status = client_get(boot->client, guid, name, data, &len, NULL);
    if (status == EFI_BUFFER_TOO_SMALL && len <= sizeof(data)) {
        timed(boot, BOOT_GET);
        status = client_get(boot->client, guid, name, data, &len, NULL);
    }
    return status == EFI_SUCCESS || status == EFI_NOT_FOUND ||
           fail(boot, "GetVariable", name, status);
}

static bool set(struct boot *boot, const struct guid *guid, struct span name, uint32_t attributes,
                struct span data)
{
    timed(boot, BOOT_SET);
    efi_status status = client_set(boot->client, guid, name, attributes, data);
    return status == EFI_SUCCESS || (data.len == 0 && status == EFI_NOT_FOUND) ||
           fail(boot, "SetVariable", name, status);
}

/* Data that looks like nothing in particular, another one for each variant. */
static bool set_pattern(struct boot *boot, struct span name, uint32_t attributes, size_t len,
                        uint8_t variant)
{
    uint8_t data[256];

    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(name.data[0] + i * 7 + variant);
    }
    return set(boot, &EFI_GLOBAL_VARIABLE, name, attributes, span_of(data, len));
}

static bool next(struct boot *boot, struct guid *guid, uint8_t *name, size_t *len, size_t capacity,
                 efi_status *status)
{
    timed(boot, BOOT_NEXT);
    *status = client_next(boot->client, guid, name, len, capacity);
    return *status == EFI_SUCCESS || *status == EFI_NOT_FOUND || *status == EFI_BUFFER_TOO_SMALL ||
           fail(boot, "GetNextVariableName behind", span_of(name, *len), *status);
}

/* BDS walks with a buffer that grows when a name doesn't fit. */
static bool walk(struct boot *boot)
{
    uint8_t name[NAME_ROOM] = {0};
    struct guid guid = {0};
    size_t len = 0;
    size_t capacity = 2;
    efi_status status = EFI_SUCCESS;

    while (status != EFI_NOT_FOUND) {
        size_t wanted = len;
        if (!next(boot, &guid, name, &wanted, capacity, &status)) {
            return false;
        }
        if (status == EFI_BUFFER_TOO_SMALL) {
            capacity = wanted;
        } else {
            len = wanted;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------- the stages of a boot */

static bool play_clock(struct boot *boot)
{
    uint8_t counter[4] = {0};
    size_t len = sizeof(counter);

    if (!get(boot, &rtc_guid, EFI_NAME("RTC")) ||
        !set(boot, &rtc_guid, EFI_NAME("RTC"), EFI_VARIABLE_NV_BS_RT, span_of(NULL, 0)) ||
        !get(boot, &rtc_guid, EFI_NAME("RTCALARM")) || !get(boot, &mtc_guid, EFI_NAME("MTC"))) {
        return false;
    }
    /* The monotonic counter: the one variable that every boot changes. */
    timed(boot, BOOT_GET);
    client_get(boot->client, &mtc_guid, EFI_NAME("MTC"), counter, &len, NULL);
    counter[0]++;
    return set(boot, &mtc_guid, EFI_NAME("MTC"), EFI_VARIABLE_NV_BS_RT,
               span_of(counter, sizeof(counter)));
}

static bool play_language(struct boot *boot)
{
    const struct span name = EFI_NAME("PlatformLang");

    if (!get(boot, &platform_config_guid, EFI_NAME("PlatformConfig")) ||
        !set(boot, &EFI_GLOBAL_VARIABLE, name, EFI_VARIABLE_NV_BS_RT, span_of("en", 3)) ||
        !set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("Lang"), EFI_VARIABLE_NV_BS_RT,
             span_of("eng", 3)) ||
        !set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("LangCodes"), BS_RT, span_of("engfra", 7)) ||
        !set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("PlatformLangCodes"), BS_RT,
             span_of("en;fr;en-US;fr-FR", 18))) {
        return false;
    }
    for (unsigned i = 0; i < 35; i++) {
        if (!get(boot, &EFI_GLOBAL_VARIABLE, name)) {
            return false;
        }
    }
    return true;
}

static struct span boot_option(char16_t (*name)[9], unsigned number)
{
    memcpy(*name, u"Boot0000", sizeof(*name));
    (*name)[7] = (char16_t)(u'0' + number);
    return span_of(*name, 16);
}

static bool play_boot_options(struct boot *boot)
{
    char16_t name[9];
    static const uint8_t order[] = {0, 0, 1, 0, 2, 0, 3, 0};

    for (unsigned i = 0; i < 4; i++) {
        if (!set_pattern(boot, boot_option(&name, i), EFI_VARIABLE_NV_BS_RT, 62 + 20 * i, 0)) {
            return false;
        }
    }
    if (!set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootOrder"), EFI_VARIABLE_NV_BS_RT,
             span_of(order, sizeof(order)))) {
        return false;
    }
    for (unsigned i = 0; i < 34; i++) {
        if (!get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootOrder")) ||
            !get(boot, &EFI_GLOBAL_VARIABLE, boot_option(&name, i % 4))) {
            return false;
        }
    }
    return true;
}

static bool play_settings(struct boot *boot)
{
    static const uint8_t supported[8] = {1};
    static const uint8_t support[4] = {0, 3};
    static const uint8_t timeout[2] = {3};

    return set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("OsIndicationsSupported"), BS_RT,
               span_of(supported, sizeof(supported))) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("OsIndications")) &&
           set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("Timeout"), EFI_VARIABLE_NV_BS_RT,
               span_of(timeout, sizeof(timeout))) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("Timeout")) &&
           set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootOptionSupport"), BS_RT,
               span_of(support, sizeof(support))) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootOptionSupport")) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootNext")) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("LangCodes")) &&
           get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("PlatformLangCodes")) && walk(boot) &&
           set_pattern(boot, EFI_NAME("PlatformRecovery0000"), BS_RT, 90, 0);
}

/* Consoles come and go while drivers connect; in the end everything is as it was. */
static bool play_consoles(struct boot *boot)
{
    const struct span names[] = {EFI_NAME("ConIn"), EFI_NAME("ConOut"), EFI_NAME("ErrOut")};
    const struct span devices[] = {EFI_NAME("ConInDev"), EFI_NAME("ConOutDev"),
                                   EFI_NAME("ErrOutDev")};

    for (uint8_t round = 0; round < 11; round++) {
        uint8_t variant = round >= 3 && round < 7 ? round : 0;
        for (size_t i = 0; i < 3; i++) {
            if (!get(boot, &EFI_GLOBAL_VARIABLE, names[i]) ||
                !set_pattern(boot, names[i], EFI_VARIABLE_NV_BS_RT, 60 + 9 * i, variant) ||
                (round == 0 && !set_pattern(boot, devices[i], BS_RT, 60 + 9 * i, 0))) {
                return false;
            }
        }
    }
    return true;
}

static bool play_network(struct boot *boot)
{
    static const uint8_t policy[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const struct span mac = EFI_NAME("525400AB12CD");

    return get(boot, &nic_guid, mac) &&
           set(boot, &nic_guid, mac, NV_BS, span_of(policy, sizeof(policy))) &&
           get(boot, &nic_guid, mac) && walk(boot);
}

/* The shell reads every variable while it looks for its own, and looks again for its aliases. */
static bool play_shell(struct boot *boot)
{
    uint8_t name[NAME_ROOM] = {0};
    struct guid guid = {0};
    size_t len = 0;
    efi_status status = EFI_SUCCESS;

    while (status != EFI_NOT_FOUND) {
        if (!next(boot, &guid, name, &len, sizeof(name), &status) ||
            (status == EFI_SUCCESS && !get(boot, &guid, span_of(name, len)))) {
            return false;
        }
    }
    return walk(boot);
}

static bool play_start_of_image(struct boot *boot)
{
    static const uint8_t current[] = {1, 0};
    static const uint8_t memory_types[80] = {9, 0, 0, 0, 32};

    if (!set(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("BootCurrent"), BS_RT,
             span_of(current, sizeof(current))) ||
        !get(boot, &memory_type_guid, EFI_NAME("MemoryTypeInformation")) ||
        !set(boot, &memory_type_guid, EFI_NAME("MemoryTypeInformation"), NV_BS,
             span_of(memory_types, sizeof(memory_types)))) {
        return false;
    }
    for (unsigned i = 0; i < 3; i++) {
        if (!get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("SecureBoot")) ||
            !get(boot, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx")) ||
            !get(boot, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"))) {
            return false;
        }
    }
    return true;
}

/* Linux at run time: each name with too little room, then with enough, and its size. */
static bool play_linux_walk(struct boot *boot)
{
    uint8_t name[NAME_ROOM] = {0};
    struct guid guid = {0};
    size_t len = 0;

    for (;;) {
        efi_status status;
        size_t wanted = len;
        size_t size = 0;
        if (!next(boot, &guid, name, &wanted, 2, &status) ||
            !next(boot, &guid, name, &len, 512, &status)) {
            return false;
        }
        if (status == EFI_NOT_FOUND) {
            return true;
        }
        timed(boot, BOOT_GET);
        status = client_get(boot->client, &guid, span_of(name, len), NULL, &size, NULL);
        if (status != EFI_BUFFER_TOO_SMALL) {
            return fail(boot, "GetVariable", span_of(name, len), status);
        }
    }
}

static bool play_linux(struct boot *boot)
{
    if (!get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("SecureBoot")) ||
        !get(boot, &EFI_GLOBAL_VARIABLE, EFI_NAME("SetupMode")) ||
        !get(boot, &mor_guid, EFI_NAME("MemoryOverwriteRequestControl")) ||
        !set(boot, &dummy_guid, EFI_NAME("DUMMY"), EFI_VARIABLE_NV_BS_RT, span_of(NULL, 0))) {
        return false;
    }
    client_at_runtime(boot->client, true);
    bool ok = play_linux_walk(boot);
    client_at_runtime(boot->client, false);
    return ok;
}

bool boot_play(struct boot *boot, struct client *client)
{
    static const struct {
        bool (*play)(struct boot *boot);
        const char *doing;
    } stages[] = {
        {play_clock, "clock and counter"},
        {play_language, "language"},
        {play_boot_options, "boot options"},
        {play_settings, "settings, first walk"},
        {play_consoles, "consoles"},
        {play_network, "network, second walk"},
        {play_shell, "shell"},
        {play_start_of_image, "start of the image"},
        {play_linux, "Linux, run time"},
    };

    boot->client = client;
    boot->requests = 0;
    boot->failure[0] = '\0';
    for (unsigned i = 0; i < BOOT_KINDS; i++) {
        boot->times[i] = (struct client_times){.ns = boot->ns[i], .capacity = BOOT_TIMES_MAX};
    }
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(stages) / sizeof(stages[0]); i++) {
        ok = stages[i].play(boot);
        if (boot->progress != NULL) {
            boot->progress(boot->self, boot, stages[i].doing);
        }
    }
    client_time(client, NULL);
    return ok;
}

/* ---------------------------------------------------------------------------------------- a walk
 */

bool boot_walk(struct client *client, void (*visit)(void *self, const struct boot_variable *),
               void *self)
{
    auto_free uint8_t *data = malloc(WIRE_BUFFER_SIZE);
    uint8_t name[WIRE_NAME_MAX + 2];
    struct boot_variable found = {0};
    size_t len = 0;

    for (;;) {
        efi_status status = client_next(client, &found.guid, name, &len, sizeof(name));
        size_t size = WIRE_BUFFER_SIZE;
        if (status != EFI_SUCCESS) {
            return status == EFI_NOT_FOUND;
        }
        found.name = span_of(name, len);
        status = client_get(client, &found.guid, found.name, data, &size, &found.attributes);
        if (status != EFI_SUCCESS) {
            return false;
        }
        found.data = span_of(data, size);
        visit(self, &found);
    }
}
