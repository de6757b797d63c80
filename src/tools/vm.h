// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VM's variables as the tools that XAPI calls see them: the daemon's service over XAPI, which
 * loads them permissive and with Secure Boot off.
 *
 * What a tool changes is saved by vm_save, as one state: a tool that fails half way changes
 * nothing.
 */
#ifndef TOOLS_VM_H
#define TOOLS_VM_H

#include "backend/backend.h"
#include "service/service.h"
#include "tools/xapi_options.h"

struct vm {
    struct backend *backend;
    struct verifier *verifier;
    struct service *service;
    struct persistence pending; /* of the service: notes that there is something to save */
    bool changed;
    bool keys_changed;
};

/* Drops the privileges, then loads. False with err set; vm_close is needed all the same. */
bool vm_open(struct vm *vm, const struct xapi_options *options, const char *uuid, struct err *err);

/* Saves if there is anything to save. */
bool vm_save(struct vm *vm, struct err *err);
void vm_close(struct vm *vm);

/* A SetVariable without any signature that deletes, whatever the variable's attributes are. */
efi_status vm_delete(struct vm *vm, const struct guid *guid, struct span name);

/* A variable named by the arguments GUID and NAME. */
struct vm_key {
    struct guid guid;
    uint8_t name_bytes[WIRE_NAME_MAX];
    struct span name;
};

bool vm_key_parse(struct vm_key *out, const char *guid, const char *name, struct err *err);

/* What the guest would be told, on stderr as the scripts expect it; gives the exit code 1. */
int vm_fail_status(efi_status status);

/*
 * A tool's whole run: loads the VM that the first argument names, does the action, saves what it
 * changed. The action gives the exit code; what it leaves in err is printed.
 */
typedef int (*vm_action)(struct vm *vm, const struct xapi_options *options, struct err *err);
int vm_run(const struct xapi_usage *usage, const struct xapi_options *options, vm_action action);

#endif
