// SPDX-License-Identifier: BSD-2-Clause
/*
 * Scripts of the calls that a firmware makes, with what each has to give: a row of a table is a
 * test.
 */
#ifndef TESTS_SUPPORT_SCRIPT_H
#define TESTS_SUPPORT_SCRIPT_H

#include "support/vm.h"

/* Whose variables those are that no rule knows. */
extern const struct guid script_vendor;

enum operation {
    OP_END,
    OP_SET,
    OP_SET_RUNTIME,
    OP_SET_SIZE, /* `number` bytes of 'x' */
    OP_GET,      /* has to give exactly the data */
    OP_GET_RUNTIME,
    OP_GET_CAPACITY, /* room for `number` bytes */
    OP_NEXT,         /* from the name, with room for `number` bytes; has to give `data` as a name */
    OP_NEXT_RUNTIME,
    OP_QUERY,
    OP_NOTIFY,
    OP_ATTRIBUTES, /* has to have these */
    OP_SAVES,      /* `number` so far */
    OP_FAIL_SAVES, /* or no longer, by `number` */
    OP_FAIL_NOTIFY,
    OP_NOTIFICATIONS,
    OP_PPI_WRITE, /* `number` at index `attributes`, of the width `size` */
    OP_PPI_READ,  /* has to give `number` */
    OP_COMMAND,   /* version `attributes`, command `number` */
};

struct step {
    enum operation op;
    const struct guid *guid;
    const char *name;
    uint32_t attributes;
    const char *data;
    size_t size; /* of data; 0: as a string */
    uint64_t number;
    efi_status status;
};

#define STEPS_MAX 12

struct row {
    const char *rule;
    struct step steps[STEPS_MAX];
};

#define ROW(text, ...)                                                                             \
    {                                                                                              \
        .rule = text, .steps = { __VA_ARGS__ }                                                     \
    }

#define V EFI_VARIABLE_NON_VOLATILE
#define B EFI_VARIABLE_BOOTSERVICE_ACCESS
#define R EFI_VARIABLE_RUNTIME_ACCESS
#define HW EFI_VARIABLE_HARDWARE_ERROR_RECORD
#define AUTH EFI_VARIABLE_AUTHENTICATED_WRITE_ACCESS
#define TIME EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS
#define ADD EFI_VARIABLE_APPEND_WRITE
#define ENH EFI_VARIABLE_ENHANCED_AUTHENTICATED_ACCESS
#define NBR EFI_VARIABLE_NV_BS_RT

#define OK EFI_SUCCESS
#define INVALID EFI_INVALID_PARAMETER
#define MISSING EFI_NOT_FOUND
#define PROTECTED EFI_WRITE_PROTECTED
#define FULL EFI_OUT_OF_RESOURCES

#define SET(n, a, d, s)                                                                            \
    {                                                                                              \
        .op = OP_SET, .guid = &script_vendor, .name = n, .attributes = a, .data = d, .status = s   \
    }
#define SET_OF(...) SET_OF_(__VA_ARGS__)
#define SET_OF_(g, n, a, d, s)                                                                     \
    {                                                                                              \
        .op = OP_SET, .guid = g, .name = n, .attributes = a, .data = d, .status = s                \
    }
#define SET_BYTES(...) SET_BYTES_(__VA_ARGS__)
#define SET_BYTES_(g, n, a, d, l, s)                                                               \
    {                                                                                              \
        .op = OP_SET, .guid = g, .name = n, .attributes = a, .data = d, .size = l, .status = s     \
    }
#define SET_RT(n, a, d, s)                                                                         \
    {                                                                                              \
        .op = OP_SET_RUNTIME, .guid = &script_vendor, .name = n, .attributes = a, .data = d,       \
        .status = s                                                                                \
    }
#define SET_SIZE(n, a, l, s)                                                                       \
    {                                                                                              \
        .op = OP_SET_SIZE, .guid = &script_vendor, .name = n, .attributes = a, .number = l,        \
        .status = s                                                                                \
    }
