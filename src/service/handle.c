// SPDX-License-Identifier: BSD-2-Clause
/* The five commands: decode, do, reply. What they mean is UEFI 2.10, 8.2; docs/PROTOCOL.md has the
 * bytes. */
#include "service/internal.h"

static void reply_get(struct service *service, const struct request *request, struct writer *reply)
{
    struct variable_view view;
    const struct variable *variable = service_get(service, &view, &request->guid, request->name);
    bool hidden = variable != NULL && request->at_runtime &&
                  (variable->attributes & EFI_VARIABLE_RUNTIME_ACCESS) == 0;

    if (variable == NULL || hidden) {
        wire_reply_status(reply, EFI_NOT_FOUND);
    } else if (request->capacity < variable->data.len) {
        wire_reply_too_small(reply, variable->data.len);
    } else {
        wire_reply_get(reply, variable->attributes, variable->data);
    }
}

static void reply_set(struct service *service, const struct request *request, struct writer *reply)
{
    wire_reply_status(reply, set_variable(service, request));
}

static bool is_visible(const struct variable *variable, bool at_runtime)
{
    return !at_runtime || (variable->attributes & EFI_VARIABLE_RUNTIME_ACCESS) != 0;
}

/* The first visible variable behind the request's; an empty name asks for the first of all,
 * whatever the GUID. */
static const struct variable *next_visible(const struct service *service,
                                           struct variable_view *view,
                                           const struct request *request)
{
    const struct guid *guid = request->name.len == 0 ? NULL : &request->guid;
    const struct variable *next = service_next(service, view, guid, request->name);

    while (next != NULL && !is_visible(next, request->at_runtime)) {
        struct guid key = next->guid;
        next = service_next(service, view, &key, next->name);
    }
    return next;
}

static void reply_next(struct service *service, const struct request *request, struct writer *reply)
{
    struct variable_view view;

    if (request->name.len > 0) {
        const struct variable *from = service_get(service, &view, &request->guid, request->name);
        if (from == NULL || !is_visible(from, request->at_runtime)) {
            wire_reply_status(reply, EFI_INVALID_PARAMETER);
            return;
        }
    }
    const struct variable *next = next_visible(service, &view, request);
    if (next == NULL) {
        wire_reply_status(reply, EFI_NOT_FOUND);
    } else if (request->capacity < next->name.len + sizeof(char16_t)) {
        wire_reply_too_small(reply, next->name.len + sizeof(char16_t));
    } else {
        wire_reply_next(reply, next->name, &next->guid);
    }
}

/* UEFI 2.10, 8.2.4. */
static void reply_query(struct service *service, const struct request *request,
                        struct writer *reply)
{
    const uint32_t access = EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS;
    size_t used = store_used(service->store);

    if ((request->attributes & EFI_VARIABLE_HARDWARE_ERROR_RECORD) != 0) {
        wire_reply_status(reply, EFI_UNSUPPORTED);
    } else if (request->attributes == 0 ||
               (request->attributes & access) == EFI_VARIABLE_RUNTIME_ACCESS) {
        wire_reply_status(reply, EFI_INVALID_PARAMETER);
    } else {
        wire_reply_query(reply, STORE_SIZE_MAX, used < STORE_SIZE_MAX ? STORE_SIZE_MAX - used : 0,
                         STORE_DATA_MAX);
    }
}

/* Passed on once in a start of the VM, tried once too: a guest must not be able to flood the
 * administrator. */
static void reply_notify(struct service *service, const struct request *request,
                         struct writer *reply)
{
    struct err err;

    (void)request;
    if (service->failure_notified) {
        wire_reply_status(reply, EFI_ACCESS_DENIED);
        return;
    }
    service->failure_notified = true;
    log_warning("the firmware refused an image: it failed Secure Boot verification");
    if (!service->persistence->notify(service->persistence->self, &err)) {
        log_error("the failed Secure Boot verification could not be reported: %s", err.text);
        wire_reply_status(reply, EFI_DEVICE_ERROR);
        return;
    }
    wire_reply_status(reply, EFI_SUCCESS);
}

static const struct {
    const char *name;
    void (*reply)(struct service *service, const struct request *request, struct writer *reply);
} commands[] = {
    [WIRE_GET_VARIABLE] = {"GetVariable", reply_get},
    [WIRE_SET_VARIABLE] = {"SetVariable", reply_set},
    [WIRE_GET_NEXT_VARIABLE_NAME] = {"GetNextVariableName", reply_next},
    [WIRE_QUERY_VARIABLE_INFO] = {"QueryVariableInfo", reply_query},
    [WIRE_NOTIFY_SECURE_BOOT_FAILURE] = {"NotifySecureBootFailure", reply_notify},
};

size_t service_handle(struct service *service, struct span bytes, uint8_t *buffer)
{
    struct writer reply = writer_of(buffer, WIRE_BUFFER_SIZE);
    struct request request;
    efi_status status = wire_decode_request(&request, bytes);

    if (status != EFI_SUCCESS) {
        wire_reply_status(&reply, status);
    } else if (request.command >= sizeof(commands) / sizeof(commands[0])) {
        wire_reply_status(&reply, EFI_UNSUPPORTED);
    } else {
        commands[request.command].reply(service, &request, &reply);
    }
    return reply.len;
}
