// SPDX-License-Identifier: BSD-2-Clause
#include "auth/auth.h"

#include "auth/descriptor.h"
#include "auth/merge.h"
#include "auth/rules.h"
#include "auth/signature_list.h"
#include "base/cleanup.h"

/* A write on its way through the checks. */
struct write {
    const struct store *store;
    struct verifier *verifier;
    const struct request *request;
    const struct rule *rule;
    enum rule_signer signer;
    const struct variable *existing; /* NULL: there is none */
    struct descriptor descriptor;
    uint8_t owner[OWNER_SIZE];
};

bool auth_setup_mode(const struct store *store)
{
    return store_get(store, &EFI_GLOBAL_VARIABLE, EFI_NAME("PK")) == NULL;
}

static enum rule_mode mode_of(const struct store *store, bool enforce)
{
    if (!enforce) {
        return RULE_MODE_PERMISSIVE;
    }
    return auth_setup_mode(store) ? RULE_MODE_SETUP : RULE_MODE_USER;
}

static bool is_append(const struct write *write)
{
    return (write->request->attributes & EFI_VARIABLE_APPEND_WRITE) != 0;
}

/* UEFI 2.10, 32.5.1: there is one PK. */
static efi_status check_append(struct write *write)
{
    return is_append(write) && write->rule->append == APPEND_FORBIDDEN ? EFI_INVALID_PARAMETER
                                                                       : EFI_SUCCESS;
}

/* An ordinary variable doesn't become an authenticated one (the service has checked that). */
static efi_status check_existing(struct write *write)
{
    const uint32_t authenticated = EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS;

    if (write->existing != NULL && (write->existing->attributes & authenticated) == 0) {
        return EFI_INVALID_PARAMETER;
    }
    return EFI_SUCCESS;
}

/* UEFI 2.10, 8.2.2, steps 1 and 2. */
static efi_status check_descriptor(struct write *write)
{
    return descriptor_parse(&write->descriptor, write->request->data) ? EFI_SUCCESS
                                                                      : EFI_SECURITY_VIOLATION;
}

static bool certificates_of_list_valid(const struct write *write, const struct signature_list *list)
{
    struct reader entries = reader_of(list->entries);
    struct span entry;

    while (reader_span(&entries, &entry, list->entry_size)) {
        if (!write->verifier->ops->check_certificate(write->verifier, signature_data(entry))) {
            return false;
        }
    }
    return true;
}

/* UEFI 2.10, 32.4.1.1: lists to the end, and certificates where certificates are said to be. */
static bool is_database(const struct write *write, struct span payload)
{
    struct reader reader = reader_of(payload);
    struct signature_list list;

    while (signature_list_read(&reader, &list)) {
        if (list.type->certificate && !certificates_of_list_valid(write, &list)) {
            return false;
        }
    }
    return reader_end(&reader);
}

static bool is_one_certificate(struct span payload)
{
    struct signature_walk walk = signature_walk_of(payload);
    struct signature_entry entry;

    return signature_database_count(payload) == 1 && signature_walk_next(&walk, &entry) &&
           entry.type->certificate;
}

static efi_status check_format(struct write *write)
{
    struct span payload = write->descriptor.payload;

    if (payload.len == 0 || write->rule->format == FORMAT_ANYTHING) {
        return EFI_SUCCESS;
    }
    if (!is_database(write, payload)) {
        return EFI_INVALID_PARAMETER;
    }
    if (write->rule->format == FORMAT_ONE_CERTIFICATE && !is_one_certificate(payload)) {
        return EFI_INVALID_PARAMETER;
    }
    return EFI_SUCCESS;
}

/* UEFI 2.10, 8.2.2, step 2: later than what is stored, unless it is an append. */
static efi_status check_time(struct write *write)
{
    if (write->signer == SIGNER_NOT_CHECKED || write->existing == NULL || is_append(write)) {
        return EFI_SUCCESS;
    }
    return efi_time_compare(&write->descriptor.time, &write->existing->time) > 0
               ? EFI_SUCCESS
               : EFI_SECURITY_VIOLATION;
}

/* The certificates that may have signed. */
struct trusted {
    struct span *certificates;
    size_t count;
};

/* False without memory. A database that isn't well-formed has no certificates. */
static bool trust(struct trusted *trusted, struct span database)
{
    size_t more = signature_database_count(database);
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;

    if (more == 0 || more == SIZE_MAX) {
        return true;
    }
    struct span *larger =
        realloc(trusted->certificates, (trusted->count + more) * sizeof(struct span));
    if (larger == NULL) {
        return false;
    }
    trusted->certificates = larger;
    while (signature_walk_next(&walk, &entry)) {
        if (entry.type->certificate) {
            trusted->certificates[trusted->count++] = signature_entry_data(&entry);
        }
    }
    return true;
}

