// SPDX-License-Identifier: BSD-2-Clause
/* varstore verify: would a VM with these variables start this image, and what decides it? */
#include "tools/commands.h"
#include "tools/describe.h"
#include "tools/image_check.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "crypto/verifier.h"
#include "crypto/x509_info.h"

#define IMAGE_MAX (256u << 20)
#define REASON_SIZE 512
#define EXIT_TROUBLE 2

static void format_place(char *out, size_t size, const struct image_place *place)
{
    struct x509_info info;

    if (place->list == 0) {
        out[0] = '\0';
        return;
    }
    int used = snprintf(out, size, "entry %zu of list %zu of %s", place->number, place->list,
                        place->database);
    if (place->entry.type->certificate &&
        x509_info_read(&info, signature_entry_data(&place->entry))) {
        snprintf(out + used, size - (size_t)used, " (%.120s)",
                 info.common_name[0] != '\0' ? info.common_name : info.subject);
    }
}

static char *format_reason(char out[REASON_SIZE], const struct image_result *result, bool is_signed)
{
    static const char *const texts[] = {
        [IMAGE_PASSED_OVER] = "it can't be read, or its digest is not SHA-256, 384 or 512",
        [IMAGE_ALLOWED_BY_CERTIFICATE] = "it leads to a certificate of db",
        [IMAGE_ALLOWED_BY_HASH] = "the image's hash is in db",
        [IMAGE_FORBIDDEN_BY_CERTIFICATE] = "it leads to a certificate of dbx",
        [IMAGE_FORBIDDEN_BY_DIGEST] = "dbx has the digest of the signer's certificate",
        [IMAGE_FORBIDDEN_WITHOUT_SIGNER] = "it doesn't carry its signer's certificate",
        [IMAGE_FORBIDDEN_BY_HASH] = "the image's hash is in dbx",
        [IMAGE_FORBIDDEN_BY_DAMAGE] = "the image's table of signatures is damaged",
    };
    char place[REASON_SIZE / 2];
    char which[48] = "";

    if (result->finding == IMAGE_NOT_FOUND) {
        snprintf(out, REASON_SIZE, "%s",
                 is_signed ? "no signature leads to a certificate of db, nor is the hash there"
                           : "the image is not signed, and its hash is not in db");
        return out;
    }
    if (result->signature > 0) {
        snprintf(which, sizeof(which), "signature %zu: ", result->signature);
    }
    format_place(place, sizeof(place), &result->place);
    snprintf(out, REASON_SIZE, "%s%s%s%.250s", which, texts[result->finding],
             place[0] != '\0' ? ": " : "", place);
    return out;
}

static const char *verdict_of(enum image_finding finding)
{
    if (finding == IMAGE_PASSED_OVER) {
        return "passed over";
    }
    if (finding == IMAGE_NOT_FOUND) {
        return "not found";
    }
    return image_finding_allows(finding) ? "allowed" : "forbidden";
}

static json_t *place_tree(const struct image_place *place)
{
    struct guid owner;
    char text[GUID_TEXT_SIZE];

    if (place->list == 0) {
        return json_null();
    }
    struct span data = signature_entry_data(&place->entry);
    memcpy(owner.bytes, place->entry.whole.data, GUID_SIZE);
    const char *known = guid_known_name(&owner);
    json_t *tree = json_pack("{s:s, s:I, s:I, s:s, s:s}", "database", place->database, "list",
                             (json_int_t)place->list, "entry", (json_int_t)place->number, "type",
                             describe_signature_type(place->entry.type), "owner",
                             known != NULL ? known : guid_format(text, &owner));
    if (place->entry.type->certificate) {
        json_object_set_new(tree, "certificate", describe_certificate(data));
    } else {
        json_object_set_new(tree, "data", tree_hex(data, 0));
    }
    return tree;
}

static json_t *signature_tree(const struct image_signature *signature)
{
    struct reader signers = reader_of(signature->authenticode.signers);
    char reason[REASON_SIZE];
    struct span der;
    json_t *tree = json_pack("{s:s, s:b}", "verdict", verdict_of(signature->result.finding),
                             "matches_image", signature->matches);

    if (signature->result.finding != IMAGE_NOT_FOUND) {
        json_object_set_new(tree, "because",
                            tree_string(format_reason(reason, &signature->result, true)));
    }
    if (signature->result.finding != IMAGE_PASSED_OVER &&
        authenticode_next_signer(&signature->authenticode, &signers, &der)) {
        json_object_set_new(tree, "signer", describe_certificate(der));
    }
    return tree;
}

/* Without a PK there is no Secure Boot, and everything starts. */
static json_t *result_tree(const struct image_check *check, const char *path, bool setup)
{
    bool allowed = image_finding_allows(check->result.finding);
    json_t *signatures = json_array();
    char reason[REASON_SIZE];

    for (size_t i = 0; i < check->count; i++) {
        json_array_append_new(signatures, signature_tree(&check->signatures[i]));
    }
    json_t *tree = json_pack("{s:o, s:b, s:b, s:o, s:s, s:o, s:o}", "image", tree_string(path),
                             "starts", allowed || setup, "allowed", allowed, "because",
                             tree_string(format_reason(reason, &check->result, check->count > 0)),
                             "mode", setup ? "setup" : "user", "sha256",
                             tree_hex(span_of(check->sha256, SHA256_SIZE), 0), "decided_by",
                             place_tree(&check->result.place));
    if (setup) {
        json_object_set_new(
            tree, "note", json_string("there is no PK: Secure Boot is off, and any image starts"));
    }
    json_object_set_new(tree, "signatures", signatures);
    return tree;
}

/* A malformed one would be read differently by different firmware. */
static bool get_database(struct span *out, const struct document *document, const char *name,
                         struct err *err)
{
    const struct variable *variable = document_key(document, name);

    *out = variable != NULL ? variable->data : span_of(NULL, 0);
    return signature_database_count(*out) != SIZE_MAX ||
           err_set(err, "the store's %s is not well-formed signature lists", name);
}

static bool check_bytes(struct image_check *out, const struct document *document, struct span bytes,
                        struct err *err)
{
    struct pe_image image;
    struct span db;
    struct span dbx;

    return pe_parse(&image, bytes, err) && get_database(&db, document, "db", err) &&
           get_database(&dbx, document, "dbx", err) && image_check_run(out, &image, db, dbx, err);
}

static int verify(const struct command_line *line, const struct document *document,
                  const char *path, struct err *err)
{
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(path, IMAGE_MAX, &len, err);
    auto_free struct image_check *check = malloc(sizeof(*check));

    if (bytes == NULL || check == NULL) {
        return EXIT_TROUBLE;
    }
    if (!check_bytes(check, document, span_of(bytes, len), err)) {
        err_context(err, "%s", path);
        return EXIT_TROUBLE;
    }
    auto_tree json_t *tree = result_tree(check, path, auth_setup_mode(document->store));
    if (line->json) {
        tree_print_json(tree);
    } else if (!line->quiet) {
        tree_print_text(tree);
    }
    return json_is_true(json_object_get(tree, "starts")) ? 0 : EXIT_DIFFERENT;
}

static int run_verify(struct command_line *line, struct err *err)
{
    struct source source;
    int code = EXIT_TROUBLE;

    if (source_open(&source, line, SOURCE_READ, err)) {
        code = verify(line, &source.document, command_take(line), err);
    }
    source_close(&source);
    return code;
}

const struct command COMMAND_VERIFY = {
    "verify", "[STORE] IMAGE", "Would the VM start this image? Exit code 1 if not", "VSsfjq", 2,
    2,        run_verify,
};
