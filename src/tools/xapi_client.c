// SPDX-License-Identifier: BSD-2-Clause
#include "tools/xapi_client.h"

#include "backend/xapi.h"
#include "base/cleanup.h"
#include "tools/pool.h"

void xapi_client_init(struct xapi_client *client, const char *socket, const char *uuid)
{
    client->waiter = xapi_waiter_of(-1);
    client->session = (struct xapi_session){
        .connection = xapi_connection_of(socket, XAPI_RECONNECT_MS, &client->waiter),
        .uuid = uuid,
        .call_ms = XAPI_CALL_MS,
    };
}

void xapi_client_close(struct xapi_client *client)
{
    if (client->session.uuid != NULL) {
        xapi_session_close(&client->session, XAPI_LOGOUT_MS);
    }
}

char *xapi_client_text(const struct xapi_value *value)
{
    return value != NULL && value->kind == XAPI_TEXT
               ? strndup((const char *)value->text.data, value->text.len)
               : NULL;
}

bool xapi_client_check_halted(struct xapi_client *client, struct err *err)
{
    const struct xapi_call call = {"VM.get_power_state", true, NULL, 0};
    struct xapi_reply reply = {0};

    if (xapi_session_call(&client->session, &call, &reply, err) != XAPI_SUCCESS) {
        xapi_reply_free(&reply);
        return err_context(err, "whether VM %s runs isn't known (--force goes ahead)",
                           client->session.uuid);
    }
    auto_free char *state = xapi_client_text(reply.value);
    xapi_reply_free(&reply);
    return (state != NULL && strcmp(state, "Halted") == 0) ||
           err_set(err,
                   "VM %s is %s: its daemon has the variables, and what is changed here is lost "
                   "when it saves its own; shut it down first (--force goes ahead)",
                   client->session.uuid, state != NULL ? state : "in no known state");
}

static bool pool_has_certificates(const struct xapi_client *client, bool *has, struct err *err)
{
    struct pool *pool = pool_open(client->session.connection.path, err);
    size_t len = 0;
    auto_free uint8_t *archive = pool == NULL ? NULL : pool_get_certificates(pool, &len, err);

    *has = len > 0;
    pool_close(pool);
    return archive != NULL;
}

bool xapi_client_secure_boot(struct xapi_client *client, bool *wanted, struct err *err)
{
    const struct xapi_call call = {"VM.get_platform", true, NULL, 0};
    struct xapi_reply reply = {0};
    bool done = xapi_session_call(&client->session, &call, &reply, err) == XAPI_SUCCESS;
    auto_free char *setting =
        done ? xapi_client_text(xapi_value_member(reply.value, "secureboot")) : NULL;

    xapi_reply_free(&reply);
    *wanted = setting != NULL && strcmp(setting, "true") == 0;
    if (setting != NULL && strcmp(setting, "auto") == 0) {
        return pool_has_certificates(client, wanted, err);
    }
    return done;
}

/* ------------------------------------------------------------------------------------ all the VMs
 */

static bool has_text(const struct xapi_value *record, const char *member, const char *text)
{
    const struct xapi_value *value = xapi_value_member(record, member);

    return value != NULL && value->kind == XAPI_TEXT &&
           span_equal(value->text, span_of(text, strlen(text)));
}

/* XML-RPC's booleans are 0 and 1. */
static bool is_uefi_vm(const struct xapi_value *record)
{
    const struct xapi_value *boot = xapi_value_member(record, "HVM_boot_params");

    return has_text(boot, "firmware", "uefi") && !has_text(record, "is_a_template", "1") &&
           !has_text(record, "is_a_snapshot", "1") && !has_text(record, "is_control_domain", "1");
}

static void take_vm(struct xapi_client *client, const struct xapi_value *reference,
                    xapi_client_take take, void *self, size_t of)
{
    const struct xapi_param params[] = {{XAPI_PARAM_STRING, reference->text}};
    const struct xapi_call call = {"VM.get_record", false, params, 1};
    struct xapi_reply reply = {0};
    struct err unused;

    if (xapi_session_call(&client->session, &call, &reply, &unused) == XAPI_SUCCESS &&
        is_uefi_vm(reply.value)) {
        auto_free char *uuid = xapi_client_text(xapi_value_member(reply.value, "uuid"));
        auto_free char *name = xapi_client_text(xapi_value_member(reply.value, "name_label"));

        if (uuid != NULL) {
            take(self, uuid, name != NULL ? name : "", of);
        }
    }
    xapi_reply_free(&reply);
}

static void take_vms(struct xapi_client *client, const struct xapi_value *first,
                     xapi_client_take take, void *self)
{
    size_t count = 0;

    for (const struct xapi_value *vm = first; vm != NULL; vm = vm->next) {
        count++;
    }
    for (const struct xapi_value *vm = first; vm != NULL; vm = vm->next) {
        if (vm->kind == XAPI_TEXT) {
            take_vm(client, vm, take, self, count);
        }
    }
}

bool xapi_client_each_vm(struct xapi_client *client, xapi_client_take take, void *self,
                         struct err *err)
{
    const struct xapi_call call = {"VM.get_all", false, NULL, 0};
    struct xapi_reply reply = {0};
    bool listed = xapi_session_call(&client->session, &call, &reply, err) == XAPI_SUCCESS;

    if (listed && (reply.value == NULL || reply.value->kind != XAPI_ARRAY)) {
        listed = err_set(err, "XAPI's answer to VM.get_all is not a list");
    } else if (listed) {
        take_vms(client, reply.value->first, take, self);
    }
    xapi_reply_free(&reply);
    return listed;
}
