// SPDX-License-Identifier: BSD-2-Clause
/*
 * firmware_keys SOCKET DIR    takes a VM in setup mode into user mode with the keys that make_keys
 *                             put into DIR, tries what nobody may do, and updates dbx as its owner
 *
 * Prints each step with the daemon's answer; fails when one isn't what it has to be.
 */
#include "auth/auth.h"
#include "base/cleanup.h"
#include "support/client.h"

#include <stdio.h>

#define FILE_MAX 65536u

struct step {
    const char *what;
    const char *file; /* in DIR, without .auth; NULL: no data */
    char16_t name[4]; /* of the variable, ended by a zero */
    bool append;
    efi_status expected;
};

static const struct step steps[] = {
    {"dbx from the host's key set", "dbx", u"dbx", true, EFI_SUCCESS},
    {"db, in setup mode by anybody", "db", u"db", false, EFI_SUCCESS},
    {"KEK, in setup mode by anybody", "KEK", u"KEK", false, EFI_SUCCESS},
    {"PK, signed by itself: user mode", "PK", u"PK", false, EFI_SUCCESS},
    {"dbx update without a signature", "dbx-unsigned", u"dbx", true, EFI_SECURITY_VIOLATION},
    {"dbx update signed by a stranger", "dbx-stranger", u"dbx", true, EFI_SECURITY_VIOLATION},
    {"an older db signed by KEK", "db-older", u"db", false, EFI_SECURITY_VIOLATION},
    {"deletion of PK without a signature", NULL, u"PK", false, EFI_SECURITY_VIOLATION},
    {"dbx update signed by KEK", "dbx-update", u"dbx", true, EFI_SUCCESS},
};

static size_t read_file(const char *folder, const char *name, uint8_t *data)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s.auth", folder, name);
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(data, 1, FILE_MAX, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return len;
}

static struct span name_of(const struct step *step)
{
    size_t len = 0;

    while (step->name[len] != 0) {
        len++;
    }
    return span_of(step->name, 2 * len);
}

static efi_status take_step(struct client *client, const char *folder, const struct step *step)
{
    auto_free uint8_t *data = malloc(FILE_MAX);
    bool global = auth_classify(&EFI_GLOBAL_VARIABLE, name_of(step)) != AUTH_CLASS_OTHER;
    size_t len = step->file != NULL ? read_file(folder, step->file, data) : 0;

    if (step->file != NULL && len == 0) {
        return CLIENT_LOST; /* there is no such file */
    }
    return client_set(
        client, global ? &EFI_GLOBAL_VARIABLE : &EFI_IMAGE_SECURITY_DATABASE, name_of(step),
        AUTH_KEY_ATTRIBUTES | (step->append ? EFI_VARIABLE_APPEND_WRITE : 0), span_of(data, len));
}

static unsigned mode(struct client *client, struct span name)
{
    uint8_t value = 0xff;
    size_t len = 1;

    client_get(client, &EFI_GLOBAL_VARIABLE, name, &value, &len, NULL);
    return value;
}

static size_t dbx_size(struct client *client)
{
    size_t len = 0;

    client_get(client, &EFI_IMAGE_SECURITY_DATABASE, EFI_NAME("dbx"), NULL, &len, NULL);
    return len;
}

static void print_state(struct client *client, const char *what, const char *answer,
                        const char *remark)
{
    printf("  %-36s %-20s %5u %10u %10zu%s\n", what, answer, mode(client, EFI_NAME("SetupMode")),
           mode(client, EFI_NAME("SecureBoot")), dbx_size(client), remark);
}

static int run(struct client *client, const char *folder)
{
    int result = 0;

    printf("  %-36s %-20s %5s %10s %10s\n", "SetVariable", "answer", "setup", "SecureBoot",
           "dbx bytes");
    print_state(client, "(before)", "", "");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        efi_status status = take_step(client, folder, &steps[i]);
        bool right = status == steps[i].expected;
        print_state(client, steps[i].what, efi_status_text(status), right ? "" : "   WRONG");
        result = right ? result : 1;
    }
    bool user_mode = mode(client, EFI_NAME("SetupMode")) == 0;
    return user_mode && mode(client, EFI_NAME("SecureBoot")) == 1 ? result : 1;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct client *client = argc == 3 ? client_open(argv[1], 10000, &err) : NULL;

    if (client == NULL) {
        fprintf(stderr, "usage: firmware_keys SOCKET DIR\n%s\n", err.text);
        return 2;
    }
    int result = run(client, argv[2]);
    client_close(client);
    return result;
}
