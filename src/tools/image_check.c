// SPDX-License-Identifier: BSD-2-Clause
#include "tools/image_check.h"

#include "crypto/certificate.h"

struct run {
    const struct pe_image *image;
    struct span db, dbx;
    struct primitives *primitives;
};

bool image_finding_allows(enum image_finding finding)
{
    return finding == IMAGE_ALLOWED_BY_CERTIFICATE || finding == IMAGE_ALLOWED_BY_HASH;
}

bool image_finding_forbids(enum image_finding finding)
{
    return finding >= IMAGE_FORBIDDEN_BY_CERTIFICATE;
}

/* Is this the entry that is looked for? */
typedef bool (*match)(const struct signature_entry *entry, const void *wanted);

static bool find(struct image_place *out, const char *database, struct span lists, match matches,
                 const void *wanted)
{
    struct signature_walk walk = signature_walk_of(lists);
    const uint8_t *list = NULL;

    *out = (struct image_place){.database = database};
    while (signature_walk_next(&walk, &out->entry)) {
        bool same = walk.list.whole.data == list;

        list = walk.list.whole.data;
        out->list += !same;
        out->number = same ? out->number + 1 : 1;
        if (matches(&out->entry, wanted)) {
            return true;
        }
    }
    *out = (struct image_place){0};
    return false;
}

/* The type of a hash goes by its length. */
static bool is_hash(const struct signature_entry *entry, const void *wanted)
{
    const struct span *hash = wanted;

    return !entry->type->certificate && span_equal(signature_entry_data(entry), *hash);
}

static bool leads_to(const struct signature_entry *entry, const void *wanted)
{
    return entry->type->certificate && authenticode_signed_by(wanted, signature_entry_data(entry));
}

struct digests {
    uint8_t bytes[DIGEST_COUNT][DIGEST_SIZE_MAX];
    size_t len[DIGEST_COUNT];
};

