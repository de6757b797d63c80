// SPDX-License-Identifier: BSD-2-Clause
/*
 * varstore verify: would a VM with these variables start this image? In the order in which the
 * firmware asks (UEFI 2.10, 32.5.3.3, as edk2 does it):
 *
 * - an image without signatures starts when its SHA-256 is in db and not in dbx;
 * - otherwise, signature by signature: one that leads to a certificate of dbx, or whose chain has a
 *   certificate that dbx has the digest of, ends it, as does the image's hash in dbx; one that
 * leads to a certificate of db is enough, as is the hash in db.
 */
#include "tools/commands.h"
#include "tools/describe.h"
#include "tools/pe.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "auth/signature_list.h"
#include "base/cleanup.h"
#include "crypto/authenticode.h"
#include "crypto/certificate.h"
#include "crypto/primitives.h"
#include "crypto/x509_info.h"

#define IMAGE_MAX (256u << 20)

struct check {
    struct pe_image image;
    struct primitives *primitives;
    struct span db, dbx;
    uint8_t digest[DIGEST_SIZE_MAX]; /* the image's, by the algorithm of the signature */
    size_t digest_len;
    bool allowed, forbidden;
    char reason[512];
};

static void decide(struct check *check, bool allowed, const char *database, const char *what)
{
    if (allowed && !check->allowed) {
        check->allowed = true;
        snprintf(check->reason, sizeof(check->reason), "%s has %s", database, what);
    }
    if (!allowed) {
        check->forbidden = true;
        snprintf(check->reason, sizeof(check->reason), "%s has %s", database, what);
    }
}

static bool hash_image(struct check *check, enum digest digest)
{
    check->digest_len = primitives_digest(check->primitives, digest, check->digest,
                                          check->image.regions, check->image.region_count);
    return check->digest_len > 0;
}

/* Is the image's hash an entry? A hash's type goes by its length. */
static bool has_hash(const struct check *check, struct span database)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;
    struct span digest = span_of(check->digest, check->digest_len);

    while (signature_walk_next(&walk, &entry)) {
        if (entry.type->data_size == check->digest_len &&
            span_equal(signature_entry_data(&entry), digest)) {
            return true;
        }
    }
    return false;
}

static void check_hash(struct check *check)
{
    if (has_hash(check, check->dbx)) {
        decide(check, false, "dbx", "the image's hash");
    } else if (!check->forbidden && has_hash(check, check->db)) {
        decide(check, true, "db", "the image's hash");
    }
}

/* The certificate of a database that the signature leads to. */
static bool find_signer(const struct authenticode *signature, struct span database,
                        struct span *certificate)
{
    struct signature_walk walk = signature_walk_of(database);
    struct signature_entry entry;

    while (signature_walk_next(&walk, &entry)) {
        *certificate = signature_entry_data(&entry);
        if (entry.type->certificate && authenticode_signed_by(signature, *certificate)) {
            return true;
        }
    }
    return false;
}

/* Has dbx the digest of this certificate's tbsCertificate, revoked at any time? */
static bool is_revoked(const struct check *check, struct span der)
{
    static const enum digest digests[] = {DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512};
    struct certificate certificate;
    uint8_t digest[DIGEST_SIZE_MAX];

    if (!certificate_parse(&certificate, der)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        size_t len = primitives_digest(check->primitives, digests[i], digest, &certificate.tbs, 1);
        struct signature_walk walk = signature_walk_of(check->dbx);
        struct signature_entry entry;

        while (signature_walk_next(&walk, &entry)) {
            if (entry.type->data_size == len + EFI_TIME_SIZE && !entry.type->certificate &&
                memcmp(signature_entry_data(&entry).data, digest, len) == 0) {
                return true;
            }
        }
    }
    return false;
}

static char *certificate_text(char text[400], struct span der)
{
    struct x509_info info;

    snprintf(text, 400, "a certificate");
    if (x509_info_read(&info, der)) {
        snprintf(text, 400, "the certificate '%.128s' (serial %.80s)",
                 info.common_name[0] != '\0' ? info.common_name : info.subject, info.serial);
    }
    return text;
}

static void check_chain(struct check *check, const struct authenticode *signature)
{
    struct reader reader = reader_of(signature->certificates);
    struct span der;
    char text[400];
    char reason[450];

    if (find_signer(signature, check->dbx, &der)) {
        decide(check, false, "dbx", certificate_text(text, der));
        return;
    }
    while (authenticode_next_certificate(&reader, &der)) {
        if (is_revoked(check, der)) {
            snprintf(reason, sizeof(reason), "the digest of %s", certificate_text(text, der));
            decide(check, false, "dbx", reason);
            return;
        }
    }
    if (find_signer(signature, check->db, &der) && !is_revoked(check, der)) {
        decide(check, true, "db", certificate_text(text, der));
    }
}

