// SPDX-License-Identifier: BSD-2-Clause
/* varstore-ls, varstore-get and varstore-set: the variables of a VM, as XAPI's scripts call them.
 */
#include "tools/tool.h"
#include "tools/vm.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>

static void print_key(const struct variable *variable)
{
    char guid[GUID_TEXT_SIZE];
    char name[WIRE_NAME_MAX * 3];

    printf("%s %s\n", guid_format(guid, &variable->guid),
           efi_name_format(name, sizeof(name), variable->name));
}

/* ------------------------------------------------------------------------------------ varstore-ls
 */

static int list(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    struct variable_view view;
    struct guid guid;
    const struct variable *variable = service_next(vm->service, &view, NULL, span_of(NULL, 0));

    (void)options;
    (void)err;
    while (variable != NULL) {
        print_key(variable);
        guid = variable->guid;
        variable = service_next(vm->service, &view, &guid, variable->name);
    }
    return 0;
}

int tool_varstore_ls(int argc, char **argv)
{
    static const struct xapi_usage usage = {"varstore-ls", "UUID", "", "", NULL, 1};
    struct xapi_options options;
    enum xapi_parse parsed = xapi_options_parse(&options, &usage, argc, argv);

    return parsed == XAPI_PARSE_RUN ? vm_run(&usage, &options, list) : parsed == XAPI_PARSE_WRONG;
}

/* ----------------------------------------------------------------------------------- varstore-get
 */

static void print_attributes(uint32_t attributes)
{
    static const char *const names[] = {
        "NON_VOLATILE",
        "BOOTSERVICE_ACCESS",
        "RUNTIME_ACCESS",
        "HARDWARE_ERROR_RECORD",
        "AUTHENTICATED_WRITE_ACCESS",
        "TIME_BASED_AUTHENTICATED_WRITE_ACCESS",
        "APPEND_WRITE",
        "ENHANCED_AUTHENTICATED_ACCESS",
    };
    /* By bit, in the order in which they have always been printed. */
    static const unsigned order[] = {0, 1, 2, 3, 5, 6, 7, 4};

    printf("Attributes = 0x%08x (%u)\n", attributes, attributes);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if ((attributes & 1u << order[i]) != 0) {
            printf("EFI_VARIABLE_%s\n", names[order[i]]);
        }
    }
}

static int get(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    struct vm_key key;
    struct variable_view view;

    if (!vm_key_parse(&key, options->args[1], options->args[2], err)) {
        return 1;
    }
    const struct variable *variable = service_get(vm->service, &view, &key.guid, key.name);
    if (variable == NULL) {
        return vm_fail_status(EFI_NOT_FOUND);
    }
    if (options->flag) {
        print_attributes(variable->attributes);
    } else {
        fwrite(variable->data.data, 1, variable->data.len, stdout);
    }
    return 0;
}

int tool_varstore_get(int argc, char **argv)
{
    static const struct xapi_usage usage = {"varstore-get",
                                            "UUID GUID NAME",
                                            "  -a         print the attributes, not the data\n",
                                            "a",
                                            NULL,
                                            3};
    struct xapi_options options;
    enum xapi_parse parsed = xapi_options_parse(&options, &usage, argc, argv);

    return parsed == XAPI_PARSE_RUN ? vm_run(&usage, &options, get) : parsed == XAPI_PARSE_WRONG;
}

/* ----------------------------------------------------------------------------------- varstore-set
 */

/* What varstore-set was asked for, read before a chroot hides the file. */
struct set_input {
    struct vm_key key;
    uint32_t attributes;
    uint8_t *data;
    size_t len;
};

static bool read_input(struct set_input *out, char **args, struct err *err)
{
    char *end;

    if (!vm_key_parse(&out->key, args[1], args[2], err)) {
        return false;
    }
    errno = 0;
    unsigned long attributes = strtoul(args[3], &end, 0);
    if (end == args[3] || *end != '\0' || errno != 0 || attributes > UINT32_MAX) {
        return err_set(err, "%s are no attributes: a number, 7 or 0x27 for instance", args[3]);
    }
    out->attributes = (uint32_t)attributes;
    out->data = tool_read_file(args[4], WIRE_DATA_MAX, &out->len, err);
    return out->data != NULL;
}

static int set(struct vm *vm, const struct xapi_options *options, struct err *err)
{
    const struct set_input *input = options->self;
    const struct request request = {
        .command = WIRE_SET_VARIABLE,
        .name = input->key.name,
        .guid = input->key.guid,
        .data = span_of(input->data, input->len),
        .attributes = input->attributes,
    };
    efi_status status = service_set_variable(vm->service, &request);

    (void)err;
    return status == EFI_SUCCESS ? 0 : vm_fail_status(status);
}

int tool_varstore_set(int argc, char **argv)
{
    static const struct xapi_usage usage = {
        "varstore-set", "UUID GUID NAME ATTRS FILE", "", "", NULL, 5};
    struct xapi_options options;
    struct set_input input = {0};
    struct err err;
    enum xapi_parse parsed = xapi_options_parse(&options, &usage, argc, argv);

    if (parsed != XAPI_PARSE_RUN) {
        return parsed == XAPI_PARSE_WRONG;
    }
    if (!read_input(&input, options.args, &err)) {
        return tool_fail(usage.name, &err);
    }
    options.self = &input;
    int code = vm_run(&usage, &options, set);
    free(input.data);
    return code;
}
