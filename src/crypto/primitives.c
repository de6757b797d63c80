// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcrypto's default library context is used, not one of our own: that would cost 10 KiB more and
 * gain nothing, since the daemon is libcrypto's only user in the process. OPENSSL_init_crypto comes
 * first and says that no configuration file is to be read: there is none in the chroot.
 */
#include "crypto/primitives.h"

#include "base/cleanup.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
#define auto_pkey_ctx __attribute__((cleanup(cleanup_EVP_PKEY_CTX)))
#define auto_pkey __attribute__((cleanup(cleanup_EVP_PKEY)))

#define RSA_SIZE_MAX 512u /* bytes of a modulus: 4096 bits */

/* A key that has been decoded, ready to verify. */
struct cached_key {
    enum key_type type; /* KEY_UNKNOWN: the slot is free */
    uint8_t *encoded;
    size_t encoded_len;
    EVP_PKEY_CTX *context;
    enum digest digest; /* that context is set to */
    uint64_t last_used; /* by the clock of struct primitives, which counts uses */
};

struct primitives {
    bool initialised;
    EVP_MD *digests[DIGEST_COUNT];
    EVP_MD_CTX *digest_context;
    struct cached_key keys[KEY_CACHE_SIZE];
    uint64_t clock;
};

struct primitives *primitives_new(void)
{
    return calloc(1, sizeof(struct primitives));
}

static void key_drop(struct cached_key *key)
{
    EVP_PKEY_CTX_free(key->context);
    free(key->encoded);
    *key = (struct cached_key){.type = KEY_UNKNOWN};
}

void primitives_free(struct primitives *primitives)
{
    if (primitives == NULL) {
        return;
    }
    for (size_t i = 0; i < KEY_CACHE_SIZE; i++) {
        key_drop(&primitives->keys[i]);
    }
    for (size_t i = 0; i < DIGEST_COUNT; i++) {
        EVP_MD_free(primitives->digests[i]);
    }
    EVP_MD_CTX_free(primitives->digest_context);
    free(primitives);
}

static bool initialise(struct primitives *primitives)
{
    if (!primitives->initialised) {
        primitives->initialised =
            OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                                NULL) == 1;
    }
    if (primitives->initialised && primitives->digest_context == NULL) {
        primitives->digest_context = EVP_MD_CTX_new();
    }
    return primitives->digest_context != NULL;
}

/* NULL when it can't be had. */
static const EVP_MD *digest_get(struct primitives *primitives, enum digest digest)
{
    static const char *const names[] = {
        [DIGEST_NONE] = NULL,
        [DIGEST_SHA256] = "SHA2-256",
        [DIGEST_SHA384] = "SHA2-384",
        [DIGEST_SHA512] = "SHA2-512",
    };

    if (names[digest] == NULL || !initialise(primitives)) {
        return NULL;
    }
    if (primitives->digests[digest] == NULL) {
        primitives->digests[digest] = EVP_MD_fetch(NULL, names[digest], NULL);
    }
    return primitives->digests[digest];
}

/* libcrypto leaves a queue of what went wrong; nobody will ask for it, and it must not grow. */
static bool without_errors(bool result)
{
    if (!result) {
        ERR_clear_error();
    }
    return result;
}

static bool digest_parts(EVP_MD_CTX *context, const EVP_MD *md, uint8_t *out, unsigned *size,
                         const struct span *parts, size_t count)
{
    if (md == NULL || EVP_DigestInit_ex2(context, md, NULL) != 1) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(context, parts[i].data, parts[i].len) != 1) {
            return false;
        }
    }
    return EVP_DigestFinal_ex(context, out, size) == 1;
}

size_t primitives_digest(struct primitives *primitives, enum digest digest,
                         uint8_t out[DIGEST_SIZE_MAX], const struct span *parts, size_t count)
{
    unsigned size = 0;
    const EVP_MD *md = digest_get(primitives, digest);
    bool ok =
        without_errors(digest_parts(primitives->digest_context, md, out, &size, parts, count));

    return ok ? size : 0;
}

/* OSSL_PARAM takes numbers in the machine's order, which is lowest byte first here. */
static OSSL_PARAM number_param(const char *name, uint8_t *buffer, struct span number)
{
    for (size_t i = 0; i < number.len; i++) {
        buffer[i] = number.data[number.len - 1 - i];
    }
    return OSSL_PARAM_construct_BN(name, buffer, number.len);
}

