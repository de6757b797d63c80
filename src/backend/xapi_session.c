// SPDX-License-Identifier: BSD-2-Clause
#include "backend/xapi_session.h"

#include "base/cleanup.h"

#define REFERENCE_MAX 256u /* bytes; XAPI's have 46 */

/* One request and its answer. */
static enum xapi_result perform(struct xapi_session *session, const char *method,
                                const struct xapi_param *params, size_t count,
                                struct xapi_reply *reply, struct err *err)
{
    auto_free uint8_t *answer = NULL;
    size_t request_len, answer_len;
    auto_free uint8_t *request = xapi_call_encode(&request_len, method, params, count, err);

    if (request == NULL ||
        !xapi_connection_exchange(&session->connection, span_of(request, request_len), &answer,
                                  &answer_len, xapi_now() + session->call_ms, err) ||
        !xapi_reply_parse(reply, span_of(answer, answer_len), err)) {
        err_context(err, "XAPI at %s, %s", session->connection.path, method);
        return XAPI_FAILED;
    }
    if (!reply->success) {
        err_set(err, "XAPI at %s refused %s: %s", session->connection.path, method, reply->failure);
        return XAPI_REFUSED;
    }
    return XAPI_SUCCESS;
}

/* NULL: no memory. */
static char *text_of(struct span bytes)
{
    char *text = malloc(bytes.len + 1);

    if (text != NULL) {
        memcpy(text, bytes.data, bytes.len);
        text[bytes.len] = '\0';
    }
    return text;
}

/* A call that gives a reference, which becomes the caller's. The reply is only for a refusal. */
static enum xapi_result get_reference(struct xapi_session *session, char **reference,
                                      const char *method, const struct xapi_param *params,
                                      size_t count, struct xapi_reply *reply, struct err *err)
{
    enum xapi_result result = perform(session, method, params, count, reply, err);

    if (result != XAPI_SUCCESS) {
        return result;
    }
    const struct xapi_value *value = reply->value;
    if (value != NULL && value->kind == XAPI_TEXT && value->text.len > 0 &&
        value->text.len <= REFERENCE_MAX) {
        *reference = text_of(value->text);
    }
    xapi_reply_free(reply);
    if (*reference == NULL) {
        err_set(err, "XAPI at %s gave no reference for %s", session->connection.path, method);
        return XAPI_FAILED;
    }
    return XAPI_SUCCESS;
}

static enum xapi_result log_in(struct xapi_session *session, struct xapi_reply *reply,
                               struct err *err)
{
    const struct xapi_param params[] = {xapi_param_string("root"), xapi_param_string(""),
                                        xapi_param_string(""), xapi_param_string("")};

    if (session->session != NULL) {
        return XAPI_SUCCESS;
    }
    return get_reference(session, &session->session, "session.login_with_password", params, 4,
                         reply, err);
}

static enum xapi_result find_vm(struct xapi_session *session, struct xapi_reply *reply,
                                struct err *err)
{
    const struct xapi_param params[] = {xapi_param_string(session->session),
                                        xapi_param_string(session->uuid)};

    if (session->vm != NULL) {
        return XAPI_SUCCESS;
    }
    return get_reference(session, &session->vm, "VM.get_by_uuid", params, 2, reply, err);
}

static enum xapi_result call_once(struct xapi_session *session, const struct xapi_call *call,
                                  struct xapi_reply *reply, struct err *err)
{
    struct xapi_param params[2 + XAPI_CALL_PARAMS_MAX];
    size_t count = 0;
    enum xapi_result result = log_in(session, reply, err);

    if (result == XAPI_SUCCESS && call->on_vm) {
        result = find_vm(session, reply, err);
    }
    if (result != XAPI_SUCCESS) {
        return result;
    }
    params[count++] = xapi_param_string(session->session);
    if (call->on_vm) {
        params[count++] = xapi_param_string(session->vm);
    }
    for (size_t i = 0; i < call->count && i < XAPI_CALL_PARAMS_MAX; i++) {
        params[count++] = call->params[i];
    }
    return perform(session, call->method, params, count, reply, err);
}

static void forget_references(struct xapi_session *session)
{
    free(take_ptr(session->session));
    free(take_ptr(session->vm));
}

/* The session has expired, or an object was made anew behind its UUID. */
static bool is_forgotten(const struct xapi_reply *reply)
{
    return strcmp(reply->code, "SESSION_INVALID") == 0 ||
           strcmp(reply->code, "HANDLE_INVALID") == 0;
}

enum xapi_result xapi_session_call(struct xapi_session *session, const struct xapi_call *call,
                                   struct xapi_reply *reply, struct err *err)
{
    enum xapi_result result = call_once(session, call, reply, err);

    if (result == XAPI_REFUSED && is_forgotten(reply)) {
        xapi_reply_free(reply);
        forget_references(session);
        result = call_once(session, call, reply, err);
    }
    return result;
}

void xapi_session_close(struct xapi_session *session, int64_t ms)
{
    struct xapi_reply reply = {0};
    struct err ignored;

    if (session->session != NULL) {
        const struct xapi_param param = xapi_param_string(session->session);
        session->call_ms = ms;
        session->connection.reconnect_ms = 0;
        perform(session, "session.logout", &param, 1, &reply, &ignored);
        xapi_reply_free(&reply);
    }
    forget_references(session);
    xapi_connection_close(&session->connection);
}
