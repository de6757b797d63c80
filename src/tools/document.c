// SPDX-License-Identifier: BSD-2-Clause
#include "tools/document.h"

#include "auth/auth.h"
#include "auth/descriptor.h"
#include "base/cleanup.h"
#include "crypto/openssl_verifier.h"
#include "tools/auth_file.h"

#include <stdarg.h>
#include <stdio.h>

#define AT_REST (EFI_VARIABLE_NV_BS_RT | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS)

void notes_add(struct notes *notes, const char *format, ...)
{
    char **lines = realloc(notes->lines, (notes->count + 1) * sizeof(*lines));
    va_list args;

    if (lines == NULL) {
        return; /* a note less */
    }
    notes->lines = lines;
    va_start(args, format);
    if (vasprintf(&lines[notes->count], format, args) >= 0) {
        notes->count++;
    }
    va_end(args);
}

void notes_free(struct notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->lines[i]);
    }
    free(notes->lines);
    *notes = (struct notes){0};
}

bool document_init(struct document *document, struct err *err)
{
    *document = (struct document){.store = store_new(0)};
    return document->store != NULL || err_set(err, "out of memory");
}

void document_free(struct document *document)
{
    store_free(document->store);
    notes_free(&document->notes);
    document->store = NULL;
}

static const char *why_not(const struct variable *variable)
{
    if (variable->name.len == 0 || variable->name.len % 2 != 0 ||
        variable->name.len > WIRE_NAME_MAX || efi_name_has_nul(variable->name)) {
        return "that is no variable's name";
    }
    if (variable->data.len == 0 || variable->data.len > STORE_DATA_MAX) {
        return "it has no data, or more than 57344 bytes";
    }
    if ((variable->attributes & ~AT_REST) != 0 ||
        (variable->attributes & EFI_VARIABLE_BOOTSERVICE_ACCESS) == 0) {
        return "its attributes are not those of a variable at rest";
    }
    if (auth_classify(&variable->guid, variable->name) != AUTH_CLASS_OTHER &&
        variable->attributes != AUTH_KEY_ATTRIBUTES) {
        return "its attributes are not those of a Secure Boot key";
    }
    return NULL;
}

bool document_add(struct document *document, const struct variable *variable)
{
    struct variable copy = *variable;
    char name[128];

    copy.attributes &= ~EFI_VARIABLE_APPEND_WRITE;
    const char *reason = why_not(&copy);
    if (reason != NULL) {
        efi_name_format(name, sizeof(name), copy.name);
        notes_add(&document->notes, "the variable %s is left out: %s", name, reason);
        return true;
    }
    size_t mark = store_begin(document->store);
    if (!store_put(document->store, &copy)) {
        store_abort(document->store, mark);
        return false;
    }
    store_commit(document->store, mark);
    return true;
}

static bool save_nothing(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    (void)self;
    (void)store;
    (void)keys_changed;
    (void)err;
    return true;
}

static bool fill_service(struct service *service, const struct store *store)
{
    for (size_t i = 0; i < store_count(store); i++) {
        if (!service_restore_variable(service, store_at(store, i))) {
            return false;
        }
    }
    return true;
}

/* Takes over what the service made of the variable. */
static efi_status take_result(struct document *document, const struct service *service,
                              const struct guid *guid, struct span name)
{
    const struct variable *result = store_get(service_store(service), guid, name);
    size_t mark = store_begin(document->store);
    bool done = result != NULL ? store_put(document->store, result)
                               : store_delete(document->store, guid, name);

    if (!done) {
        store_abort(document->store, mark);
        return EFI_OUT_OF_RESOURCES;
    }
    store_commit(document->store, mark);
    return EFI_SUCCESS;
}

