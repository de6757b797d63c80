// SPDX-License-Identifier: BSD-2-Clause
/*
 * The names of the UEFI specification 2.10 that the whole project speaks: status codes (appendix
 * D), variable attributes and EFI_TIME (8.2, 8.3), GUIDs (appendix A), and variable names as bytes
 * of UTF-16LE.
 */
#ifndef BASE_EFI_H
#define BASE_EFI_H

#include "base/span.h"

#include <uchar.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "EFI_NAME needs little-endian char16_t");

/* What the guest is told. Never mixed with struct err, which is what the host met. */
typedef uint64_t efi_status;

#define EFI_ERROR_BIT (UINT64_C(1) << 63)
#define EFI_SUCCESS UINT64_C(0)
#define EFI_INVALID_PARAMETER (EFI_ERROR_BIT | 2)
#define EFI_UNSUPPORTED (EFI_ERROR_BIT | 3)
#define EFI_BUFFER_TOO_SMALL (EFI_ERROR_BIT | 5)
#define EFI_DEVICE_ERROR (EFI_ERROR_BIT | 7)
#define EFI_WRITE_PROTECTED (EFI_ERROR_BIT | 8)
#define EFI_OUT_OF_RESOURCES (EFI_ERROR_BIT | 9)
#define EFI_NOT_FOUND (EFI_ERROR_BIT | 14)
#define EFI_ACCESS_DENIED (EFI_ERROR_BIT | 15)
#define EFI_SECURITY_VIOLATION (EFI_ERROR_BIT | 26)

/* The words of the specification's appendix D for a status ("Not Found"); static, never NULL. */
const char *efi_status_text(efi_status status);

/* Attributes, UEFI 2.10 section 8.2.1 (GetVariable). */
#define EFI_VARIABLE_NON_VOLATILE UINT32_C(0x01)
#define EFI_VARIABLE_BOOTSERVICE_ACCESS UINT32_C(0x02)
#define EFI_VARIABLE_RUNTIME_ACCESS UINT32_C(0x04)
#define EFI_VARIABLE_HARDWARE_ERROR_RECORD UINT32_C(0x08)
#define EFI_VARIABLE_AUTHENTICATED_WRITE_ACCESS UINT32_C(0x10)
#define EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS UINT32_C(0x20)
#define EFI_VARIABLE_APPEND_WRITE UINT32_C(0x40)
#define EFI_VARIABLE_ENHANCED_AUTHENTICATED_ACCESS UINT32_C(0x80)

/* The three that nearly every variable has. */
#define EFI_VARIABLE_NV_BS_RT                                                                      \
    (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

/* A GUID as it lies in memory and on the wire (first three fields little-endian). */
#define GUID_SIZE 16
struct guid {
    uint8_t bytes[GUID_SIZE];
};

/* GUID_INIT(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, ...): the fields as the specification prints
 * them. */
#define GUID_INIT(a, b, c, ...)                                                                    \
    {                                                                                              \
        {                                                                                          \
            (a) & 0xff, ((a) >> 8) & 0xff, ((a) >> 16) & 0xff, ((a) >> 24) & 0xff, (b)&0xff,       \
                ((b) >> 8) & 0xff, (c)&0xff, ((c) >> 8) & 0xff, __VA_ARGS__                        \
        }                                                                                          \
    }

static inline int guid_compare(const struct guid *a, const struct guid *b)
{
    return memcmp(a->bytes, b->bytes, GUID_SIZE);
}

static inline bool guid_equal(const struct guid *a, const struct guid *b)
{
    return guid_compare(a, b) == 0;
}

#define GUID_TEXT_SIZE 37 /* 8-4-4-4-12 and the NUL */

/* Writes the lower-case 8-4-4-4-12 form, NUL-terminated; returns text. */
char *guid_format(char text[GUID_TEXT_SIZE], const struct guid *guid);

/* Reads exactly the 8-4-4-4-12 form, in either case; false when text is anything else. */
bool guid_parse(struct guid *out, const char *text);

extern const struct guid EFI_GLOBAL_VARIABLE;         /* UEFI 2.10, 3.3 */
extern const struct guid EFI_IMAGE_SECURITY_DATABASE; /* UEFI 2.10, 32.4.1 */

/*
 * A variable's name: UTF-16LE without a terminator. EFI_NAME("PK") is a constant one.
 */
#define EFI_NAME_INIT(literal)                                                                     \
    {                                                                                              \
        .data = (const uint8_t *)u##literal, .len = sizeof(u##literal) - sizeof(char16_t)          \
    }
#define EFI_NAME(literal) ((struct span)EFI_NAME_INIT(literal))

/* Does the name contain a NUL character (so that as a C string it would be another name)? */
bool efi_name_has_nul(struct span name);

/*
 * For people: UTF-8, control characters and unpaired surrogates as \xNNNN, at most size - 1 bytes,
 * NUL-terminated; a name that doesn't fit ends in "...". Returns text.
 */
char *efi_name_format(char *text, size_t size, struct span name);

/* The other way: UTF-8 to UTF-16LE. Gives the bytes written, or 0 when text is empty, not UTF-8 or
 * needs over capacity bytes. */
size_t efi_name_parse(uint8_t *name, size_t capacity, const char *text);

/* EFI_TIME, UEFI 2.10 section 8.3: 16 bytes on the wire. */
#define EFI_TIME_SIZE 16
struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad1;
    uint32_t nanosecond;
    int16_t timezone;
    uint8_t daylight, pad2;
};

/* Orders by year to second: what a time-based variable's time is compared by (UEFI 2.10, 8.2.2). */
int efi_time_compare(const struct efi_time *a, const struct efi_time *b);

/* The same in every field. */
bool efi_time_equal(const struct efi_time *a, const struct efi_time *b);

#endif
