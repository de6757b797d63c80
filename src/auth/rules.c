// SPDX-License-Identifier: BSD-2-Clause
#include "auth/rules.h"

/* UEFI 2.10, 3.3 and 32.4.1. */
static const struct {
    const struct guid *guid;
    struct span name;
    enum auth_class class;
} classes[] = {
    {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("PK"), AUTH_CLASS_PK},
    {&EFI_GLOBAL_VARIABLE, EFI_NAME_INIT("KEK"), AUTH_CLASS_KEK},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("db"), AUTH_CLASS_DATABASE},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbx"), AUTH_CLASS_DATABASE},
    {&EFI_IMAGE_SECURITY_DATABASE, EFI_NAME_INIT("dbt"), AUTH_CLASS_DATABASE},
};

// clang-format off
static const struct rule rules[] = {
    /*                        setup               user              permissive           payload                 append */
    [AUTH_CLASS_PK]       = {{SIGNER_PAYLOAD,     SIGNER_PK,        SIGNER_NOT_CHECKED}, FORMAT_ONE_CERTIFICATE, APPEND_FORBIDDEN},
    [AUTH_CLASS_KEK]      = {{SIGNER_NOT_CHECKED, SIGNER_PK,        SIGNER_NOT_CHECKED}, FORMAT_DATABASE,        APPEND_MERGED},
    [AUTH_CLASS_DATABASE] = {{SIGNER_NOT_CHECKED, SIGNER_PK_OR_KEK, SIGNER_NOT_CHECKED}, FORMAT_DATABASE,        APPEND_MERGED},
    [AUTH_CLASS_OTHER]    = {{SIGNER_OWNER,       SIGNER_OWNER,     SIGNER_ANYBODY},     FORMAT_ANYTHING,        APPEND_JOINED},
};
// clang-format on

enum auth_class auth_classify(const struct guid *guid, struct span name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (guid_equal(guid, classes[i].guid) && span_equal(name, classes[i].name)) {
            return classes[i].class;
        }
    }
    return AUTH_CLASS_OTHER;
}

const struct rule *rule_of(enum auth_class class)
{
    return &rules[class];
}
