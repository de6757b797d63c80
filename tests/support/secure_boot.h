// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VM's variable service with real keys, for tests of authenticated writes. Whatever it saves is
 * encoded, decoded again and compared: a state that could not be loaded fails the test that made
 * it.
 */
#ifndef SUPPORT_SECURE_BOOT_H
#define SUPPORT_SECURE_BOOT_H

#include "auth/auth.h"
#include "service/service.h"
#include "support/signing.h"

struct secure_boot {
    struct verifier *verifier;
    struct service *service;
    const struct persistence *persistence; /* instead of the checking one; borrowed */
    bool save_fails;
    unsigned saves;
    /* pk and new_pk sign for themselves; ca and kek are in KEK, leaf is under ca. */
    struct signing_key *pk, *new_pk, *kek, *ca, *leaf, *db, *stranger;
};

/* Keys and a verifier: they take a while, and last for all tests. */
void secure_boot_make_keys(struct secure_boot *vm);
void secure_boot_free_keys(struct secure_boot *vm);

/* A new service in setup mode, in place of the one there was. */
void secure_boot_reset(struct secure_boot *vm, bool enforce);

/* The same in user mode: PK, KEK (kek and ca), db with one certificate, all of signing_time(100).
 */
void secure_boot_enroll(struct secure_boot *vm);

/* A variable by its name: the keys, or a private one under a GUID of the tests'. */
struct signing_target secure_boot_target(const char *name);

/* Signs (signer NULL: an empty signature) and writes. append: EFI_VARIABLE_APPEND_WRITE or 0. */
efi_status secure_boot_write(struct secure_boot *vm, const char *name,
                             const struct signing_key *signer, unsigned time, uint32_t append,
                             struct span payload);

/* Writes data as it is. */
efi_status secure_boot_write_raw(struct secure_boot *vm, const char *name, uint32_t attributes,
                                 struct span data);

/* What is stored under the name, or NULL. */
const struct variable *secure_boot_get(const struct secure_boot *vm, const char *name);

/* One of the mode variables, as the guest reads it. */
unsigned secure_boot_mode(const struct secure_boot *vm, const char *name);

/* A database of one certificate, or of count hashes from first on; in static memory, until the next
 * call. */
struct span secure_boot_certificate(const struct signing_key *key);
struct span secure_boot_hashes(unsigned first, unsigned count);

/* A digest of all that is stored, to see whether it changed. */
uint64_t secure_boot_state(const struct secure_boot *vm);

#endif
