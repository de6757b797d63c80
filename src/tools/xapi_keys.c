// SPDX-License-Identifier: BSD-2-Clause
/* varstore-rm and varstore-sb-state: what XAPI calls when a VM is cloned or its mode is changed. */
#include "tools/clone_list.h"
#include "tools/tool.h"
#include "tools/vm.h"

#include "backend/keys.h"
#include "base/cleanup.h"

#include <stdio.h>

#define CLONE_FOLDER "/etc/xapi.d/efi-clone"
#define KEYS_FOLDER "/var/lib/varstored"

/* ------------------------------------------------------------------------------------ varstore-rm
 */

static int remove_one(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    struct vm_key key;

    if (!vm_key_parse(&key, options->args[1], options->args[2], err)) {
        return 1;
    }
    efi_status status = vm_delete(vm, &key.guid, key.name);
    return status == EFI_SUCCESS ? 0 : vm_fail_status(status);
}

/* A variable that isn't there, or can't be removed, doesn't keep a VM from being cloned. */
static int remove_listed(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    const struct clone_list *list = options->self;
    struct vm_key key;

    for (size_t i = 0; i < list->count; i++) {
        const struct clone_line *line = &list->lines[i];

        printf("Removing: GUID: '%s' Name: '%s'\n", line->guid, line->name);
        if (!vm_key_parse(&key, line->guid, line->name, err)) {
            return 1;
        }
        vm_delete(vm, &key.guid, key.name);
    }
    return 0;
}

static int count_rm(const struct xapi_usage *usage, bool flag)
{
    (void)usage;
    return flag ? 1 : 3;
}

static int run_listed(const struct xapi_usage *usage, struct xapi_options *options)
{
    struct clone_list list;
    struct err err;
    const char *folder = options->folder != NULL ? options->folder : CLONE_FOLDER;
    int code;

    if (clone_list_read(&list, folder, &err)) {
        options->self = &list;
        code = vm_run(usage, options, remove_listed);
    } else {
        code = tool_fail(usage->name, &err);
    }
    clone_list_free(&list);
    return code;
}

int tool_varstore_rm(int argc, char **argv)
{
    static const struct xapi_usage usage = {
        "varstore-rm",
        "UUID GUID NAME | -c UUID",
        "  -c         remove what a clone doesn't keep: " CLONE_FOLDER "/*\n"
        "  -C FOLDER  look for that in another folder\n",
        "cC:",
        count_rm,
        0};
    struct xapi_options options;
    enum xapi_parse parsed = xapi_options_parse(&options, &usage, argc, argv);

    if (parsed != XAPI_PARSE_RUN) {
        return parsed == XAPI_PARSE_WRONG;
    }
    return options.flag ? run_listed(&usage, &options) : vm_run(&usage, &options, remove_one);
}

/* ------------------------------------------------------------------------------ varstore-sb-state
 */

static bool remove_keys(struct vm *vm, struct err *err)
{
    static const struct {
        const char *text;
        struct span name;
        const struct guid *guid;
    } keys[] = {{"PK", EFI_NAME_INIT("PK"), &EFI_GLOBAL_VARIABLE},
                {"KEK", EFI_NAME_INIT("KEK"), &EFI_GLOBAL_VARIABLE},
                {"db", EFI_NAME_INIT("db"), &EFI_IMAGE_SECURITY_DATABASE},
                {"dbx", EFI_NAME_INIT("dbx"), &EFI_IMAGE_SECURITY_DATABASE}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        printf("Removing %s...\n", keys[i].text);
        efi_status status = vm_delete(vm, keys[i].guid, keys[i].name);
        if (status != EFI_SUCCESS && status != EFI_NOT_FOUND) {
            return err_set(err, "%s can't be removed: %s", keys[i].text, efi_status_text(status));
        }
    }
    return true;
}

static bool enroll(struct vm *vm, struct key_files *keys, struct err *err)
{
    service_begin(vm->service);
    if (!key_files_enroll(keys, vm->service, false, err)) {
        service_abort(vm->service);
        return false;
    }
    return service_commit(vm->service) == EFI_SUCCESS || err_set(err, "the keys can't be kept");
}

static int set_state(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    struct key_files *keys = options->self;

    return remove_keys(vm, err) && (keys == NULL || enroll(vm, keys, err)) ? 0 : 1;
}

static int run_user_state(const struct xapi_usage *usage, struct xapi_options *options)
{
    struct key_files keys;

    key_files_open(&keys, options->folder != NULL ? options->folder : KEYS_FOLDER);
    options->self = &keys;
    int code = vm_run(usage, options, set_state);
    key_files_close(&keys);
    return code;
}

int tool_varstore_sb_state(int argc, char **argv)
{
    static const struct xapi_usage usage = {
        "varstore-sb-state",
        "UUID setup|user",
        "  -K FOLDER  enroll the keys of this folder (" KEYS_FOLDER ")\n",
        "K:",
        NULL,
        2};
    struct xapi_options options;
    struct err err;
    enum xapi_parse parsed = xapi_options_parse(&options, &usage, argc, argv);

    if (parsed != XAPI_PARSE_RUN) {
        return parsed == XAPI_PARSE_WRONG;
    }
    if (strcmp(options.args[1], "setup") == 0) {
        return vm_run(&usage, &options, set_state);
    }
    if (strcmp(options.args[1], "user") == 0) {
        return run_user_state(&usage, &options);
    }
    err_set(&err, "the state is setup or user, not '%s'", options.args[1]);
    return tool_fail(usage.name, &err);
}