static bool trust_variable(struct trusted *trusted, const struct store *store, struct span name)
{
    const struct variable *variable = store_get(store, &EFI_GLOBAL_VARIABLE, name);

    return variable == NULL || trust(trusted, variable->data);
}

static bool trust_signer(struct trusted *trusted, const struct write *write)
{
    switch (write->signer) {
    case SIGNER_PAYLOAD:
        return trust(trusted, write->descriptor.payload);
    case SIGNER_PK:
        return trust_variable(trusted, write->store, EFI_NAME("PK"));
    case SIGNER_PK_OR_KEK:
        return trust_variable(trusted, write->store, EFI_NAME("PK")) &&
               trust_variable(trusted, write->store, EFI_NAME("KEK"));
    default:
        return true; /* no one */
    }
}

static efi_status check_trusted(const struct write *write, const struct signed_message *message)
{
    struct trusted trusted = {0};
    efi_status status = EFI_OUT_OF_RESOURCES;

    if (trust_signer(&trusted, write)) {
        bool valid = write->verifier->ops->verify_trusted(write->verifier, message,
                                                          trusted.certificates, trusted.count);
        status = valid ? EFI_SUCCESS : EFI_SECURITY_VIOLATION;
    }
    free(trusted.certificates);
    return status;
}

/* A variable whose owner's digest was lost has none: it takes one anew. */
static bool has_owner(const struct variable *variable)
{
    static const uint8_t nobody[OWNER_SIZE];

    return variable != NULL && memcmp(variable->owner, nobody, OWNER_SIZE) != 0;
}

/* Permissive mode lets anybody write a private variable, but doesn't give it to them. */
static efi_status check_owner(struct write *write, const struct signed_message *message)
{
    if (!write->verifier->ops->verify_owner(write->verifier, message, write->owner)) {
        return EFI_SECURITY_VIOLATION;
    }
    if (!has_owner(write->existing)) {
        return EFI_SUCCESS;
    }
    bool same = memcmp(write->owner, write->existing->owner, OWNER_SIZE) == 0;
    if (!same && write->signer != SIGNER_ANYBODY) {
        return EFI_SECURITY_VIOLATION;
    }
    memcpy(write->owner, write->existing->owner, OWNER_SIZE);
    return EFI_SUCCESS;
}

/* UEFI 2.10, 8.2.2, step 3. The attributes are the call's, with APPEND_WRITE where it has it. */
static efi_status check_signature(struct write *write)
{
    const struct request *request = write->request;
    uint8_t attributes[4];

    if (write->signer == SIGNER_NOT_CHECKED) {
        return EFI_SUCCESS;
    }
    for (unsigned i = 0; i < sizeof(attributes); i++) {
        attributes[i] = (uint8_t)(request->attributes >> (8 * i));
    }
    const struct span parts[] = {
        request->name,
        span_of(request->guid.bytes, GUID_SIZE),
        span_of(attributes, sizeof(attributes)),
        write->descriptor.time_bytes,
        write->descriptor.payload,
    };
    const struct signed_message message = {
        .pkcs7 = write->descriptor.pkcs7,
        .parts = parts,
        .part_count = sizeof(parts) / sizeof(parts[0]),
    };
    if (write->signer == SIGNER_OWNER || write->signer == SIGNER_ANYBODY) {
        return check_owner(write, &message);
    }
    return check_trusted(write, &message);
}

struct check {
    efi_status (*run)(struct write *write);
    enum auth_reason reason; /* of a write that fails it */
};

static const struct check checks[] = {
    {check_append, AUTH_REASON_APPEND},
    {check_existing, AUTH_REASON_ORDINARY},
    {check_descriptor, AUTH_REASON_DESCRIPTOR},
    {check_format, AUTH_REASON_FORMAT},
    {check_time, AUTH_REASON_TIME},
    {check_signature, AUTH_REASON_SIGNATURE},
};

/* A new PK is verified before anything is said about its format. */
static const struct check checks_of_signed_pk[] = {
    {check_append, AUTH_REASON_APPEND},         {check_existing, AUTH_REASON_ORDINARY},
    {check_descriptor, AUTH_REASON_DESCRIPTOR}, {check_time, AUTH_REASON_TIME},
    {check_signature, AUTH_REASON_SIGNATURE},   {check_format, AUTH_REASON_FORMAT},
};

