// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saving under the limit on the rate: a save that comes too early waits here, in the daemon's only
 * thread, half a second at most. It is the guest that wrote which waits, as for a slow pool: its
 * runtime services are not reentrant (UEFI 2.10, 8.1), so it has no read to make meanwhile. Waiting
 * anywhere else would mean to acknowledge what is not saved yet, or to read state that may be
 * undone.
 */
#include "backend/xapi.h"

#include "backend/xapi_rate.h"
#include "backend/xapi_session.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <sys/un.h>

#define NVRAM_KEY "EFI-variables"

struct xapi_backend {
    struct backend backend;
    struct xapi_waiter waiter;
    struct xapi_session session;
    struct xapi_rate saves;
    struct log_limit slowed;
    bool lacks_v2;     /* XAPI is older than VM.set_NVRAM_EFI_variables_v2 */
    bool keys_unsaved; /* a save with changed keys failed, and may have been made nevertheless */
    char *socket, *uuid;
};

static struct xapi_backend *xapi_of(struct backend *backend)
{
    return (struct xapi_backend *)backend;
}

static enum backend_load decode_blob(struct span text, uint8_t **blob, size_t *len, struct err *err)
{
    size_t capacity = base64_decoded_size(text.len);
    auto_free uint8_t *bytes = malloc(capacity + 1);

    if (bytes == NULL) {
        err_set(err, "no memory for %zu bytes of NVRAM", capacity);
        return BACKEND_FAILED;
    }
    struct writer out = writer_of(bytes, capacity);
    if (text.len == 0 || !base64_decode(&out, text)) {
        err_set(err,
                "NVRAM[\"" NVRAM_KEY "\"] is %s; restore it from a snapshot, or remove the key to "
                "start without variables",
                text.len == 0 ? "empty" : "not base64");
        return BACKEND_FAILED;
    }
    *blob = take_ptr(bytes);
    *len = out.len;
    return BACKEND_LOADED;
}

static enum backend_load read_nvram(const struct xapi_value *nvram, uint8_t **blob, size_t *len,
                                    struct err *err)
{
    if (nvram == NULL || nvram->kind != XAPI_STRUCT) {
        err_set(err, "XAPI's answer to VM.get_NVRAM is not a map");
        return BACKEND_FAILED;
    }
    const struct xapi_value *variables = xapi_value_member(nvram, NVRAM_KEY);
    if (variables == NULL) {
        return BACKEND_FIRST_BOOT;
    }
    if (variables->kind != XAPI_TEXT) {
        err_set(err, "NVRAM[\"" NVRAM_KEY "\"] is not a string");
        return BACKEND_FAILED;
    }
    return decode_blob(variables->text, blob, len, err);
}

static enum backend_load load(struct backend *backend, uint8_t **blob, size_t *len, struct err *err)
{
    struct xapi_backend *xapi = xapi_of(backend);
    const struct xapi_call call = {.method = "VM.get_NVRAM", .on_vm = true};
    struct xapi_reply reply = {0};
    enum backend_load result = BACKEND_FAILED;

    if (xapi_session_call(&xapi->session, &call, &reply, err) == XAPI_SUCCESS) {
        result = read_nvram(reply.value, blob, len, err);
    }
    xapi_reply_free(&reply);
    if (result == BACKEND_FAILED) {
        err_context(err, "can't load the variables of VM %s", xapi->uuid);
    }
    return result;
}

/* A call of which only the success matters. */
static enum xapi_result make_call(struct xapi_backend *xapi, const struct xapi_call *call,
                                  struct err *err)
{
    struct xapi_reply reply = {0};
    enum xapi_result result = xapi_session_call(&xapi->session, call, &reply, err);

    xapi_reply_free(&reply);
    return result;
}

/*
 * The call of 2026 first. A guard that has not got it says no more than that it failed, so any
 * refusal leads to the older call, and only where that one is taken the newer is given up for good.
 * Nothing is lost by that: on the older call XAPI looks itself whether the certificates changed.
 */
static bool save_blob(struct xapi_backend *xapi, struct span blob, bool keys_changed,
                      struct err *err)
{
    const struct xapi_param params[] = {
        {XAPI_PARAM_BASE64, blob},
        xapi_param_string(keys_changed ? "yes" : "no"),
    };
    struct xapi_call call = {"VM.set_NVRAM_EFI_variables_v2", true, params, 2};
    enum xapi_result result = XAPI_REFUSED;

