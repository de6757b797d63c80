// SPDX-License-Identifier: BSD-2-Clause
/* varstore explain: who signed an .auth file, would it be accepted now, and if not, why not. */
#include "tools/commands.h"
#include "tools/describe.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "auth/descriptor.h"
#include "auth/rules.h"
#include "auth/signature_list.h"
#include "base/cleanup.h"
#include "crypto/certificate.h"
#include "crypto/openssl_verifier.h"
#include "crypto/signed_data.h"

#include <strings.h>

/* The file's name says which variable it is for, as is the custom: KEK.auth, dbxupdate_x64.bin. */
static const char *guess_key(const char *path)
{
    static const char *const keys[] = {"PK", "KEK", "dbx", "dbt", "db"};
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strncasecmp(file, keys[i], strlen(keys[i])) == 0) {
            return keys[i];
        }
    }
    return NULL;
}

/* Which write a signature was made for: it covers the variable's name and the attributes. */
struct purpose {
    const char *key; /* NULL: not found; a signature may be for a variable that isn't a key */
    bool append;
};

static bool fits(struct verifier *verifier, const struct descriptor *descriptor, const char *key,
                 uint32_t attributes)
{
    const uint8_t attribute_bytes[4] = {(uint8_t)attributes};
    uint8_t owner[SHA256_SIZE];
    const struct guid *guid;
    struct span name;

    if (!document_key_name(key, &guid, &name)) {
        return false;
    }
    const struct span parts[] = {name, span_of(guid->bytes, GUID_SIZE),
                                 span_of(attribute_bytes, sizeof(attribute_bytes)),
                                 descriptor->time_bytes, descriptor->payload};
    const struct signed_message message = {descriptor->pkcs7, parts, 5};
    return verifier->ops->verify_owner(verifier, &message, owner);
}

static struct purpose purpose_of(const struct descriptor *descriptor)
{
    static const char *const keys[] = {"PK", "KEK", "db", "dbx", "dbt"};
    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    struct purpose purpose = {NULL, false};

    for (size_t i = 0; verifier != NULL && purpose.key == NULL && i < 2 * 5; i++) {
        bool append = i % 2 != 0;
        if (fits(verifier, descriptor, keys[i / 2],
                 AUTH_KEY_ATTRIBUTES | (append ? EFI_VARIABLE_APPEND_WRITE : 0))) {
            purpose = (struct purpose){keys[i / 2], append};
        }
    }
    verifier_free(verifier);
    return purpose;
}

static json_t *purpose_tree(const struct purpose *purpose)
{
    char text[32];

    if (purpose->key == NULL) {
        return json_null();
    }
    snprintf(text, sizeof(text), "%s, as %s", purpose->key,
             purpose->append ? "an append" : "a replacement");
    return json_string(text);
}

static json_t *signer_of(struct span pkcs7)
{
    struct signed_data data;
    struct certificate certificate;
    struct der_value value;

    if (pkcs7.len == 0) {
        return json_string("nobody: the signature is empty");
    }
    if (!signed_data_parse(&data, pkcs7)) {
        return json_string("the signature can't be read, or is of no kind that is accepted");
    }
    struct reader reader = reader_of(data.certificates);
    while (der_read_any(&reader, &value)) {
        if (certificate_parse(&certificate, value.whole) &&
            span_equal(certificate.serial, data.serial) &&
            span_equal(certificate.issuer, data.issuer)) {
            return describe_certificate(value.whole);
        }
    }
    return json_pack("{s:o, s:s}", "serial", tree_hex(data.serial, 0), "subject",
                     "(the file doesn't carry the certificate)");
}

static const char *who_may_sign(const struct request *request, bool setup)
{
    switch (rule_of(auth_classify(&request->guid, request->name))
                ->signer[setup ? RULE_MODE_SETUP : RULE_MODE_USER]) {
    case SIGNER_NOT_CHECKED:
        return "nobody has to sign it (setup mode)";
    case SIGNER_PAYLOAD:
        return "the certificate that it carries has to sign it";
    case SIGNER_PK:
        return "the PK has to sign it";
    case SIGNER_PK_OR_KEK:
        return "the PK or a certificate of KEK has to sign it";
    case SIGNER_OWNER:
        return "the owner, who signed the first write, has to sign it";
    default:
        return "nobody may write it";
    }
}

/* Would what is decided fit? The store is as it was afterwards. */
static bool fits_into(struct store *store, const struct request *request,
                      const struct auth_decision *decision)
{
    const struct variable variable = {.guid = request->guid,
                                      .name = request->name,
                                      .data = decision->payload,
                                      .attributes = AUTH_KEY_ATTRIBUTES};
    size_t mark = store_begin(store);
    bool fits = decision->action != AUTH_PUT ||
                (store_put(store, &variable) && store_check_quota(store, mark) == EFI_SUCCESS);

    store_abort(store, mark);
    return fits;
}

