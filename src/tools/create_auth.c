// SPDX-License-Identifier: BSD-2-Clause
/* create-auth: certificates into a file that SetVariable takes, and that a VM's first boot enrols.
 */
#include "tools/auth_file.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "crypto/pkcs7_sign.h"

#include <stdio.h>
#include <unistd.h>

#define NAME "create-auth"
#define FILE_MAX (1u << 20)

static const char usage[] =
    "Usage: create-auth [-k KEY -c CERT] NAME OUT CERTIFICATE...\n"
    "Makes OUT, an .auth file for the variable NAME (PK, KEK, db or dbx), of certificates (PEM).\n"
    "  -k KEY     sign with this private key (PEM)\n"
    "  -c CERT    and its certificate (PEM)\n"
    "  -h         show this help\n";

struct input {
    const char *key_path;
    const char *certificate_path;
    struct auth_target target;
    struct writer payload;
};

/* dbx is appended to what a VM has, so its signature is one for an append. */
static bool find_variable(struct auth_target *out, const char *name, struct err *err)
{
    static const struct {
        const char *text;
        struct span name;
        const struct guid *guid;
        uint32_t append;
    } variables[] = {
        {"PK", EFI_NAME_INIT("PK"), &EFI_GLOBAL_VARIABLE, 0},
        {"KEK", EFI_NAME_INIT("KEK"), &EFI_GLOBAL_VARIABLE, 0},
        {"db", EFI_NAME_INIT("db"), &EFI_IMAGE_SECURITY_DATABASE, 0},
        {"dbx", EFI_NAME_INIT("dbx"), &EFI_IMAGE_SECURITY_DATABASE, EFI_VARIABLE_APPEND_WRITE},
    };

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (strcmp(name, variables[i].text) == 0) {
            out->name = variables[i].name;
            out->guid = *variables[i].guid;
            out->attributes = AUTH_KEY_ATTRIBUTES | variables[i].append;
            return true;
        }
    }
    return err_set(err, "'%s' is not one of PK, KEK, db and dbx", name);
}

static bool add_certificate(struct writer *payload, const char *path, struct err *err)
{
    size_t len;
    size_t der_len;
    auto_free uint8_t *file = tool_read_file(path, FILE_MAX, &len, err);
    auto_free uint8_t *der =
        file == NULL ? NULL : certificate_load(span_of(file, len), &der_len, err);

    if (der == NULL) {
        return file == NULL ? false : err_context(err, "%s", path);
    }
    struct span certificate = span_of(der, der_len);
    const struct guid owner = auth_file_owner_of(certificate);

    auth_file_write_certificate(payload, &owner, certificate);
    return writer_ok(payload) ||
           err_set(err, "the certificates are too long for one variable (57344 bytes)");
}

static uint8_t *make(const struct input *input, size_t *len, struct err *err)
{
    size_t key_len;
    size_t certificate_len;

    if (input->key_path == NULL) {
        return auth_file_make(&input->target, NULL, len, err);
    }
    auto_free uint8_t *key = tool_read_file(input->key_path, FILE_MAX, &key_len, err);
    auto_free uint8_t *certificate =
        key == NULL ? NULL
                    : tool_read_file(input->certificate_path, FILE_MAX, &certificate_len, err);
    if (certificate == NULL) {
        return NULL;
    }
    const struct auth_signer signer = {span_of(key, key_len),
                                       span_of(certificate, certificate_len)};
    return auth_file_make(&input->target, &signer, len, err);
}

static bool create(struct input *input, char **args, int count, struct err *err)
{
    size_t len;

    if (!find_variable(&input->target, args[0], err)) {
        return false;
    }
    if (strcmp(args[0], "PK") == 0 && count != 3) {
        return err_set(err, "PK is one certificate, not %d", count - 2);
    }
    for (int i = 2; i < count; i++) {
        if (!add_certificate(&input->payload, args[i], err)) {
            return false;
        }
    }
    input->target.payload = writer_span(&input->payload);
    input->target.time = auth_file_time_now();
    auto_free uint8_t *file = make(input, &len, err);
    return file != NULL && tool_write_file(args[1], span_of(file, len), 0644, err);
}

static int run(struct input *input, char **args, int count)
{
    struct err err;
    auto_free uint8_t *room = malloc(STORE_DATA_MAX);

    if (room == NULL) {
        err_set(&err, "out of memory");
        return tool_fail(NAME, &err);
    }
    input->payload = writer_of(room, STORE_DATA_MAX);
    return create(input, args, count, &err) ? 0 : tool_fail(NAME, &err);
}

int tool_create_auth(int argc, char **argv)
{
    struct input input = {0};
    int option;

    while ((option = getopt(argc, argv, "hk:c:")) != -1) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 1;
        }
        *(option == 'k' ? &input.key_path : &input.certificate_path) = optarg;
    }
    bool half = (input.key_path == NULL) != (input.certificate_path == NULL);
    if (half || argc - optind < 3) {
        fputs(usage, stderr);
        return 1;
    }
    return run(&input, argv + optind, argc - optind);
}