static efi_status set_in_service(struct document *document, struct verifier *verifier,
                                 const struct request *request)
{
    static const struct service_config permissive = {.secure_boot = false, .enforce = false};
    const struct persistence nowhere = {.save = save_nothing};
    struct service *service = service_new(&permissive, &nowhere, verifier);
    efi_status status = EFI_OUT_OF_RESOURCES;

    if (service != NULL && fill_service(service, document->store)) {
        status = service_set_variable(service, request);
    }
    if (status == EFI_SUCCESS) {
        status = take_result(document, service, &request->guid, request->name);
    }
    service_free(service);
    return status;
}

/* Bare signature lists get the head of an .auth file, unsigned. */
static uint8_t *wrap(struct span lists, size_t *len)
{
    const struct efi_time now = auth_file_time_now();
    uint8_t *wrapped = malloc(AUTH_FILE_HEAD_SIZE + lists.len);

    if (wrapped != NULL) {
        struct writer writer = writer_of(wrapped, AUTH_FILE_HEAD_SIZE + lists.len);
        auth_file_write_head(&writer, &now, 0);
        writer_bytes(&writer, lists);
        *len = writer.len;
    }
    return wrapped;
}

efi_status document_set(struct document *document, const struct guid *guid, struct span name,
                        uint32_t attributes, struct span data)
{
    struct descriptor descriptor;
    struct request request = {.command = WIRE_SET_VARIABLE,
                              .name = name,
                              .guid = *guid,
                              .data = data,
                              .attributes = attributes};
    bool bare =
        auth_classify(guid, name) != AUTH_CLASS_OTHER && !descriptor_parse(&descriptor, data);
    auto_free uint8_t *wrapped = bare ? wrap(data, &request.data.len) : NULL;
    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    efi_status status = EFI_OUT_OF_RESOURCES;

    if (bare) {
        request.data.data = wrapped;
    }
    if (verifier != NULL && (!bare || wrapped != NULL)) {
        status = set_in_service(document, verifier, &request);
    }
    verifier_free(verifier);
    return status;
}

efi_status document_remove(struct document *document, const struct guid *guid, struct span name)
{
    if (store_get(document->store, guid, name) == NULL) {
        return EFI_NOT_FOUND;
    }
    size_t mark = store_begin(document->store);
    bool done = store_delete(document->store, guid, name);
    if (done) {
        store_commit(document->store, mark);
    } else {
        store_abort(document->store, mark);
    }
    return done ? EFI_SUCCESS : EFI_OUT_OF_RESOURCES;
}

static const struct key_name {
    const char *text;
    const struct guid *guid;
    struct span name;
} key_names[] = {
    {"PK", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK")},
    {"KEK", &EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK")},
    {"db", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db")},
    {"dbx", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx")},
    {"dbt", &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbt")},
};

#define KEY_COUNT (sizeof(key_names) / sizeof(key_names[0]))

bool document_key_name(const char *text, const struct guid **guid, struct span *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(text, key_names[i].text) == 0) {
            *guid = key_names[i].guid;
            *name = key_names[i].name;
            return true;
        }
    }
    return false;
}

const struct variable *document_key(const struct document *document, const char *text)
{
    const struct guid *guid;
    struct span name;

    return document_key_name(text, &guid, &name) ? store_get(document->store, guid, name) : NULL;
}

bool document_same_variable(const struct variable *a, const struct variable *b)
{
    return a->attributes == b->attributes && span_equal(a->data, b->data) &&
           efi_time_equal(&a->time, &b->time) && memcmp(a->owner, b->owner, OWNER_SIZE) == 0;
}

struct span document_key_data(const struct document *document, const char *name)
{
    const struct variable *variable = document_key(document, name);

    return variable != NULL ? variable->data : span_of(NULL, 0);
}

bool document_keys_differ(const struct store *a, const struct store *b)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct variable *x = store_get(a, key_names[i].guid, key_names[i].name);
        const struct variable *y = store_get(b, key_names[i].guid, key_names[i].name);

        if ((x == NULL) != (y == NULL) || (x != NULL && !span_equal(x->data, y->data))) {
            return true;
        }
    }
    return false;
}