    if (!xapi->lacks_v2) {
        result = make_call(xapi, &call, err);
    }
    if (result != XAPI_REFUSED) {
        return result == XAPI_SUCCESS;
    }
    call.method = "VM.set_NVRAM_EFI_variables";
    call.count = 1;
    if (make_call(xapi, &call, err) != XAPI_SUCCESS) {
        return false;
    }
    if (!xapi->lacks_v2) {
        log_info("this XAPI has no VM.set_NVRAM_EFI_variables_v2: going on with the older call");
        xapi->lacks_v2 = true;
    }
    return true;
}

/* The limit on the rate. */
static bool await_turn(struct xapi_backend *xapi, struct err *err)
{
    int64_t wait = xapi_rate_take(&xapi->saves, xapi_now());

    if (wait == 0) {
        return true;
    }
    log_limited(
        &xapi->slowed, LOG_LEVEL_WARNING,
        "the guest saves variables faster than XAPI is given them: its writes have to wait");
    return xapi_wait_ms(&xapi->waiter, wait, err);
}

static bool save(struct backend *backend, struct span blob, bool keys_changed, struct err *err)
{
    struct xapi_backend *xapi = xapi_of(backend);
    bool keys = keys_changed || xapi->keys_unsaved;
    bool saved = await_turn(xapi, err) && save_blob(xapi, blob, keys, err);

    xapi->keys_unsaved = keys && !saved;
    return saved || err_context(err, "can't save the variables of VM %s", xapi->uuid);
}

static bool notify(struct backend *backend, struct err *err)
{
    struct xapi_backend *xapi = xapi_of(backend);
    const struct xapi_param params[] = {
        xapi_param_string("VM_SECURE_BOOT_FAILED"),
        {XAPI_PARAM_INT, span_of("5", 1)},
        xapi_param_string("VM"),
        xapi_param_string(xapi->uuid),
        xapi_param_string("The VM failed to pass Secure Boot verification."),
    };
    const struct xapi_call call = {"message.create", false, params, 5};

    return make_call(xapi, &call, err) == XAPI_SUCCESS ||
           err_context(err, "can't tell that VM %s failed Secure Boot", xapi->uuid);
}

static void xapi_free(struct xapi_backend *xapi)
{
    free(xapi->socket);
    free(xapi->uuid);
    free(xapi);
}

static void xapi_close(struct backend *backend)
{
    xapi_session_close(&xapi_of(backend)->session, XAPI_LOGOUT_MS);
    xapi_free(xapi_of(backend));
}

static const struct backend_ops xapi_ops = {
    .load = load,
    .save = save,
    .notify = notify,
    .close = xapi_close,
};

/* What was configured, or the default. */
static int64_t either(int64_t configured, int64_t standard)
{
    return configured > 0 ? configured : standard;
}

static void init(struct xapi_backend *xapi, const struct xapi_config *config)
{
    xapi->backend.ops = &xapi_ops;
    xapi->waiter = xapi_waiter_of(config->abort_fd);
    xapi->saves = xapi_rate_of(either(config->save_burst, XAPI_SAVE_BURST), XAPI_SAVE_INTERVAL_MS);
    xapi->session = (struct xapi_session){
        .connection = xapi_connection_of(
            xapi->socket, either(config->reconnect_ms, XAPI_RECONNECT_MS), &xapi->waiter),
        .uuid = xapi->uuid,
        .call_ms = either(config->call_ms, XAPI_CALL_MS),
    };
}

struct backend *xapi_backend_open(const struct xapi_config *config, struct err *err)
{
    const size_t path_size = sizeof((struct sockaddr_un){0}.sun_path);

    if (strlen(config->socket) >= path_size) {
        err_set(err, "%s: too long for a socket's path", config->socket);
        return NULL;
    }
    struct xapi_backend *xapi = calloc(1, sizeof(*xapi));
    if (xapi != NULL) {
        xapi->socket = strdup(config->socket);
        xapi->uuid = strdup(config->uuid);
    }
    if (xapi == NULL || xapi->socket == NULL || xapi->uuid == NULL) {
        err_set(err, "no memory for the XAPI backend");
        if (xapi != NULL) {
            xapi_free(xapi);
        }
        return NULL;
    }
    init(xapi, config);
    return &xapi->backend;
}
