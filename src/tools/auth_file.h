// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writing .auth files (EFI_VARIABLE_AUTHENTICATION_2, UEFI 2.10, 8.2.2) and the signature lists in
 * them: the other way of auth/descriptor.h and auth/signature_list.h.
 */
#ifndef TOOLS_AUTH_FILE_H
#define TOOLS_AUTH_FILE_H

#include "base/err.h"
#include "base/writer.h"

#define AUTH_FILE_HEAD_SIZE 40u /* time and certificate header, without the PKCS #7 */

/* Now, in UTC, as an authenticated write may have it. */
struct efi_time auth_file_time_now(void);

/* The time and the header of a PKCS #7 of so many bytes. */
void auth_file_write_head(struct writer *writer, const struct efi_time *time, size_t pkcs7_len);

/*
 * Who an entry with this certificate belongs to, where nobody says: Microsoft's belong to
 * Microsoft, so that updates from there find them; any other has an owner of its own, which is made
 * of the certificate's SHA-256 (version 8 of RFC 9562), so that it is the same entry whenever it is
 * made.
 */
extern const struct guid AUTH_FILE_OWNER_MICROSOFT;
struct guid auth_file_owner_of(struct span certificate);

/* A new owner, at random (version 4). False with err set when there is no randomness. */
bool auth_file_new_owner(struct guid *out, struct err *err);

/* A signature list with one certificate (DER). */
#define AUTH_FILE_LIST_ROOM 44u /* bytes that it takes beside the certificate */
void auth_file_write_certificate(struct writer *writer, const struct guid *owner,
                                 struct span certificate);

/* A signature list with count SHA-256 hashes, one behind the other in hashes. */
void auth_file_write_hashes(struct writer *writer, const struct guid *owner, struct span hashes);

struct auth_signer {
    struct span key_pem;
    struct span certificate_pem;
};

struct auth_target {
    struct span name;
    struct guid guid;
    uint32_t attributes;
    struct efi_time time;
    struct span payload;
};

/* The whole file, allocated, for the caller to free. signer NULL: with an empty signature, as setup
 * mode takes it. NULL with err set. */
uint8_t *auth_file_make(const struct auth_target *target, const struct auth_signer *signer,
                        size_t *len, struct err *err);

#endif
