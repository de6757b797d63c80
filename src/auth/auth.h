// SPDX-License-Identifier: BSD-2-Clause
/*
 * The decision whether an authenticated write may be made, and what it makes of the variable:
 * UEFI 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2) and 32.4 (PK, KEK, db, dbx, dbt and the Secure
 * Boot modes).
 *
 * auth_decide is a function of its arguments: it does no I/O and changes nothing. What no rule
 * allows is denied.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "crypto/verifier.h"
#include "store/store.h"
#include "wire/wire.h"

/* Variables with rules of their own; everything else that is time-based authenticated is private to
 * its first signer. */
enum auth_class {
    AUTH_CLASS_PK,
    AUTH_CLASS_KEK,
    AUTH_CLASS_DATABASE, /* db, dbx, dbt */
    AUTH_CLASS_OTHER,
};

/* UEFI 2.10, 3.3 and 32.4.1: PK and KEK are in EFI_GLOBAL_VARIABLE, the databases in
 * EFI_IMAGE_SECURITY_DATABASE. */
enum auth_class auth_classify(const struct guid *guid, struct span name);

/* Attributes that PK, KEK, db, dbx and dbt have: NV, BS, RT and time-based authenticated. */
#define AUTH_KEY_ATTRIBUTES                                                                        \
    (EFI_VARIABLE_NV_BS_RT | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS)

/* Setup mode: there is no PK. */
bool auth_setup_mode(const struct store *store);

enum auth_action {
    AUTH_DENY,   /* status says why */
    AUTH_PUT,    /* the variable becomes payload, time, owner */
    AUTH_DELETE, /* the variable goes (or isn't there) */
    AUTH_KEEP,   /* an append of nothing: valid, and changes nothing */
};

/* Which of the checks a denied write failed: several have the same status. */
enum auth_reason {
    AUTH_REASON_NONE,       /* it isn't denied */
    AUTH_REASON_APPEND,     /* the variable can't be appended to */
    AUTH_REASON_ORDINARY,   /* the variable there is isn't an authenticated one */
    AUTH_REASON_DESCRIPTOR, /* the data begins with no well-formed descriptor */
    AUTH_REASON_FORMAT,     /* the content is not what the variable holds */
    AUTH_REASON_TIME,       /* not later than what is stored */
    AUTH_REASON_SIGNATURE,  /* of nobody who may sign it, or not valid */
    AUTH_REASON_STORED,     /* what is stored is damaged, so nothing can be appended to it */
    AUTH_REASON_MEMORY,
};

/* For people: "its time is not later than that of what is there". */
const char *auth_reason_text(enum auth_reason reason);

struct auth_decision {
    enum auth_action action;
    efi_status status; /* EFI_SUCCESS unless denied */
    enum auth_reason reason;
    struct span payload; /* the variable's whole new data, appends merged; in the request's bytes,
                            in the store's or in merged */
    struct efi_time time;
    uint8_t owner[OWNER_SIZE];
    uint8_t *merged; /* owned by the decision, NULL or freed by auth_decision_free */
};

/*
 * Decides a SetVariable whose attributes (checked before: see service/) contain
 * TIME_BASED_AUTHENTICATED_WRITE_ACCESS. store: the variables as they are. enforce: false skips the
 * signature and time checks on PK, KEK, db, dbx and dbt (host's permissive mode). The decision is
 * to be freed with auth_decision_free whatever it is. No memory: OUT_OF_RESOURCES.
 */
void auth_decide(struct auth_decision *out, const struct store *store, bool enforce,
                 struct verifier *verifier, const struct request *request);

void auth_decision_free(struct auth_decision *decision);

#endif
