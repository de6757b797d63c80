// SPDX-License-Identifier: BSD-2-Clause
#include "support/secure_boot.h"

#include "backend/vars.h"
#include "crypto/openssl_verifier.h"

#include <stdio.h>
#include <stdlib.h>

static const struct guid private_guid =
    GUID_INIT(0x6f1d4a7c, 0x0b5e, 0x4c1e, 0x9d, 0x3a, 0x51, 0x8e, 0x22, 0x90, 0x17, 0xc4);

#define DATA_CAPACITY 160000u /* more than a guest can send */

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "secure_boot: %s\n", what);
        abort();
    }
}

/* ---------------------------------------------------------------------- saving, and loading again
 */

struct reload {
    const struct store *store;
    size_t found;
    bool same;
};

static bool compare_variable(void *self, const struct variable *variable)
{
    struct reload *reload = self;
    const struct variable *old = store_get(reload->store, &variable->guid, variable->name);

    reload->found++;
    reload->same &= old != NULL && old->attributes == variable->attributes &&
                    span_equal(old->data, variable->data) &&
                    efi_time_equal(&old->time, &variable->time) &&
                    memcmp(old->owner, variable->owner, OWNER_SIZE) == 0;
    return true;
}

static void pass_device(void *self, const struct device_state *state)
{
    (void)self;
    (void)state;
}

static void note_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    struct reload *reload = self;

    (void)guid;
    (void)name;
    fprintf(stderr, "secure_boot: rejected: %s\n", reason);
    reload->same = false;
}

static size_t count_non_volatile(const struct store *store)
{
    size_t count = 0;

    for (size_t i = 0; i < store_count(store); i++) {
        count += (store_at(store, i)->attributes & EFI_VARIABLE_NON_VOLATILE) != 0 ? 1 : 0;
    }
    return count;
}

static bool save(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    struct secure_boot *vm = self;
    struct reload reload = {.store = store, .same = true};
    const struct vars_sink sink = {&reload, compare_variable, pass_device, note_rejected};
    size_t len;

    (void)keys_changed;
    vm->saves++;
    if (vm->save_fails) {
        return err_set(err, "saving is switched off");
    }
    uint8_t *blob = vars_encode_store(store, &len, err);
    must(blob != NULL && vars_decode(span_of(blob, len), &sink, err),
         "what was saved can't be loaded");
    must(reload.same && reload.found == count_non_volatile(store),
         "what was loaded isn't what was saved");
    free(blob);
    return true;
}

static bool notify(void *self, struct err *err)
{
    (void)self;
    (void)err;
    return true;
}

/* ------------------------------------------------------------------------------ keys and services
 */

#define KEY(...) signing_key_new(&(struct signing_key_options){__VA_ARGS__})

void secure_boot_make_keys(struct secure_boot *vm)
{
    *vm = (struct secure_boot){0};
    vm->verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    must(vm->verifier != NULL, "no verifier");
    vm->pk = KEY(.name = "PK");
    vm->new_pk = KEY(.name = "new PK");
    vm->kek = KEY(.name = "KEK");
    vm->ca = KEY(.name = "KEK CA");
    vm->leaf = KEY(.name = "under the CA", .issuer = vm->ca, .leaf = true, .serial = 7);
    vm->db = KEY(.name = "db");
    vm->stranger = KEY(.name = "stranger");
}

void secure_boot_free_keys(struct secure_boot *vm)
{
    service_free(vm->service);
    verifier_free(vm->verifier);
    signing_key_free(vm->pk);
    signing_key_free(vm->new_pk);
    signing_key_free(vm->kek);
    signing_key_free(vm->ca);
    signing_key_free(vm->leaf);
    signing_key_free(vm->db);
    signing_key_free(vm->stranger);
}

void secure_boot_reset(struct secure_boot *vm, bool enforce)
{
    static struct persistence persistence = {.save = save, .notify = notify};
    const struct service_config config = {.secure_boot = true, .enforce = enforce};

    persistence.self = vm;
    vm->save_fails = false;
    vm->saves = 0;
    service_free(vm->service);
    vm->service = service_new(&config, vm->persistence != NULL ? vm->persistence : &persistence,
                              vm->verifier);
    must(vm->service != NULL, "no service");
}