static const char *refusal(const struct store *store, const struct request *request,
                           enum auth_reason reason)
{
    return reason == AUTH_REASON_SIGNATURE ? who_may_sign(request, auth_setup_mode(store))
                                           : auth_reason_text(reason);
}

static json_t *refused(efi_status status, const char *because)
{
    return json_pack("{s:b, s:s, s:s}", "accepted", false, "status", efi_status_text(status),
                     "because", because);
}

/* As a replacement or as an append: the signature is for one of them. What the daemon decides by,
 * and tells in its log, decides here. */
static json_t *judge(struct store *store, struct request *request, uint32_t append)
{
    struct verifier *verifier = openssl_verifier_new(OPENSSL_VERIFIER_RSA);
    struct auth_decision decision = {0};
    json_t *judgement;

    if (verifier == NULL) {
        return refused(EFI_OUT_OF_RESOURCES, auth_reason_text(AUTH_REASON_MEMORY));
    }
    request->attributes = AUTH_KEY_ATTRIBUTES | append;
    auth_decide(&decision, store, true, verifier, request);
    if (decision.status != EFI_SUCCESS) {
        judgement = refused(decision.status, refusal(store, request, decision.reason));
    } else if (!fits_into(store, request, &decision)) {
        judgement = refused(EFI_OUT_OF_RESOURCES, "there is not enough room");
    } else {
        judgement = json_pack("{s:b}", "accepted", true);
    }
    auth_decision_free(&decision);
    verifier_free(verifier);
    return judgement;
}

static json_t *explain(struct store *store, const struct variable_name *name, struct span file,
                       const struct descriptor *descriptor, bool hex)
{
    char time[TIME_TEXT_SIZE];
    char text[256];
    struct purpose purpose = purpose_of(descriptor);
    struct request request = {
        .command = WIRE_SET_VARIABLE, .name = name->name, .guid = name->guid, .data = file};
    json_t *tree = json_pack("{s:o, s:s, s:o, s:o, s:s}", "variable",
                             tree_string(efi_name_format(text, sizeof(text), name->name)), "time",
                             time_format(time, &descriptor->time), "signer",
                             signer_of(descriptor->pkcs7), "signed_for", purpose_tree(&purpose),
                             "needed", who_may_sign(&request, auth_setup_mode(store)));

    json_object_set_new(tree, "as_replacement", judge(store, &request, 0));
    json_object_set_new(tree, "as_append", judge(store, &request, EFI_VARIABLE_APPEND_WRITE));
    json_t *content = describe_signatures(descriptor->payload, hex);
    json_object_set_new(tree, "content",
                        content != NULL ? content : tree_hex(descriptor->payload, hex ? 0 : 32));
    return tree;
}

static bool is_accepted(const json_t *tree)
{
    return json_is_true(json_object_get(json_object_get(tree, "as_replacement"), "accepted")) ||
           json_is_true(json_object_get(json_object_get(tree, "as_append"), "accepted"));
}

/* By the command line, by the signature, or by the file's name. */
static bool find_variable(struct variable_name *out, struct command_line *line, const char *path,
                          const struct descriptor *descriptor, const struct store *store,
                          struct err *err)
{
    const char *text = command_take(line);

    if (text == NULL) {
        text = purpose_of(descriptor).key;
    }
    if (text == NULL) {
        text = guess_key(path);
    }
    if (text == NULL) {
        return err_set(err, "for which variable is %s? Name it behind the file", path);
    }
    return variable_name_parse(out, text, store, err);
}

/* -1 with err set; otherwise whether it would be accepted. */
static int explain_file(struct command_line *line, struct store *store, struct err *err)
{
    const char *path = command_take(line);
    size_t len;
    auto_free uint8_t *file = tool_read_file(path, WIRE_DATA_MAX, &len, err);
    struct descriptor descriptor;
    struct variable_name name = {0};

    if (file == NULL) {
        return -1;
    }
    if (!descriptor_parse(&descriptor, span_of(file, len))) {
        err_set(err, "%s is not an .auth file (a time, a certificate header and a PKCS #7)", path);
        return -1;
    }
    if (!find_variable(&name, line, path, &descriptor, store, err)) {
        return -1;
    }
    auto_tree json_t *tree = explain(store, &name, span_of(file, len), &descriptor, line->hex);
    (line->json ? tree_print_json : tree_print_text)(tree);
    return is_accepted(tree);
}

static int run_explain(struct command_line *line, struct err *err)
{
    struct source source;
    int accepted = -1;

    if (source_open(&source, line, SOURCE_READ, err)) {
        accepted = explain_file(line, source.document.store, err);
    }
    source_close(&source);
    return accepted < 0 ? 2 : accepted > 0 ? 0 : EXIT_DIFFERENT;
}

const struct command COMMAND_EXPLAIN = {
    "explain",
    "[STORE] FILE.auth [VARIABLE]",
    "Who signed it, and would it be accepted? Exit code 1 if not",
    "VSsfjx",
    2,
    3,
    run_explain,
};
