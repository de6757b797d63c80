// SPDX-License-Identifier: BSD-2-Clause
/*
 * SetVariable: UEFI 2.10, 8.2.3, with the order of checks that docs/PROTOCOL.md gives. Each check
 * is a function that answers EFI_SUCCESS to pass the call on; the table at the end is the order.
 */
#include "service/internal.h"

#include "auth/auth.h"
#include "base/cleanup.h"

#define ACCESS_ATTRIBUTES (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define AUTHENTICATED EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS
#define ALL_ATTRIBUTES UINT32_C(0xff)

/* A call on its way through the checks. */
struct call {
    struct service *service;
    const struct request *request;
    const struct variable *existing; /* NULL: there is none */
};

static bool is_append(const struct call *call)
{
    return (call->request->attributes & EFI_VARIABLE_APPEND_WRITE) != 0;
}

/* UEFI 2.10, 8.2.3: attributes without access delete, as an empty write does that is no append. */
static bool without_access(const struct call *call)
{
    return (call->request->attributes & ACCESS_ATTRIBUTES) == 0;
}

static bool is_authenticated(const struct variable *variable)
{
    return variable != NULL && (variable->attributes & AUTHENTICATED) != 0;
}

static bool deletes(const struct call *call)
{
    return without_access(call) || (call->request->data.len == 0 && !is_append(call));
}

/* 1. A name is a string of at least one character, none of them NUL. */
static efi_status check_name(const struct call *call)
{
    struct span name = call->request->name;

    return name.len == 0 || efi_name_has_nul(name) ? EFI_INVALID_PARAMETER : EFI_SUCCESS;
}

/* 2. UEFI 2.10, 8.2.3: which attributes go together. */
static efi_status check_attributes(const struct call *call)
{
    uint32_t attributes = call->request->attributes;

    if ((attributes & EFI_VARIABLE_HARDWARE_ERROR_RECORD) != 0) {
        return EFI_INVALID_PARAMETER;
    }
    if ((attributes & EFI_VARIABLE_AUTHENTICATED_WRITE_ACCESS) != 0) {
        return EFI_UNSUPPORTED;
    }
    if ((attributes & EFI_VARIABLE_ENHANCED_AUTHENTICATED_ACCESS) != 0) {
        return (attributes & AUTHENTICATED) != 0 ? EFI_INVALID_PARAMETER : EFI_UNSUPPORTED;
    }
    if ((attributes & ~ALL_ATTRIBUTES) != 0) {
        return EFI_INVALID_PARAMETER;
    }
    if ((attributes & ACCESS_ATTRIBUTES) == EFI_VARIABLE_RUNTIME_ACCESS) {
        return EFI_INVALID_PARAMETER;
    }
    return EFI_SUCCESS;
}

/* 4. UEFI 2.10, 8.2.3: at run time only non-volatile variables with runtime access change. */
static efi_status check_runtime(const struct call *call)
{
    const uint32_t needed = EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_RUNTIME_ACCESS;

    if (!call->request->at_runtime) {
        return EFI_SUCCESS;
    }
    if (call->existing == NULL) {
        bool allowed = deletes(call) || (call->request->attributes & needed) == needed;
        return allowed ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
    }
    if ((call->existing->attributes & EFI_VARIABLE_RUNTIME_ACCESS) == 0) {
        return EFI_INVALID_PARAMETER;
    }
    if ((call->existing->attributes & EFI_VARIABLE_NON_VOLATILE) == 0) {
        return EFI_WRITE_PROTECTED;
    }
    return EFI_SUCCESS;
}

/* 5. UEFI 2.10, 3.3: the mode variables are read-only. */
static efi_status check_read_only(const struct call *call)
{
    return modes_owns(&call->request->guid, call->request->name) ? EFI_WRITE_PROTECTED
                                                                 : EFI_SUCCESS;
}

/* 6. */
static efi_status check_physical_presence(const struct call *call)
{
    return ppi_check(call->service, call->request);
}

/* 7. UEFI 2.10, 32.4: the attributes of PK, KEK, db, dbx, dbt. */
static efi_status check_key_attributes(const struct call *call)
{
    uint32_t attributes = call->request->attributes & ~EFI_VARIABLE_APPEND_WRITE;

    if (auth_classify(&call->request->guid, call->request->name) == AUTH_CLASS_OTHER) {
        return EFI_SUCCESS;
    }
    return attributes == AUTH_KEY_ATTRIBUTES ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
}

/* 8. UEFI 2.10, 8.2.3: attributes don't change; only an ordinary variable can be deleted without
 * naming them. */
static efi_status check_same_attributes(const struct call *call)
{
    uint32_t attributes = call->request->attributes & ~EFI_VARIABLE_APPEND_WRITE;

    if (call->existing == NULL || attributes == call->existing->attributes) {
        return EFI_SUCCESS;
    }
    return without_access(call) && !is_authenticated(call->existing) ? EFI_SUCCESS
                                                                     : EFI_INVALID_PARAMETER;
}

static bool same_variable(const struct variable *a, const struct variable *b)
{
    return a->attributes == b->attributes && span_equal(a->data, b->data) &&
           efi_time_equal(&a->time, &b->time) && memcmp(a->owner, b->owner, OWNER_SIZE) == 0;
}