static json_t *signature_tree(const struct authenticode *signature, bool matches)
{
    struct reader reader = reader_of(signature->certificates);
    json_t *list = json_array();
    struct span der;

    while (authenticode_next_certificate(&reader, &der)) {
        json_array_append_new(list, describe_certificate(der));
    }
    return json_pack("{s:b, s:o}", "matches_image", matches, "certificates", list);
}

/* One that can't be read, or of an algorithm that firmware has not got, is passed over. */
static void check_signature(struct check *check, struct span pkcs7, json_t *signatures)
{
    struct authenticode signature;

    if (!authenticode_parse(&signature, pkcs7) || signature.digest == DIGEST_NONE ||
        !hash_image(check, signature.digest)) {
        return;
    }
    bool matches = span_equal(signature.image_digest, span_of(check->digest, check->digest_len));
    json_array_append_new(signatures, signature_tree(&signature, matches));
    if (matches) {
        check_chain(check, &signature);
    }
    if (!check->forbidden) {
        check_hash(check);
    }
}

static void check_image(struct check *check, json_t *signatures)
{
    struct reader table = reader_of(check->image.certificates);
    struct span pkcs7;
    bool malformed = false;

    if (check->image.certificates.len == 0) {
        if (hash_image(check, DIGEST_SHA256)) {
            check_hash(check);
        }
        return;
    }
    while (!check->forbidden && pe_next_signature(&table, &pkcs7, &malformed)) {
        check_signature(check, pkcs7, signatures);
    }
    if (malformed) {
        decide(check, false, "the image", "a damaged certificate table");
    }
}

static json_t *result_tree(struct check *check, const char *path, const struct document *document,
                           json_t *signatures)
{
    bool starts = check->allowed && !check->forbidden;
    bool setup = auth_setup_mode(document->store);

    if (check->reason[0] == '\0') {
        snprintf(check->reason, sizeof(check->reason), "%s",
                 check->image.certificates.len > 0
                     ? "no signature leads to a certificate of db, and db has not the image's hash"
                     : "the image is not signed, and db has not its hash");
    }
    json_t *tree = json_pack("{s:o, s:b, s:s, s:s}", "image", tree_string(path), "starts", starts,
                             "reason", check->reason, "mode", setup ? "setup" : "user");
    if (setup) {
        json_object_set_new(tree, "note",
                            json_string("there is no PK, so the VM starts anything as it is"));
    }
    if (hash_image(check, DIGEST_SHA256)) {
        json_object_set_new(tree, "sha256", tree_hex(span_of(check->digest, check->digest_len), 0));
    }
    json_object_set_new(tree, "signatures", signatures);
    return tree;
}

static struct span key_data(const struct document *document, const char *key)
{
    const struct variable *variable = document_key(document, key);

    return variable != NULL ? variable->data : span_of(NULL, 0);
}

/* -1 with err set; otherwise whether the image starts. */
static int verify_file(const struct command_line *line, const struct document *document,
                       const char *path, struct err *err)
{
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(path, IMAGE_MAX, &len, err);
    struct check check = {.db = key_data(document, "db"), .dbx = key_data(document, "dbx")};
    json_t *signatures = json_array();

    if (bytes == NULL || !pe_parse(&check.image, span_of(bytes, len), err)) {
        json_decref(signatures);
        return bytes == NULL ? -1 : (err_context(err, "%s", path), -1);
    }
    check.primitives = primitives_new();
    check_image(&check, signatures);
    auto_tree json_t *tree = result_tree(&check, path, document, signatures);
    if (line->json) {
        tree_print_json(tree);
    } else if (!line->quiet) {
        tree_print_text(tree);
    }
    primitives_free(check.primitives);
    return check.allowed && !check.forbidden;
}

static int run_verify(struct command_line *line, struct err *err)
{
    struct source source;
    int starts = -1;

    if (source_open(&source, line, SOURCE_READ, err)) {
        starts = verify_file(line, &source.document, command_take(line), err);
    }
    source_close(&source);
    return starts < 0 ? 2 : starts > 0 ? 0 : EXIT_DIFFERENT;
}

const struct command COMMAND_VERIFY = {
    "verify", "[STORE] IMAGE", "Would the VM start this image? Exit code 1 if not", "VSsfjq", 2,
    2,        run_verify,
};
