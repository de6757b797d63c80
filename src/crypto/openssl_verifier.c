// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a signature is led back to a trusted certificate.
 *
 * The signer is named by issuer and serial number. Mostly it is a trusted certificate itself: that
 * is tried first, and costs one RSA operation. Else the certificates that the message carries are
 * searched breadth first from the signer upwards: for each one reached, is a trusted certificate
 * its issuer? And which of the carried ones not yet reached are? So whatever order and
 * cross-signatures a message has, each certificate is looked at once.
 *
 *     signer  ->  carried  ->  carried  ->  trusted
 *     depth 0     depth 1      depth 2
 *
 * "Issued by" means that the names match and the signature verifies, so nothing that is found this
 * way can be wrong, and what isn't found is refused.
 */
#include "crypto/openssl_verifier.h"

#include "crypto/certificate.h"
#include "crypto/primitives.h"
#include "crypto/signed_data.h"

#include <stdlib.h>

#define CARRIED_MAX 16u
#define CHECKS_MAX 32u
#define NOT_REACHED UINT32_MAX

struct openssl_verifier {
    struct verifier base;
    bool ecdsa;
    struct primitives *primitives;
};

/* A signed message, taken apart. */
struct message {
    struct openssl_verifier *verifier;
    struct signed_data signed_data;
    uint8_t hash[DIGEST_SIZE_MAX]; /* of what the signature is over */
    size_t hash_len;
    struct certificate carried[CARRIED_MAX];
    size_t carried_count;
    unsigned checks_left;
};

static bool key_allowed(const struct openssl_verifier *verifier, const struct public_key *key)
{
    return key->type == KEY_RSA || (verifier->ecdsa && public_key_is_ec(key));
}

static bool read_carried(struct message *message)
{
    struct reader reader = reader_of(message->signed_data.certificates);
    struct span der;

    while (!reader_end(&reader)) {
        if (message->carried_count == CARRIED_MAX || !der_read_whole(&reader, DER_SEQUENCE, &der) ||
            !certificate_parse(&message->carried[message->carried_count++], der)) {
            return false;
        }
    }
    return true;
}

/*
 * What the signature is over: the content, or (RFC 5652, 5.4) the signed attributes with the tag of
 * a SET, one of which is the content's digest.
 */
static bool hash_message(struct message *message, const struct signed_message *from)
{
    static const uint8_t set_tag = DER_SET;
    const struct signed_data *data = &message->signed_data;
    struct primitives *primitives = message->verifier->primitives;

    message->hash_len =
        primitives_digest(primitives, data->digest, message->hash, from->parts, from->part_count);
    if (message->hash_len == 0 || data->attributes.len == 0) {
        return message->hash_len > 0;
    }
    if (!span_equal(data->message_digest, span_of(message->hash, message->hash_len))) {
        return false;
    }
    struct span parts[] = {
        span_of(&set_tag, 1),
        span_of(data->attributes.data + 1, data->attributes.len - 1),
    };
    message->hash_len = primitives_digest(primitives, data->digest, message->hash, parts, 2);
    return message->hash_len > 0;
}

static bool message_open(struct message *message, struct verifier *verifier,
                         const struct signed_message *from)
{
    message->verifier = (struct openssl_verifier *)verifier;
    message->carried_count = 0;
    message->checks_left = CHECKS_MAX;
    return signed_data_parse(&message->signed_data, from->pkcs7) && read_carried(message) &&
           hash_message(message, from);
}

static bool check_signature(struct message *message, const struct public_key *key, bool ecdsa,
                            enum digest digest, struct span hash, struct span signature)
{
    if (!key_allowed(message->verifier, key) || public_key_is_ec(key) != ecdsa ||
        message->checks_left == 0) {
        return false;
    }
    message->checks_left--;
    return primitives_verify(message->verifier->primitives, key, digest, hash, signature);
}

static bool is_signer(const struct message *message, const struct certificate *certificate)
{
    return span_equal(certificate->serial, message->signed_data.serial) &&
           span_equal(certificate->issuer, message->signed_data.issuer);
}

static bool signed_by(struct message *message, const struct certificate *certificate)
{
    const struct signed_data *data = &message->signed_data;

    return is_signer(message, certificate) &&
           check_signature(message, &certificate->key, data->ecdsa, data->digest,
                           span_of(message->hash, message->hash_len), data->signature);
}

/* depth: how many certificates there are between the issuer and the signer. */
static bool issued_by(struct message *message, const struct certificate *certificate,
                      const struct certificate *issuer, uint32_t depth)
{
    const struct signature_algorithm *algorithm = &certificate->algorithm;
    uint8_t hash[DIGEST_SIZE_MAX];

    if (!span_equal(certificate->issuer, issuer->subject) || !issuer->may_issue ||
        depth > issuer->path_len_max || algorithm->digest == DIGEST_NONE) {
        return false;
    }
    size_t len = primitives_digest(message->verifier->primitives, algorithm->digest, hash,
                                   &certificate->tbs, 1);
    return len > 0 && check_signature(message, &issuer->key, algorithm->ecdsa, algorithm->digest,
                                      span_of(hash, len), certificate->signature);
}

/* The signer among the carried certificates whose key made the signature; NULL when there is none.
 */
static const struct certificate *find_carried_signer(struct message *message)
{
    for (size_t i = 0; i < message->carried_count; i++) {
        if (signed_by(message, &message->carried[i])) {
            return &message->carried[i];
        }
    }
    return NULL;
}

