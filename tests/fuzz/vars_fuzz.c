// SPDX-License-Identifier: BSD-2-Clause
/*
 * The VARS decoder on any bytes. Whatever it takes of them, a service can be made of it, and that
 * service's state and suspend image are read again with nothing left out.
 */
#include "backend/vars.h"

#include "support/sample.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    struct service *service;
    size_t taken;
    bool strict; /* nothing may be left out */
};

static bool take_variable(void *self, const struct variable *variable)
{
    struct target *target = self;

    target->taken++;
    return service_restore_variable(target->service, variable);
}

static void take_device(void *self, const struct device_state *state)
{
    struct target *target = self;

    service_restore_device(target->service, state);
}

static void take_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    struct target *target = self;
    char text[32];

    (void)guid;
    efi_name_format(text, sizeof(text), name);
    if (target->strict || reason == NULL) {
        abort();
    }
}

static bool decode(struct target *target, struct span blob)
{
    const struct vars_sink sink = {.self = target,
                                   .variable = take_variable,
                                   .device = take_device,
                                   .rejected = take_rejected};
    struct err err;

    return vars_decode(blob, &sink, &err);
}

static struct target new_target(bool strict)
{
    static const struct service_config config = {.enforce = true};

    return (struct target){.service = service_new(&config, NULL, NULL), .strict = strict};
}

/* Is what was encoded read again, and the same? */
static void check_again(const struct target *first, uint8_t *blob, size_t len, bool non_volatile)
{
    struct target second = new_target(true);

    if (blob == NULL || !decode(&second, span_of(blob, len)) ||
        !sample_same_stores(service_store(first->service), service_store(second.service),
                            non_volatile)) {
        abort();
    }
    service_free(second.service);
    free(blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct target target = new_target(false);
    struct err err;
    size_t len;

    decode(&target, span_of(data, size));
    if (target.taken < VARS_COUNT_MAX - 16) { /* with MOR, PPI and the modes it has to fit again */
        service_start(target.service);
        uint8_t *blob = vars_encode_store(service_store(target.service), &len, &err);
        check_again(&target, blob, len, true);
        blob = vars_encode_service(target.service, &len, &err);
        check_again(&target, blob, len, false);
    }
    service_free(target.service);
    return 0;
}
