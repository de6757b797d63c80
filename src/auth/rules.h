// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who may write which authenticated variable, with what in it: the table that auth_decide follows
 * (UEFI 2.10, 8.2.2 and 32.5). It is the only place where that is said.
 */
#ifndef AUTH_RULES_H
#define AUTH_RULES_H

#include "auth/auth.h"

enum rule_mode {
    RULE_MODE_SETUP,      /* there is no PK */
    RULE_MODE_USER,       /* there is one */
    RULE_MODE_PERMISSIVE, /* the host doesn't enforce, PK or not */
    RULE_MODE_COUNT,
};

enum rule_signer {
    SIGNER_NONE,        /* no signature is good enough */
    SIGNER_NOT_CHECKED, /* none is needed, and the time isn't compared with the stored one */
    SIGNER_PAYLOAD,     /* the key that the payload carries */
    SIGNER_PK,          /* the PK there is */
    SIGNER_PK_OR_KEK,   /* it, or any certificate of KEK */
    SIGNER_OWNER,       /* who signed the first write; whoever signs, when nobody owns it yet */
    SIGNER_ANYBODY,     /* whoever signs, though the owner stays who it is */
};

enum rule_format {
    FORMAT_ANYTHING,
    FORMAT_DATABASE,        /* signature lists */
    FORMAT_ONE_CERTIFICATE, /* signature lists with exactly one entry, a certificate */
};

enum rule_append {
    APPEND_FORBIDDEN,
    APPEND_MERGED, /* without duplicates */
    APPEND_JOINED, /* behind what is there */
};

struct rule {
    enum rule_signer signer[RULE_MODE_COUNT];
    enum rule_format format;
    enum rule_append append;
};

const struct rule *rule_of(enum auth_class class);

#endif