static bool signed_by_trusted(struct message *message, const struct span *trusted, size_t count)
{
    struct certificate certificate;

    for (size_t i = 0; i < count; i++) {
        if (certificate_parse(&certificate, trusted[i]) && signed_by(message, &certificate)) {
            return true;
        }
    }
    return false;
}

static bool issued_by_trusted(struct message *message, const struct certificate *certificate,
                              uint32_t depth, const struct span *trusted, size_t count)
{
    struct certificate issuer;

    for (size_t i = 0; i < count; i++) {
        if (certificate_parse(&issuer, trusted[i]) &&
            issued_by(message, certificate, &issuer, depth)) {
            return true;
        }
    }
    return false;
}

/* Carried certificates in the order in which the search reached them, and how far from the signer.
 */
struct search {
    size_t queue[CARRIED_MAX];
    size_t queued;
    uint32_t depth[CARRIED_MAX];
};

static void search_begin(struct search *search, size_t signer)
{
    for (size_t i = 0; i < CARRIED_MAX; i++) {
        search->depth[i] = NOT_REACHED;
    }
    search->depth[signer] = 0;
    search->queue[0] = signer;
    search->queued = 1;
}

/* Queues the carried certificates that issued the one at index `at` and weren't reached yet. */
static void search_issuers(struct search *search, struct message *message, size_t at)
{
    for (size_t i = 0; i < message->carried_count; i++) {
        if (search->depth[i] == NOT_REACHED && !message->carried[i].unknown_critical &&
            issued_by(message, &message->carried[at], &message->carried[i], search->depth[at])) {
            search->depth[i] = search->depth[at] + 1;
            search->queue[search->queued++] = i;
        }
    }
}

static bool leads_to_trusted(struct message *message, const struct certificate *signer,
                             const struct span *trusted, size_t count)
{
    struct search search;

    if (signer->unknown_critical) {
        return false;
    }
    search_begin(&search, (size_t)(signer - message->carried));
    for (size_t next = 0; next < search.queued; next++) {
        size_t at = search.queue[next];

        if (issued_by_trusted(message, &message->carried[at], search.depth[at], trusted, count)) {
            return true;
        }
        search_issuers(&search, message, at);
    }
    return false;
}

static bool verify_trusted(struct verifier *verifier, const struct signed_message *from,
                           const struct span *trusted, size_t trusted_count)
{
    struct message message;

    if (trusted_count == 0 || !message_open(&message, verifier, from)) {
        return false;
    }
    if (signed_by_trusted(&message, trusted, trusted_count)) {
        return true;
    }
    const struct certificate *signer = find_carried_signer(&message);
    return signer != NULL && leads_to_trusted(&message, signer, trusted, trusted_count);
}

static bool is_self_issued(const struct certificate *certificate)
{
    return span_equal(certificate->issuer, certificate->subject);
}

/* From the signer upwards as far as the carried certificates go. */
static const struct certificate *find_top_level(struct message *message,
                                                const struct certificate *signer)
{
    const struct certificate *top = signer;

    for (uint32_t depth = 0; depth < CARRIED_MAX && !is_self_issued(top); depth++) {
        const struct certificate *issuer = NULL;

        for (size_t i = 0; issuer == NULL && i < message->carried_count; i++) {
            if (issued_by(message, top, &message->carried[i], depth)) {
                issuer = &message->carried[i];
            }
        }
        if (issuer == NULL) {
            break;
        }
        top = issuer;
    }
    return top;
}

static bool verify_owner(struct verifier *verifier, const struct signed_message *from,
                         uint8_t owner[SHA256_SIZE])
{
    struct message message;
    uint8_t name[COMMON_NAME_MAX];
    uint8_t digest[DIGEST_SIZE_MAX];

    const struct certificate *signer =
        message_open(&message, verifier, from) ? find_carried_signer(&message) : NULL;
    if (signer == NULL) {
        return false;
    }
    size_t name_len = certificate_common_name(signer, name);
    if (name_len == 0) {
        return false;
    }
    struct span parts[] = {span_of(name, name_len), find_top_level(&message, signer)->tbs};
    if (primitives_digest(message.verifier->primitives, DIGEST_SHA256, digest, parts, 2) !=
        SHA256_SIZE) {
        return false;
    }
    memcpy(owner, digest, SHA256_SIZE);
    return true;
}

static bool check_certificate(struct verifier *base, struct span der)
{
    const struct openssl_verifier *verifier = (const struct openssl_verifier *)base;
    struct certificate certificate;

    return certificate_parse(&certificate, der) && key_allowed(verifier, &certificate.key);
}

static void verifier_destroy(struct verifier *base)
{
    struct openssl_verifier *verifier = (struct openssl_verifier *)base;

    primitives_free(verifier->primitives);
    free(verifier);
}

static const struct verifier_ops ops = {
    .verify_trusted = verify_trusted,
    .verify_owner = verify_owner,
    .check_certificate = check_certificate,
    .free = verifier_destroy,
};

struct verifier *openssl_verifier_new(enum openssl_verifier_keys keys)
{
    struct openssl_verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier == NULL) {
        return NULL;
    }
    verifier->base.ops = &ops;
    verifier->ecdsa = keys == OPENSSL_VERIFIER_RSA_AND_ECDSA;
    verifier->primitives = primitives_new();
    if (verifier->primitives == NULL) {
        free(verifier);
        return NULL;
    }
    return &verifier->base;
}
