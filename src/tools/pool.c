// SPDX-License-Identifier: BSD-2-Clause
/*
 * XAPI of 2024 and later keeps the certificates that an administrator chose beside its own, and
 * calls them custom; older ones know one kind. The newer call goes first.
 */
#include "tools/pool.h"

#include "tools/xapi_client.h"

#include "base/base64.h"
#include "base/cleanup.h"

struct pool {
    struct xapi_client xapi;
    char *reference;
    char *uuid;
};

static bool find_pool(struct pool *pool, struct err *err)
{
    const struct xapi_call call = {"pool.get_all", false, NULL, 0};
    struct xapi_reply reply = {0};
    enum xapi_result result = xapi_session_call(&pool->xapi.session, &call, &reply, err);

    if (result == XAPI_SUCCESS && reply.value != NULL && reply.value->kind == XAPI_ARRAY) {
        pool->reference = xapi_client_text(reply.value->first);
    }
    xapi_reply_free(&reply);
    return result == XAPI_SUCCESS && pool->reference == NULL ? err_set(err, "XAPI names no pool")
                                                             : result == XAPI_SUCCESS;
}

static void find_uuid(struct pool *pool)
{
    const struct xapi_param params[] = {xapi_param_string(pool->reference)};
    const struct xapi_call call = {"pool.get_uuid", false, params, 1};
    struct xapi_reply reply = {0};
    struct err unused;

    if (xapi_session_call(&pool->xapi.session, &call, &reply, &unused) == XAPI_SUCCESS) {
        pool->uuid = xapi_client_text(reply.value);
    }
    xapi_reply_free(&reply);
}

const char *pool_uuid(const struct pool *pool)
{
    return pool->uuid != NULL ? pool->uuid : "";
}

struct pool *pool_open(const char *socket, struct err *err)
{
    struct pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    xapi_client_init(&pool->xapi, socket, "");
    if (!find_pool(pool, err)) {
        pool_close(pool);
        return NULL;
    }
    find_uuid(pool);
    return pool;
}

void pool_close(struct pool *pool)
{
    if (pool != NULL) {
        xapi_client_close(&pool->xapi);
        free(pool->reference);
        free(pool->uuid);
        free(pool);
    }
}

static bool is_unknown(const struct xapi_reply *reply)
{
    return strcmp(reply->code, "MESSAGE_METHOD_UNKNOWN") == 0;
}

/* The method for custom certificates, and where XAPI hasn't got it, the older one. reply is to be
 * freed. */
static bool call_either(struct pool *pool, const char *const methods[2],
                        const struct xapi_param *params, size_t count, struct xapi_reply *reply,
                        struct err *err)
{
    for (size_t i = 0; i < 2; i++) {
        const struct xapi_call call = {methods[i], false, params, count};
        enum xapi_result result = xapi_session_call(&pool->xapi.session, &call, reply, err);

        if (result == XAPI_SUCCESS) {
            return true;
        }
        if (i == 1 || result != XAPI_REFUSED || !is_unknown(reply)) {
            return false;
        }
        xapi_reply_free(reply);
        *reply = (struct xapi_reply){0};
    }
    return false;
}

static uint8_t *decode(const struct xapi_value *value, size_t *len, struct err *err)
{
    struct span text = value != NULL && value->kind == XAPI_TEXT ? value->text : span_of(NULL, 0);
    uint8_t *archive = malloc(base64_decoded_size(text.len) + 1);

    if (archive == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    struct writer writer = writer_of(archive, base64_decoded_size(text.len));
    if (!base64_decode(&writer, text)) {
        err_set(err, "the pool's certificates are not base64");
        free(archive);
        return NULL;
    }
    *len = writer.len;
    return archive;
}

/* Nothing where XAPI doesn't know the method. */
static uint8_t *get(struct pool *pool, const char *method, size_t *len, struct err *err)
{
    const struct xapi_param params[] = {xapi_param_string(pool->reference)};
    const struct xapi_call call = {method, false, params, 1};
    struct xapi_reply reply = {0};
    uint8_t *archive = NULL;
    enum xapi_result result = xapi_session_call(&pool->xapi.session, &call, &reply, err);

    if (result == XAPI_SUCCESS || (result == XAPI_REFUSED && is_unknown(&reply))) {
        archive = decode(reply.value, len, err);
    }
    xapi_reply_free(&reply);
    return archive;
}

uint8_t *pool_get_certificates(struct pool *pool, size_t *len, struct err *err)
{
    uint8_t *archive = get(pool, "pool.get_custom_uefi_certificates", len, err);

    if (archive == NULL || *len > 0) {
        return archive;
    }
    free(archive);
    return get(pool, "pool.get_uefi_certificates", len, err);
}

bool pool_set_certificates(struct pool *pool, struct span archive, struct err *err)
{
    static const char *const methods[] = {"pool.set_custom_uefi_certificates",
                                          "pool.set_uefi_certificates"};
    const struct xapi_param params[] = {xapi_param_string(pool->reference),
                                        {XAPI_PARAM_BASE64, archive}};
    struct xapi_reply reply = {0};
    bool done = call_either(pool, methods, params, 2, &reply, err);

    xapi_reply_free(&reply);
    return done;
}
