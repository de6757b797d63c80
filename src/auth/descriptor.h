// SPDX-License-Identifier: BSD-2-Clause
/*
 * EFI_VARIABLE_AUTHENTICATION_2 (UEFI 2.10, 8.2.2): what the data of an authenticated write begins
 * with.
 *
 *     EFI_TIME (16) | u32 dwLength | u16 0x0200 | u16 0x0EF1 | EFI_CERT_TYPE_PKCS7_GUID | PKCS #7
 *
 * dwLength counts from itself to the end of the PKCS #7; what follows is the payload.
 */
#ifndef AUTH_DESCRIPTOR_H
#define AUTH_DESCRIPTOR_H

#include "base/efi.h"
#include "base/reader.h"

#define DESCRIPTOR_CERTIFICATE_SIZE 24u /* WIN_CERTIFICATE_UEFI_GUID without the PKCS #7 */
#define DESCRIPTOR_SIZE_MIN (EFI_TIME_SIZE + DESCRIPTOR_CERTIFICATE_SIZE)

struct descriptor {
    struct efi_time time;
    struct span time_bytes; /* as signed */
    struct span pkcs7;      /* not looked into; may be empty, which no verifier accepts */
    struct span payload;    /* may be empty */
};

/* False when it is malformed: cut short, a length that doesn't fit, another kind of certificate, or
 * a time with a field set that has to be 0. */
MUST_CHECK bool descriptor_parse(struct descriptor *out, struct span data);

#endif
