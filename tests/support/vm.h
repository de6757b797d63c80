// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VM's variable service in this process, with a firmware's client in front of it and a
 * persistence behind it that counts, and fails when it is told to.
 */
#ifndef TESTS_SUPPORT_VM_H
#define TESTS_SUPPORT_VM_H

#include "service/service.h"
#include "support/client.h"

struct vm {
    struct service *service;
    struct client *client;
    struct persistence persistence;
    struct port_handler handler;
    unsigned saves;         /* that succeeded */
    unsigned notifications; /* tried */
    bool keys_changed;      /* of the last save */
    bool fail_save;         /* from now on */
    bool fail_notify;
};

/* A started VM with the default variables. verifier is borrowed; NULL where no signature is
 * checked. Fails the test without memory. */
struct vm *vm_open(const struct service_config *config, struct verifier *verifier);
void vm_close(struct vm *vm);

/* An ASCII string as a variable's name; valid until the next call but seven. */
struct span vm_name(const char *text);

#endif