/* 11 and 12. A write that changes nothing costs nothing, unless the last save failed. */
static efi_status put(const struct call *call, const struct variable *variable)
{
    struct store *store = call->service->store;

    if (call->existing != NULL && same_variable(call->existing, variable) &&
        !(call->service->unsaved && is_non_volatile(variable))) {
        return EFI_SUCCESS;
    }
    size_t mark = store_begin(store);
    if (!store_put(store, variable)) {
        store_abort(store, mark);
        return EFI_OUT_OF_RESOURCES;
    }
    return service_finish(call->service, mark);
}

/* 10. */
static efi_status delete_variable(const struct call *call)
{
    struct store *store = call->service->store;

    if (call->existing == NULL) {
        return EFI_NOT_FOUND;
    }
    size_t mark = store_begin(store);
    if (!store_delete(store, &call->request->guid, call->request->name)) {
        store_abort(store, mark);
        return EFI_OUT_OF_RESOURCES;
    }
    return service_finish(call->service, mark);
}

/* The variable that the call makes, with this data. */
static struct variable call_variable(const struct call *call, struct span data)
{
    return (struct variable){
        .guid = call->request->guid,
        .name = call->request->name,
        .data = data,
        .attributes = call->request->attributes & ~EFI_VARIABLE_APPEND_WRITE,
    };
}

static efi_status append(const struct call *call)
{
    struct span old = call->existing->data;
    struct span more = call->request->data;

    if (old.len + more.len > STORE_DATA_MAX) {
        return EFI_OUT_OF_RESOURCES;
    }
    auto_free uint8_t *joined = malloc(old.len + more.len);
    if (joined == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    memcpy(joined, old.data, old.len);
    memcpy(joined + old.len, more.data, more.len);
    struct variable variable = call_variable(call, span_of(joined, old.len + more.len));
    return put(call, &variable);
}

static efi_status write_ordinary(const struct call *call)
{
    struct variable variable = call_variable(call, call->request->data);

    if (deletes(call)) {
        return delete_variable(call);
    }
    if (is_append(call) && call->request->data.len == 0) {
        return call->existing != NULL ? EFI_SUCCESS : EFI_NOT_FOUND;
    }
    if (is_append(call) && call->existing != NULL) {
        return append(call);
    }
    return put(call, &variable);
}

/* Who looks after a VM wants to know what became of its keys. */
static void log_key_write(const struct call *call, efi_status status, enum auth_reason reason)
{
    char name[64];
    bool key = auth_classify(&call->request->guid, call->request->name) != AUTH_CLASS_OTHER;

    if (key && status == EFI_SUCCESS) {
        log_limited(&call->service->limit, LOG_LEVEL_INFO,
                    "%s was written; %s mode, Secure Boot %s",
                    efi_name_format(name, sizeof(name), call->request->name),
                    auth_setup_mode(call->service->store) ? "setup" : "user",
                    service_secure_boot(call->service) ? "on" : "off");
    } else if (status == EFI_SECURITY_VIOLATION) {
        log_limited(&call->service->limit, LOG_LEVEL_WARNING, "a write to %s was refused: %s",
                    efi_name_format(name, sizeof(name), call->request->name),
                    auth_reason_text(reason));
    }
}

/* 9. UEFI 2.10, 8.2.2. */
static efi_status apply_decision(const struct call *call, const struct auth_decision *decision)
{
    struct variable variable = call_variable(call, decision->payload);

    switch (decision->action) {
    case AUTH_PUT:
        variable.time = decision->time;
        memcpy(variable.owner, decision->owner, OWNER_SIZE);
        return put(call, &variable);
    case AUTH_DELETE:
        return delete_variable(call);
    case AUTH_KEEP:
        return call->existing != NULL ? EFI_SUCCESS : EFI_NOT_FOUND;
    default:
        return decision->status;
    }
}

static efi_status write_authenticated(const struct call *call)
{
    struct auth_decision decision;
    const struct service *service = call->service;

    auth_decide(&decision, service->store, service->config.enforce, service->verifier,
                call->request);
    efi_status status = apply_decision(call, &decision);
    auth_decision_free(&decision);
    log_key_write(call, status, decision.reason);
    return status;
}

/* The order of checks after MOR (3), which has rules of its own. */
static efi_status (*const checks[])(const struct call *call) = {
    check_runtime,        check_read_only,       check_physical_presence,
    check_key_attributes, check_same_attributes,
};

efi_status set_variable(struct service *service, const struct request *request)
{
    struct call call = {.service = service, .request = request};
    efi_status status = check_name(&call);

    if (status == EFI_SUCCESS) {
        status = check_attributes(&call);
    }
    if (status == EFI_SUCCESS && mor_owns(&request->guid, request->name)) {
        return mor_set(service, request);
    }
    struct variable_view view;
    call.existing = service_get(service, &view, &request->guid, request->name);
    for (size_t i = 0; status == EFI_SUCCESS && i < sizeof(checks) / sizeof(checks[0]); i++) {
        status = checks[i](&call);
    }
    if (status != EFI_SUCCESS) {
        return status;
    }
    bool authenticated = (request->attributes & AUTHENTICATED) != 0 && !without_access(&call);
    return authenticated ? write_authenticated(&call) : write_ordinary(&call);
}
