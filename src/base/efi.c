// SPDX-License-Identifier: BSD-2-Clause
#include "base/efi.h"

#include <stdio.h>

const struct guid EFI_GLOBAL_VARIABLE =
    GUID_INIT(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c);
const struct guid EFI_IMAGE_SECURITY_DATABASE =
    GUID_INIT(0xd719b2cb, 0x3d3a, 0x4596, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f);

const char *efi_status_text(efi_status status)
{
    static const struct {
        efi_status status;
        const char *text;
    } texts[] = {
        {EFI_SUCCESS, "Success"},
        {EFI_INVALID_PARAMETER, "Invalid Parameter"},
        {EFI_UNSUPPORTED, "Unsupported"},
        {EFI_BUFFER_TOO_SMALL, "Buffer Too Small"},
        {EFI_DEVICE_ERROR, "Device Error"},
        {EFI_WRITE_PROTECTED, "Write Protected"},
        {EFI_OUT_OF_RESOURCES, "Out of Resources"},
        {EFI_NOT_FOUND, "Not Found"},
        {EFI_ACCESS_DENIED, "Access Denied"},
        {EFI_SECURITY_VIOLATION, "Security Violation"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Unknown Status";
}

/* The order in which the bytes of a GUID are printed. */
static const uint8_t guid_text_order[GUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
                                                   8, 9, 10, 11, 12, 13, 14, 15};

static bool guid_dash_before(size_t i)
{
    return i == 4 || i == 6 || i == 8 || i == 10;
}

char *guid_format(char text[GUID_TEXT_SIZE], const struct guid *guid)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;

    for (size_t i = 0; i < GUID_SIZE; i++) {
        uint8_t byte = guid->bytes[guid_text_order[i]];

        if (guid_dash_before(i)) {
            *at++ = '-';
        }
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 0xf];
    }
    *at = '\0';
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool guid_parse(struct guid *out, const char *text)
{
    struct guid guid;

    for (size_t i = 0; i < GUID_SIZE; i++) {
        if (guid_dash_before(i) && *text++ != '-') {
            return false;
        }
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0) {
            return false;
        }
        guid.bytes[guid_text_order[i]] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text != '\0') {
        return false;
    }
    *out = guid;
    return true;
}

static uint32_t name_unit(struct span name, size_t i)
{
    return (uint32_t)(name.data[2 * i] | name.data[2 * i + 1] << 8);
}

bool efi_name_has_nul(struct span name)
{
    for (size_t i = 0; i < name.len / 2; i++) {
        if (name_unit(name, i) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Reads the character at unit *i and moves *i past it; an unpaired surrogate comes as itself. */
static uint32_t name_next_char(struct span name, size_t *i)
{
    uint32_t unit = name_unit(name, (*i)++);

    if (is_high_surrogate(unit) && *i < name.len / 2 && is_low_surrogate(name_unit(name, *i))) {
        return 0x10000 + ((unit - 0xd800) << 10) + (name_unit(name, (*i)++) - 0xdc00);
    }
    return unit;
}

/* One character as UTF-8 or as an escape; returns the bytes used of out. */
static size_t format_char(char out[8], uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);

    if (control || is_high_surrogate(c) || is_low_surrogate(c)) {
        return (size_t)snprintf(out, 8, "\\x%04x", (unsigned)(c & 0xffff));
    }
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

char *efi_name_format(char *text, size_t size, struct span name)
{
    static const char ellipsis[] = "...";
    size_t used = 0;
    size_t cut = 0; /* where the ellipsis goes if the rest turns out too long */

    for (size_t i = 0; i < name.len / 2;) {
        char piece[8];
        size_t len = format_char(piece, name_next_char(name, &i));

        if (used + sizeof(ellipsis) <= size) {
            cut = used;
        }
        if (used + len >= size) {
            snprintf(text + cut, size - cut, "%s", ellipsis);
            return text;
        }
        memcpy(text + used, piece, len);
        used += len;
    }
    text[used] = '\0';
    return text;
}

/* How many bytes follow a UTF-8 lead byte, with the bits it carries; false when it is none. */
static bool utf8_lead(uint8_t lead, unsigned *following, uint32_t *bits)
{
    static const struct {
        uint8_t mask, value;
    } leads[] = {{0x80, 0x00}, {0xe0, 0xc0}, {0xf0, 0xe0}, {0xf8, 0xf0}};

    for (unsigned i = 0; i < 4; i++) {
        if ((lead & leads[i].mask) == leads[i].value) {
            *following = i;
            *bits = lead & (uint32_t)(uint8_t)~leads[i].mask;
            return true;
        }
    }
    return false;
}

static bool utf8_next_char(uint32_t *out, const char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800,
                                     0x10000}; /* a shorter form would be overlong */
    unsigned following;
    uint32_t c;

    if (!utf8_lead((uint8_t) * (*text)++, &following, &c)) {
        return false;
    }
    for (unsigned i = 0; i < following; i++, (*text)++) {
        if (((uint8_t) * *text & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | ((uint8_t) * *text & 0x3f);
    }
    *out = c;
    return c >= least[following] && c <= 0x10ffff && !is_high_surrogate(c) && !is_low_surrogate(c);
}

size_t efi_name_parse(uint8_t *name, size_t capacity, const char *text)
{
    size_t len = 0;

    while (*text != '\0') {
        uint32_t c;
        uint32_t units[2];
        size_t n = 1;

        if (!utf8_next_char(&c, &text)) {
            return 0;
        }
        units[0] = c;
        if (c >= 0x10000) {
            units[0] = 0xd800 + ((c - 0x10000) >> 10);
            units[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
            n = 2;
        }
        if (capacity - len < 2 * n) {
            return 0;
        }
        for (size_t i = 0; i < n; i++) {
            name[len++] = (uint8_t)(units[i] & 0xff);
            name[len++] = (uint8_t)(units[i] >> 8);
        }
    }
    return len;
}

static uint64_t time_seconds_key(const struct efi_time *t)
{
    return (uint64_t)t->year << 40 | (uint64_t)t->month << 32 | (uint64_t)t->day << 24 |
           (uint64_t)t->hour << 16 | (uint64_t)t->minute << 8 | t->second;
}

int efi_time_compare(const struct efi_time *a, const struct efi_time *b)
{
    uint64_t x = time_seconds_key(a);
    uint64_t y = time_seconds_key(b);

    return (x > y) - (x < y);
}

bool efi_time_equal(const struct efi_time *a, const struct efi_time *b)
{
    return efi_time_compare(a, b) == 0 && a->pad1 == b->pad1 && a->nanosecond == b->nanosecond &&
           a->timezone == b->timezone && a->daylight == b->daylight && a->pad2 == b->pad2;
}
