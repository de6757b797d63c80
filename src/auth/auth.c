// SPDX-License-Identifier: BSD-2-Clause
#include "auth/auth.h"

#include <stdlib.h>

/* UEFI 2.10, 3.3 and 32.4.1. */
static const struct {
    const struct guid *guid;
    struct span name;
    enum auth_class class;
} classes[] = {
    {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK"), AUTH_CLASS_PK},
    {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK"), AUTH_CLASS_KEK},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db"), AUTH_CLASS_DATABASE},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx"), AUTH_CLASS_DATABASE},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbt"), AUTH_CLASS_DATABASE},
};

enum auth_class auth_classify(const struct guid *guid, struct span name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (guid_equal(guid, classes[i].guid) && span_equal(name, classes[i].name)) {
            return classes[i].class;
        }
    }
    return AUTH_CLASS_OTHER;
}

bool auth_setup_mode(const struct store *store)
{
    return store_get(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK")) == NULL;
}

/* No rule is there yet, and what no rule allows is denied. */
void auth_decide(struct auth_decision *out, const struct store *store, bool enforce,
                 struct verifier *verifier, const struct request *request)
{
    (void)store;
    (void)enforce;
    (void)verifier;
    (void)request;
    *out = (struct auth_decision){.action = AUTH_DENY, .status = EFI_SECURITY_VIOLATION};
}

void auth_decision_free(struct auth_decision *decision)
{
    free(decision->merged);
    decision->merged = NULL;
}