/* The digest of a tbsCertificate and a time of revocation. */
static bool is_digest(const struct signature_entry *entry, const void *wanted)
{
    const struct digests *digests = wanted;
    struct span data = signature_entry_data(entry);

    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        if (digests->len[i] > 0 && !entry->type->certificate &&
            data.len == digests->len[i] + EFI_TIME_SIZE &&
            memcmp(data.data, digests->bytes[i], digests->len[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Has dbx the digest of this certificate? */
static bool digest_forbidden(const struct run *run, struct span der, struct image_place *place)
{
    struct certificate certificate;
    struct digests digests = {0};

    if (!certificate_parse(&certificate, der)) {
        return false;
    }
    for (enum digest i = DIGEST_SHA256; i < DIGEST_COUNT; i++) {
        digests.len[i] =
            primitives_digest(run->primitives, i, digests.bytes[i], &certificate.tbs, 1);
    }
    return find(place, "dbx", run->dbx, is_digest, &digests);
}

static bool check_dbx_signers(const struct run *run, const struct authenticode *signature,
                              struct image_result *result)
{
    struct reader signers = reader_of(signature->signers);
    struct span der;

    while (authenticode_next_signer(signature, &signers, &der)) {
        if (digest_forbidden(run, der, &result->place)) {
            result->finding = IMAGE_FORBIDDEN_BY_DIGEST;
            return true;
        }
    }
    if (signature->signers.len == 0 || !reader_end(&signers)) {
        result->finding = IMAGE_FORBIDDEN_WITHOUT_SIGNER;
        return true;
    }
    return false;
}

static bool check_dbx(const struct run *run, const struct image_signature *signature,
                      struct image_result *result)
{
    if (run->dbx.len == 0) {
        return false;
    }
    if (signature->matches &&
        find(&result->place, "dbx", run->dbx, leads_to, &signature->authenticode)) {
        result->finding = IMAGE_FORBIDDEN_BY_CERTIFICATE;
        return true;
    }
    return check_dbx_signers(run, &signature->authenticode, result);
}

/* db may have several that the signature leads to; one that dbx has no digest of is enough. */
struct allowing {
    const struct run *run;
    const struct authenticode *signature;
};

static bool leads_to_allowed(const struct signature_entry *entry, const void *wanted)
{
    const struct allowing *allowing = wanted;
    struct image_place unused;

    return leads_to(entry, allowing->signature) &&
           !digest_forbidden(allowing->run, signature_entry_data(entry), &unused);
}

static void check_db(const struct run *run, const struct image_signature *signature,
                     struct image_result *result)
{
    const struct allowing allowing = {run, &signature->authenticode};

    if (signature->matches && find(&result->place, "db", run->db, leads_to_allowed, &allowing)) {
        result->finding = IMAGE_ALLOWED_BY_CERTIFICATE;
    }
}

static void check_hash(const struct run *run, struct span hash, struct image_result *result)
{
    struct image_place place;

    if (find(&place, "dbx", run->dbx, is_hash, &hash)) {
        result->finding = IMAGE_FORBIDDEN_BY_HASH;
        result->place = place;
    } else if (!image_finding_allows(result->finding) &&
               find(&place, "db", run->db, is_hash, &hash)) {
        result->finding = IMAGE_ALLOWED_BY_HASH;
        result->place = place;
    }
}

static size_t hash_image(const struct run *run, enum digest digest, uint8_t out[DIGEST_SIZE_MAX])
{
    return primitives_digest(run->primitives, digest, out, run->image->regions,
                             run->image->region_count);
}

static void check_signature(const struct run *run, struct span pkcs7,
                            struct image_signature *signature)
{
    struct image_result *result = &signature->result;
    uint8_t digest[DIGEST_SIZE_MAX];
    size_t len = 0;

    if (authenticode_parse(&signature->authenticode, pkcs7) &&
        signature->authenticode.digest != DIGEST_NONE) {
        len = hash_image(run, signature->authenticode.digest, digest);
    }
    if (len == 0) {
        result->finding = IMAGE_PASSED_OVER;
        return;
    }
    signature->matches = span_equal(signature->authenticode.image_digest, span_of(digest, len));
    if (!check_dbx(run, signature, result)) {
        check_db(run, signature, result);
        check_hash(run, span_of(digest, len), result);
    }
}

/* The first that forbids ends it; until then, the first that allows counts. */
static void fold(struct image_result *decided, const struct image_result *result)
{
    if (image_finding_forbids(decided->finding)) {
        return;
    }
    if (image_finding_forbids(result->finding) ||
        (image_finding_allows(result->finding) && !image_finding_allows(decided->finding))) {
        *decided = *result;
    }
}

static bool check_signatures(struct image_check *out, const struct run *run, struct err *err)
{
    struct reader table = reader_of(run->image->certificates);
    struct span pkcs7;
    bool damaged = false;

    while (pe_next_signature(&table, &pkcs7, &damaged)) {
        if (out->count == IMAGE_SIGNATURES_MAX) {
            return err_set(err, "the image has more than %u signatures", IMAGE_SIGNATURES_MAX);
        }
        struct image_signature *signature = &out->signatures[out->count++];
        signature->result.signature = out->count;
        check_signature(run, pkcs7, signature);
        fold(&out->result, &signature->result);
    }
    if (damaged) {
        fold(&out->result, &(struct image_result){.finding = IMAGE_FORBIDDEN_BY_DAMAGE});
    }
    return true;
}

static bool check_image(struct image_check *out, const struct run *run, struct err *err)
{
    size_t len = hash_image(run, DIGEST_SHA256, out->sha256);

    if (len == 0) {
        return err_set(err, "the image can't be hashed: libcrypto refuses SHA-256");
    }
    if (run->image->certificates.len == 0) {
        check_hash(run, span_of(out->sha256, len), &out->result);
        return true;
    }
    return check_signatures(out, run, err);
}

bool image_check_run(struct image_check *out, const struct pe_image *image, struct span db,
                     struct span dbx, struct err *err)
{
    const struct run run = {image, db, dbx, primitives_new()};

    *out = (struct image_check){0};
    if (run.primitives == NULL) {
        return err_set(err, "out of memory");
    }
    bool checked = check_image(out, &run, err);
    primitives_free(run.primitives);
    return checked;
}
