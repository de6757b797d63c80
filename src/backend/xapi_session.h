// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls to XAPI about one VM: the session and the VM's reference are obtained when they are first
 * needed and kept as long as XAPI takes them, so that in the steady state a call is one request.
 */
#ifndef BACKEND_XAPI_SESSION_H
#define BACKEND_XAPI_SESSION_H

#include "backend/xapi_call.h"
#include "backend/xapi_connection.h"

struct xapi_session {
    struct xapi_connection connection;
    const char *uuid; /* the VM's */
    int64_t call_ms;  /* so long a request may take */
    char *session;    /* XAPI's references; NULL: none yet */
    char *vm;
};

enum xapi_result {
    XAPI_SUCCESS,
    XAPI_REFUSED, /* XAPI answered with a failure: it is in the reply, and in err */
    XAPI_FAILED,  /* no answer, or none that can be read: err says why */
};

/* A method; the session, and with on_vm the VM, go before its parameters. */
struct xapi_call {
    const char *method;
    bool on_vm;
    const struct xapi_param *params;
    size_t count; /* XAPI_CALL_PARAMS_MAX at most */
};

#define XAPI_CALL_PARAMS_MAX 5u

/*
 * Makes the call; once more, with a new session, where XAPI does not know the old one or the VM's
 * reference any more. reply is to be freed after success and refusal.
 */
enum xapi_result xapi_session_call(struct xapi_session *session, const struct xapi_call *call,
                                   struct xapi_reply *reply, struct err *err);

/* Logs out if logged in, if that takes no more than ms milliseconds, and closes the connection. */
void xapi_session_close(struct xapi_session *session, int64_t ms);

#endif