_Static_assert(sizeof(checks) == sizeof(checks_of_signed_pk), "the same checks, in another order");

static efi_status run_checks(struct write *write, enum auth_reason *reason)
{
    bool signed_pk = write->rule == rule_of(AUTH_CLASS_PK) && write->signer == SIGNER_PK;
    const struct check *order = signed_pk ? checks_of_signed_pk : checks;
    efi_status status = EFI_SUCCESS;

    for (size_t i = 0; status == EFI_SUCCESS && i < sizeof(checks) / sizeof(checks[0]); i++) {
        status = order[i].run(write);
        *reason = order[i].reason;
    }
    return status;
}

const char *auth_reason_text(enum auth_reason reason)
{
    static const char *const texts[] = {
        [AUTH_REASON_NONE] = "nothing is wrong with it",
        [AUTH_REASON_APPEND] = "this variable can't be appended to",
        [AUTH_REASON_ORDINARY] = "the variable that is there is not an authenticated one",
        [AUTH_REASON_DESCRIPTOR] = "it is no well-formed .auth file",
        [AUTH_REASON_FORMAT] = "its content is not what this variable holds",
        [AUTH_REASON_TIME] = "its time is not later than that of what is there",
        [AUTH_REASON_SIGNATURE] = "it is not signed by who has to sign it, or not for this",
        [AUTH_REASON_STORED] = "what is there is damaged: nothing can be appended to it",
        [AUTH_REASON_MEMORY] = "out of memory",
    };

    return texts[reason];
}

static efi_status join(struct merged *out, struct span old, struct span new)
{
    uint8_t *joined = malloc(old.len + new.len);

    if (joined == NULL) {
        return EFI_OUT_OF_RESOURCES;
    }
    memcpy(joined, old.data, old.len);
    memcpy(joined + old.len, new.data, new.len);
    *out = (struct merged){.database = span_of(joined, old.len + new.len), .owned = joined};
    return EFI_SUCCESS;
}

/* UEFI 2.10, 8.2.3: an append never takes the time back. */
static struct efi_time later_time(const struct write *write)
{
    const struct efi_time *new = &write->descriptor.time;

    if (write->existing != NULL && efi_time_compare(&write->existing->time, new) >= 0) {
        return write->existing->time;
    }
    return *new;
}

static efi_status decide_append(struct auth_decision *out, const struct write *write)
{
    struct span new = write->descriptor.payload;
    struct span old = write->existing != NULL ? write->existing->data : span_of(NULL, 0);
    struct merged merged = {.database = old};
    efi_status status = EFI_SUCCESS;

    if (new.len == 0) {
        out->action = AUTH_KEEP;
        return EFI_SUCCESS;
    }
    if (write->rule->append == APPEND_MERGED) {
        status = merge_append(&merged, old, new);
    } else if (old.len == 0) {
        merged.database = new;
    } else {
        status = join(&merged, old, new);
    }
    if (status != EFI_SUCCESS) {
        return status;
    }
    out->action = AUTH_PUT;
    out->payload = merged.database;
    out->merged = merged.owned;
    out->time = later_time(write);
    return EFI_SUCCESS;
}

static efi_status decide_valid(struct auth_decision *out, const struct write *write)
{
    memcpy(out->owner, write->owner, OWNER_SIZE);
    if (is_append(write)) {
        return decide_append(out, write);
    }
    out->action = write->descriptor.payload.len == 0 ? AUTH_DELETE : AUTH_PUT;
    out->payload = write->descriptor.payload;
    out->time = write->descriptor.time;
    return EFI_SUCCESS;
}

void auth_decide(struct auth_decision *out, const struct store *store, bool enforce,
                 struct verifier *verifier, const struct request *request)
{
    const struct rule *rule = rule_of(auth_classify(&request->guid, request->name));
    struct write write = {
        .store = store,
        .verifier = verifier,
        .request = request,
        .rule = rule,
        .signer = rule->signer[mode_of(store, enforce)],
        .existing = store_get(store, &request->guid, request->name),
    };
    enum auth_reason reason;
    efi_status status = run_checks(&write, &reason);

    *out = (struct auth_decision){.action = AUTH_DENY};
    if (status == EFI_SUCCESS) {
        status = decide_valid(out, &write);
        reason = AUTH_REASON_STORED;
    }
    if (status != EFI_SUCCESS) {
        out->action = AUTH_DENY;
        out->reason = status == EFI_OUT_OF_RESOURCES ? AUTH_REASON_MEMORY : reason;
    }
    out->status = status;
}

void auth_decision_free(struct auth_decision *decision)
{
    free(decision->merged);
    decision->merged = NULL;
}
