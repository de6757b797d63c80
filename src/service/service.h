// SPDX-License-Identifier: BSD-2-Clause
/*
 * The variable service of one VM: the five commands, MOR and the TPM physical presence ports. Bytes
 * of a request in, bytes of a reply out; it owns the variables, and has them saved before it
 * acknowledges a change.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/err.h"
#include "crypto/verifier.h"
#include "store/store.h"
#include "wire/wire.h"

#define PPI_VOLATILE_SIZE 256u
#define MOR_KEY_SIZE 8u

/* What a VM has beside its variables, and what moves with it when it is suspended or migrated. */
struct device_state {
    uint8_t mor_key[MOR_KEY_SIZE];
    uint32_t ppi_index;
    uint8_t ppi_volatile[PPI_VOLATILE_SIZE];
};

/* Where the service's state goes. Implemented by backend/persist.h. */
struct persistence {
    void *self;
    /*
     * Makes the non-volatile variables of the store durable; true only when they are. keys_changed:
     * PK, KEK, db, dbx or dbt is among the changes. False: nothing was changed where they are kept,
     * or at least a later load gives old or new state.
     */
    bool (*save)(void *self, const struct store *store, bool keys_changed, struct err *err);
    /* Tells the administrator that an image failed Secure Boot verification. */
    bool (*notify)(void *self, struct err *err);
};

struct service_config {
    bool secure_boot; /* the host enabled Secure Boot for this VM */
    bool enforce;     /* false: permissive, see auth/auth.h */
};

struct service;

/*
 * An empty service, or NULL without memory. persistence and verifier are borrowed and have to
 * outlive it; persistence is not used before service_serve().
 */
struct service *service_new(const struct service_config *config,
                            const struct persistence *persistence, struct verifier *verifier);
void service_free(struct service *service);

/* Before service_start: puts a variable that was loaded. False without memory. The derived mode
 * variables are passed over. */
bool service_restore_variable(struct service *service, const struct variable *variable);
void service_restore_device(struct service *service, const struct device_state *state);

/*
 * What a start of the VM (not a resume) does to its variables: MOR and the physical presence lock
 * reset, PPIBuffer made where it isn't. In memory only: the next save takes them along. A store too
 * full for them goes without, with a warning.
 */
void service_start(struct service *service);

/*
 * Instead of service_start, where this process goes on in place of one that was killed while the VM
 * ran. What that held in memory only is lost; what the VM may have locked is locked until the VM
 * starts again, and no alert is sent twice.
 */
void service_adopt(struct service *service);

/* A SetVariable as from boot services, through every check. For key enrolment and tools. */
efi_status service_set_variable(struct service *service, const struct request *request);

/* Several changes that are saved together or not at all: nests around service_set_variable. */
void service_begin(struct service *service);
efi_status service_commit(struct service *service);
void service_abort(struct service *service);

/*
 * Serves the request that lies at the beginning of request.data (a private copy; request.len bytes
 * are there) and writes the reply into reply, WIRE_BUFFER_SIZE bytes. Gives the reply's length, 8
 * at least. Never fails otherwise than in the reply.
 */
size_t service_handle(struct service *service, struct span request, uint8_t *reply);

/* The PPI ports. port is absolute (0x104..), size 1, 2 or 4 bytes; whatever fits no register reads
 * 0 and writes nothing. */
uint32_t service_port_read(struct service *service, uint32_t port, unsigned size);
void service_port_write(struct service *service, uint32_t port, unsigned size, uint32_t value);

/*
 * The variables as a guest sees them: the stored ones and the five derived mode variables, in one
 * order. The first is service_next(service, NULL, ..). view: room for a derived one; the result
 * points to it or into the store.
 */
struct variable_view {
    struct variable variable;
    uint8_t data[64];
};
const struct variable *service_get(const struct service *service, struct variable_view *view,
                                   const struct guid *guid, struct span name);
const struct variable *service_next(const struct service *service, struct variable_view *view,
                                    const struct guid *guid, struct span name);

const struct store *service_store(const struct service *service);
const struct device_state *service_device(const struct service *service);

/* Is SecureBoot 1: a PK is there and the host enabled it? */
bool service_secure_boot(const struct service *service);

#endif
