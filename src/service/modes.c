// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Secure Boot mode variables (UEFI 2.10, 3.3 and 32.3): derived from the committed state
 * whenever they are asked for, never kept, so they can't disagree with it.
 */
#include "service/internal.h"

#include "auth/auth.h"

/* UEFI 2.10, 32.4.1: the types of signature that db and dbx may hold, as SignatureSupport lists
 * them. */
static const struct guid supported[] = {
    GUID_INIT(0x826ca512, 0xcf10, 0x4ac9, 0xb1, 0x87, 0xbe, 0x01, 0x49, 0x66, 0x31,
              0xbd), /* SHA-1 */
    GUID_INIT(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43,
              0x28), /* SHA-256 */
    GUID_INIT(0x3c5766e8, 0x269c, 0x4e34, 0xaa, 0x14, 0xed, 0x77, 0x6e, 0x85, 0xb3,
              0xb6), /* RSA-2048 */
    GUID_INIT(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0,
              0x72), /* X.509 */
};

_Static_assert(sizeof(supported) <= sizeof(((struct variable_view *)0)->data), "fits the view");

static bool setup_mode(const struct service *service)
{
    return auth_setup_mode(service->store);
}

static bool deployed_mode(const struct service *service)
{
    return !setup_mode(service);
}

static bool audit_mode(const struct service *service)
{
    (void)service;
    return false;
}

/* In the order of the store. A flag is one byte; the one without a function is SignatureSupport. */
static const struct mode {
    struct span name;
    bool (*flag)(const struct service *service);
} modes[] = {
    {EFI_NAME_INIT("AuditMode"), audit_mode},
    {EFI_NAME_INIT("DeployedMode"), deployed_mode},
    {EFI_NAME_INIT("SecureBoot"), service_secure_boot},
    {EFI_NAME_INIT("SetupMode"), setup_mode},
    {EFI_NAME_INIT("SignatureSupport"), NULL},
};

#define MODE_COUNT (sizeof(modes) / sizeof(modes[0]))

bool service_secure_boot(const struct service *service)
{
    return service->config.secure_boot && !setup_mode(service);
}

static const struct variable *mode_view(const struct service *service, struct variable_view *view,
                                        const struct mode *mode)
{
    size_t len = 1;

    if (mode->flag != NULL) {
        view->data[0] = mode->flag(service);
    } else {
        len = sizeof(supported);
        memcpy(view->data, supported, len);
    }
    view->variable = (struct variable){
        .guid = EFI_GLOBAL_VARIABLE,
        .name = mode->name,
        .data = span_of(view->data, len),
        .attributes = EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS,
    };
    return &view->variable;
}

/* The first mode that doesn't come before the key. */
static const struct mode *mode_search(const struct guid *guid, struct span name, int *order)
{
    for (size_t i = 0; i < MODE_COUNT; i++) {
        *order = store_key_compare(&EFI_GLOBAL_VARIABLE, modes[i].name, guid, name);
        if (*order >= 0) {
            return &modes[i];
        }
    }
    return NULL;
}

static const struct mode *mode_find(const struct guid *guid, struct span name)
{
    int order;
    const struct mode *mode = mode_search(guid, name, &order);

    return mode != NULL && order == 0 ? mode : NULL;
}

bool modes_owns(const struct guid *guid, struct span name)
{
    return mode_find(guid, name) != NULL;
}

const struct variable *modes_get(const struct service *service, struct variable_view *view,
                                 const struct guid *guid, struct span name)
{
    const struct mode *mode = mode_find(guid, name);

    return mode == NULL ? NULL : mode_view(service, view, mode);
}

const struct variable *modes_after(const struct service *service, struct variable_view *view,
                                   const struct guid *guid, struct span name)
{
    int order;
    const struct mode *mode = mode_search(guid, name, &order);

    if (mode != NULL && order == 0) {
        mode++;
    }
    return mode == NULL || mode == modes + MODE_COUNT ? NULL : mode_view(service, view, mode);
}