void secure_boot_enroll(struct secure_boot *vm)
{
    uint8_t kek[8192];
    size_t len = signing_esl_certificate(kek, sizeof(kek), signing_certificate(vm->kek));

    len += signing_esl_certificate(kek + len, sizeof(kek) - len, signing_certificate(vm->ca));
    secure_boot_reset(vm, true);
    must(secure_boot_write(vm, "db", NULL, 100, 0, secure_boot_certificate(vm->db)) == EFI_SUCCESS,
         "db");
    must(secure_boot_write(vm, "KEK", NULL, 100, 0, span_of(kek, len)) == EFI_SUCCESS, "KEK");
    must(secure_boot_write(vm, "PK", vm->pk, 100, 0, secure_boot_certificate(vm->pk)) ==
             EFI_SUCCESS,
         "PK");
}

/* ------------------------------------------------------------------------------------ the
 * variables */

struct signing_target secure_boot_target(const char *name)
{
    static const struct {
        const char *text;
        struct span name;
        const struct guid *guid;
    } known[] = {
        {"PK", EFI_NAME_INIT("PK"), &EFI_GLOBAL_VARIABLE},
        {"KEK", EFI_NAME_INIT("KEK"), &EFI_GLOBAL_VARIABLE},
        {"db", EFI_NAME_INIT("db"), &EFI_IMAGE_SECURITY_DATABASE},
        {"dbx", EFI_NAME_INIT("dbx"), &EFI_IMAGE_SECURITY_DATABASE},
        {"dbt", EFI_NAME_INIT("dbt"), &EFI_IMAGE_SECURITY_DATABASE},
        {"mine", EFI_NAME_INIT("mine"), &private_guid},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].text, name) == 0) {
            return (struct signing_target){
                .name = known[i].name, .guid = known[i].guid, .attributes = AUTH_KEY_ATTRIBUTES};
        }
    }
    must(false, name);
    abort();
}

efi_status secure_boot_write_raw(struct secure_boot *vm, const char *name, uint32_t attributes,
                                 struct span data)
{
    struct signing_target target = secure_boot_target(name);
    const struct request request = {.command = WIRE_SET_VARIABLE,
                                    .name = target.name,
                                    .guid = *target.guid,
                                    .attributes = attributes,
                                    .data = data};

    return service_set_variable(vm->service, &request);
}

efi_status secure_boot_write(struct secure_boot *vm, const char *name,
                             const struct signing_key *signer, unsigned time, uint32_t append,
                             struct span payload)
{
    static uint8_t data[DATA_CAPACITY];
    struct signing_target target = secure_boot_target(name);

    target.attributes |= append;
    target.time = signing_time(time);
    target.payload = payload;
    size_t len = signing_write(data, sizeof(data), signer, NULL, &target);
    return secure_boot_write_raw(vm, name, target.attributes, span_of(data, len));
}

const struct variable *secure_boot_get(const struct secure_boot *vm, const char *name)
{
    struct signing_target target = secure_boot_target(name);

    return store_get(service_store(vm->service), target.guid, target.name);
}

unsigned secure_boot_mode(const struct secure_boot *vm, const char *name)
{
    struct variable_view view;
    uint8_t text[64];
    size_t len = efi_name_parse(text, sizeof(text), name);
    const struct variable *mode =
        service_get(vm->service, &view, &EFI_GLOBAL_VARIABLE, span_of(text, len));

    must(mode != NULL && mode->data.len == 1, name);
    return mode->data.data[0];
}

struct span secure_boot_certificate(const struct signing_key *key)
{
    static uint8_t database[4096];

    return span_of(database,
                   signing_esl_certificate(database, sizeof(database), signing_certificate(key)));
}

struct span secure_boot_hashes(unsigned first, unsigned count)
{
    static uint8_t database[DATA_CAPACITY - 8192];

    return span_of(database, signing_esl_hashes(database, sizeof(database), first, count));
}

/* FNV-1a */
static uint64_t digest(uint64_t state, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        state = (state ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return state;
}

uint64_t secure_boot_state(const struct secure_boot *vm)
{
    const struct store *store = service_store(vm->service);
    uint64_t state = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < store_count(store); i++) {
        const struct variable *variable = store_at(store, i);

        state = digest(state, span_of(&variable->guid, sizeof(variable->guid)));
        state = digest(state, variable->name);
        state = digest(state, variable->data);
        state = digest(state, span_of(&variable->attributes, sizeof(variable->attributes)));
        state = digest(state, span_of(&variable->time, sizeof(variable->time)));
        state = digest(state, span_of(variable->owner, OWNER_SIZE));
    }
    return state;
}
