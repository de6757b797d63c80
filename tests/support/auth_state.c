// SPDX-License-Identifier: BSD-2-Clause
#include "support/auth_state.h"

#include "support/fake_verifier.h"
#include "support/signing.h"

#include <stdio.h>
#include <stdlib.h>

static const struct guid some_guid =
    GUID_INIT(0x12345678, 0x1234, 0x1234, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34, 0x12, 0x34);

const struct auth_target auth_targets[TARGETS] = {
    [T_PK] = {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK")},
    [T_KEK] = {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK")},
    [T_DB] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db")},
    [T_DBX] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx")},
    [T_DBT] = {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbt")},
    [T_OWNED] = {&some_guid, EFI_NAME_INIT("owned")},
    [T_UNOWNED] = {&some_guid, EFI_NAME_INIT("unowned")},
    [T_NEW] = {&some_guid, EFI_NAME_INIT("new")},
};

const char *const auth_signers[SIGNERS] = {"pk",  "kek",   "other-kek", "db",
                                           "new", "owner", "stranger",  ""};

size_t auth_state_certificates(uint8_t *out, size_t capacity, const char *const *names)
{
    size_t len = 0;

    for (; *names != NULL; names++) {
        char text[32];
        int text_len = snprintf(text, sizeof(text), "cert-%s", *names);
        len += signing_esl_certificate(out + len, capacity - len, span_of(text, (size_t)text_len));
    }
    return len;
}

void auth_state_put(struct store *store, const struct variable *variable)
{
    size_t mark = store_begin(store);

    if (!store_put(store, variable)) {
        abort();
    }
    store_commit(store, mark);
}

static void put_keys(struct store *store, const struct guid *guid, struct span name,
                     const char *const *names)
{
    uint8_t database[512];
    size_t len = auth_state_certificates(database, sizeof(database), names);

    auth_state_put(store, &(struct variable){.guid = *guid,
                                             .name = name,
                                             .data = span_of(database, len),
                                             .attributes = AUTH_KEY_ATTRIBUTES,
                                             .time = signing_time(100)});
}

static void put_private(struct store *store, enum target target, const char *owner)
{
    struct variable variable = {.guid = *auth_targets[target].guid,
                                .name = auth_targets[target].name,
                                .data = span_of("old", 3),
                                .attributes = AUTH_KEY_ATTRIBUTES,
                                .time = signing_time(100)};

    if (owner != NULL) {
        fake_owner(variable.owner, owner);
    }
    auth_state_put(store, &variable);
}

struct store *auth_state_new(bool with_pk)
{
    struct store *store = store_new(0);

    if (with_pk) {
        put_keys(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK"), NAMES("pk"));
    }
    put_keys(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("KEK"), NAMES("kek", "other-kek"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("db"), NAMES("db"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), NAMES("dbx"));
    put_keys(store, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbt"), NAMES("dbt"));
    put_private(store, T_OWNED, "owner");
    put_private(store, T_UNOWNED, NULL);
    return store;
}
