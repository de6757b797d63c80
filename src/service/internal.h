// SPDX-License-Identifier: BSD-2-Clause
/* What the files of the service share, and nobody else sees. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include "base/log.h"
#include "service/service.h"

struct service {
    struct service_config config;
    const struct persistence *persistence;
    struct verifier *verifier;
    struct store *store;
    struct device_state device;
    bool unsaved; /* a save failed: what is kept may be either state, so save at the next chance */
    bool batch;   /* between service_begin and service_commit or service_abort */
    size_t batch_mark;      /* of the store, when batch */
    bool failure_notified;  /* NotifySecureBootFailure was passed on (or tried) in this start */
    struct log_limit limit; /* of the lines that the guest can cause */
};

static inline bool is_non_volatile(const struct variable *variable)
{
    return (variable->attributes & EFI_VARIABLE_NON_VOLATILE) != 0;
}

/*
 * Ends a change of the store that began at mark: checks the quota, has non-volatile changes saved
 * (in a batch, its commit does), commits. Anything but EFI_SUCCESS: everything is as it was at the
 * mark.
 */
efi_status service_finish(struct service *service, size_t mark);

/* The same for a change that is never saved by itself, however non-volatile the variable says it
 * is: MOR. */
efi_status service_finish_unsaved(struct service *service, size_t mark);

/* SetVariable, in the order of checks of docs/PROTOCOL.md. */
efi_status set_variable(struct service *service, const struct request *request);

/* modes.c: the five variables that follow from the state. */
#define MODES_COST 820u /* what they cost of the quota: always the same */
const struct variable *modes_get(const struct service *service, struct variable_view *view,
                                 const struct guid *guid, struct span name);
const struct variable *modes_after(const struct service *service, struct variable_view *view,
                                   const struct guid *guid, struct span name);
bool modes_owns(const struct guid *guid, struct span name);

/* mor.c: memory overwrite request. */
bool mor_owns(const struct guid *guid, struct span name);
efi_status mor_set(struct service *service, const struct request *request);
void mor_reset(struct service *service);
void mor_close(struct service *service); /* locked without a key */

/* ppi.c: TPM physical presence. */
void ppi_reset(struct service *service);
void ppi_close(struct service *service); /* flags locked */

/*
 * The rules that the lock lays on SetVariable. EFI_SUCCESS: none of these variables, or nothing
 * against the call.
 */
efi_status ppi_check(const struct service *service, const struct request *request);

/* Puts a variable at start, in memory only; a store too full for it goes without, with a warning.
 */
void service_put_at_start(struct service *service, const struct variable *variable);

#endif
