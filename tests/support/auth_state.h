// SPDX-License-Identifier: BSD-2-Clause
/* Variables and who signs them, for tests of the decision with support/fake_verifier.h. */
#ifndef SUPPORT_AUTH_STATE_H
#define SUPPORT_AUTH_STATE_H

#include "auth/auth.h"

/* The variables: KEK holds two certificates; a private variable has its owner, has lost it, or
 * isn't there. */
enum target {
    T_PK,
    T_KEK,
    T_DB,
    T_DBX,
    T_DBT,
    T_OWNED,
    T_UNOWNED,
    T_NEW,
    TARGETS,
};

struct auth_target {
    const struct guid *guid;
    struct span name;
};
extern const struct auth_target auth_targets[TARGETS];

/* Who may sign. "new" is the key that the payload carries; "": no signature. */
#define SIGNERS 8
extern const char *const auth_signers[SIGNERS];

/* A database of the certificates of these names, NULL at their end. Gives its length. */
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
size_t auth_state_certificates(uint8_t *out, size_t capacity, const char *const *names);

void auth_state_put(struct store *store, const struct variable *variable);

/* The variables, all of signing_time(100); PK only if asked for. */
struct store *auth_state_new(bool with_pk);

#endif