#define GET(n, d)                                                                                  \
    {                                                                                              \
        .op = OP_GET, .guid = &script_vendor, .name = n, .data = d, .status = OK                   \
    }
#define GET_OF(...) GET_OF_(__VA_ARGS__)
#define GET_OF_(g, n, d, l)                                                                        \
    {                                                                                              \
        .op = OP_GET, .guid = g, .name = n, .data = d, .size = l, .status = OK                     \
    }
#define GET_NONE(n)                                                                                \
    {                                                                                              \
        .op = OP_GET, .guid = &script_vendor, .name = n, .status = MISSING                         \
    }
#define GET_NONE_OF(...) GET_NONE_OF_(__VA_ARGS__)
#define GET_NONE_OF_(g, n)                                                                         \
    {                                                                                              \
        .op = OP_GET, .guid = g, .name = n, .status = MISSING                                      \
    }
#define GET_RT(n, d, s)                                                                            \
    {                                                                                              \
        .op = OP_GET_RUNTIME, .guid = &script_vendor, .name = n, .data = d, .status = s            \
    }
#define GET_CAP(n, c, l, s)                                                                        \
    {                                                                                              \
        .op = OP_GET_CAPACITY, .guid = &script_vendor, .name = n, .number = c, .size = l,          \
        .status = s                                                                                \
    }
#define NEXT(n, c, d, s)                                                                           \
    {                                                                                              \
        .op = OP_NEXT, .guid = &script_vendor, .name = n, .number = c, .data = d, .status = s      \
    }
#define NEXT_RT(n, c, d, s)                                                                        \
    {                                                                                              \
        .op = OP_NEXT_RUNTIME, .guid = &script_vendor, .name = n, .number = c, .data = d,          \
        .status = s                                                                                \
    }
#define QUERY(a, s)                                                                                \
    {                                                                                              \
        .op = OP_QUERY, .attributes = a, .status = s                                               \
    }
#define NOTIFY(s)                                                                                  \
    {                                                                                              \
        .op = OP_NOTIFY, .status = s                                                               \
    }
#define NOTIFICATIONS(n)                                                                           \
    {                                                                                              \
        .op = OP_NOTIFICATIONS, .number = n                                                        \
    }
#define ATTRIBUTES(n, a)                                                                           \
    {                                                                                              \
        .op = OP_ATTRIBUTES, .guid = &script_vendor, .name = n, .attributes = a                    \
    }
#define ATTRIBUTES_OF(...) ATTRIBUTES_OF_(__VA_ARGS__)
#define ATTRIBUTES_OF_(g, n, a)                                                                    \
    {                                                                                              \
        .op = OP_ATTRIBUTES, .guid = g, .name = n, .attributes = a                                 \
    }
#define SAVES(n)                                                                                   \
    {                                                                                              \
        .op = OP_SAVES, .number = n                                                                \
    }
#define FAIL_SAVES(on)                                                                             \
    {                                                                                              \
        .op = OP_FAIL_SAVES, .number = on                                                          \
    }
#define FAIL_NOTIFY(on)                                                                            \
    {                                                                                              \
        .op = OP_FAIL_NOTIFY, .number = on                                                         \
    }
#define PPI_WRITE(i, w, v)                                                                         \
    {                                                                                              \
        .op = OP_PPI_WRITE, .attributes = i, .size = w, .number = v                                \
    }
#define PPI_READ(i, w, v)                                                                          \
    {                                                                                              \
        .op = OP_PPI_READ, .attributes = i, .size = w, .number = v                                 \
    }
#define COMMAND(v, c, s)                                                                           \
    {                                                                                              \
        .op = OP_COMMAND, .attributes = v, .number = c, .status = s                                \
    }

/* Does the steps one after the other; one that gives something else fails the (cmocka) test. */
void script_run(struct vm *vm, const struct row *row);

#endif