static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM *params)
{
    auto_pkey_ctx EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return key;
}

static EVP_PKEY *key_decode_rsa(const struct public_key *key)
{
    uint8_t modulus[RSA_SIZE_MAX];
    uint8_t exponent[sizeof(uint64_t)];

    if (key->modulus.len > sizeof(modulus) || key->exponent.len > sizeof(exponent)) {
        return NULL;
    }
    OSSL_PARAM params[] = {
        number_param(OSSL_PKEY_PARAM_RSA_N, modulus, key->modulus),
        number_param(OSSL_PKEY_PARAM_RSA_E, exponent, key->exponent),
        OSSL_PARAM_construct_end(),
    };
    return key_from_params("RSA", params);
}

static EVP_PKEY *key_decode_ec(const struct public_key *key)
{
    char p256[] = "P-256";
    char p384[] = "P-384";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         key->type == KEY_EC_P256 ? p256 : p384, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                          (void *)(uintptr_t)key->encoded.data, key->encoded.len),
        OSSL_PARAM_construct_end(),
    };

    return key_from_params("EC", params);
}

/* A context that verifies with the key, or NULL. */
static EVP_PKEY_CTX *context_new(const struct public_key *key)
{
    auto_pkey EVP_PKEY *decoded = key->type == KEY_RSA ? key_decode_rsa(key) : key_decode_ec(key);
    auto_pkey_ctx EVP_PKEY_CTX *context =
        decoded == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, decoded, NULL);

    if (context == NULL || EVP_PKEY_verify_init(context) != 1) {
        return NULL;
    }
    if (key->type == KEY_RSA && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1) {
        return NULL;
    }
    return take_ptr(context);
}

static struct cached_key *key_find(struct primitives *primitives, const struct public_key *key)
{
    for (size_t i = 0; i < KEY_CACHE_SIZE; i++) {
        struct cached_key *cached = &primitives->keys[i];
        struct span encoded = span_of(cached->encoded, cached->encoded_len);

        if (cached->type == key->type && span_equal(encoded, key->encoded)) {
            return cached;
        }
    }
    return NULL;
}

/* A slot for one more: a free one, or that of the key not used for longest. */
static struct cached_key *key_slot(struct primitives *primitives)
{
    struct cached_key *oldest = &primitives->keys[0];

    for (size_t i = 1; i < KEY_CACHE_SIZE; i++) {
        if (primitives->keys[i].last_used < oldest->last_used) {
            oldest = &primitives->keys[i];
        }
    }
    key_drop(oldest);
    return oldest;
}

static struct cached_key *key_add(struct primitives *primitives, const struct public_key *key)
{
    auto_free uint8_t *encoded = malloc(key->encoded.len);
    auto_pkey_ctx EVP_PKEY_CTX *context = context_new(key);

    if (encoded == NULL || context == NULL) {
        return NULL;
    }
    memcpy(encoded, key->encoded.data, key->encoded.len);
    struct cached_key *slot = key_slot(primitives);
    *slot = (struct cached_key){.type = key->type,
                                .encoded = take_ptr(encoded),
                                .encoded_len = key->encoded.len,
                                .context = take_ptr(context)};
    return slot;
}

static bool key_set_digest(struct cached_key *key, const EVP_MD *md, enum digest digest)
{
    if (key->digest != digest) {
        key->digest = DIGEST_NONE;
        if (EVP_PKEY_CTX_set_signature_md(key->context, md) != 1) {
            return false;
        }
        key->digest = digest;
    }
    return true;
}

static bool verify(struct primitives *primitives, const struct public_key *key, enum digest digest,
                   struct span hash, struct span signature)
{
    const EVP_MD *md = digest_get(primitives, digest);
    struct cached_key *cached = md == NULL ? NULL : key_find(primitives, key);

    if (md != NULL && cached == NULL) {
        cached = key_add(primitives, key);
    }
    if (cached == NULL || !key_set_digest(cached, md, digest)) {
        return false;
    }
    cached->last_used = ++primitives->clock;
    return EVP_PKEY_verify(cached->context, signature.data, signature.len, hash.data, hash.len) ==
           1;
}

bool primitives_verify(struct primitives *primitives, const struct public_key *key,
                       enum digest digest, struct span hash, struct span signature)
{
    if (key->type == KEY_UNKNOWN) {
        return false;
    }
    return without_errors(verify(primitives, key, digest, hash, signature));
}
