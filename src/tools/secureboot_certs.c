// SPDX-License-Identifier: BSD-2-Clause
/*
 * secureboot-certs: the certificates of an XCP-ng pool, which its VMs get at their first boot. It
 * takes the arguments that the script of this name takes, and downloads nothing: what is `default`
 * or `latest` there is the file that the host has.
 */
#include "tools/auth_file.h"
#include "tools/dbx.h"
#include "tools/describe.h"
#include "tools/document.h"
#include "tools/pool.h"
#include "tools/tar.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "auth/descriptor.h"
#include "backend/xapi.h"
#include "base/cleanup.h"
#include "crypto/pkcs7_sign.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>

#define NAME "secureboot-certs"
#define DEFAULTS "/usr/share/varstored"
#define KEY_COUNT 4u

static const char usage[] =
    "Usage: secureboot-certs [OPTION]... install [PK [KEK [db [dbx]]]]\n"
    "       secureboot-certs [OPTION]... clear\n"
    "       secureboot-certs [OPTION]... report\n"
    "       secureboot-certs [OPTION]... extract PK|KEK|db|dbx FILE\n"
    "Manages the Secure Boot certificates of the pool. Each of PK, KEK, db and dbx is a file\n"
    "(a certificate in PEM or DER, or an .auth file), `default` or `latest` (the host's own "
    "in\n" DEFAULTS "), and dbx may be `none`. An empty file is left out.\n"
    "  -D, --defaults DIR    the folder of the host's own\n"
    "  -p, --pk-priv FILE    the private key (PEM) of a PK that is given as a certificate\n"
    "  -s, --socket PATH     XAPI's socket (" XAPI_SOCKET_DEFAULT ")\n"
    "  -u, --user-agent TEXT accepted and not used: nothing is downloaded\n"
    "  -d, --debug, --verbose accepted; they change nothing\n"
    "  -V, --version         show the version\n"
    "  -h, --help            show this help\n";

static const char *const keys[KEY_COUNT] = {"PK", "KEK", "db", "dbx"};

struct options {
    const char *socket, *defaults, *pk_key;
};

/* -------------------------------------------------------------------------------------- install */

/* A PK is only taken when its own key has signed it (UEFI 2.10, 32.5.1); nobody has to sign the
 * others before there is a PK. */
static uint8_t *sign_list(const struct options *options, const struct auth_target *target,
                          bool is_pk, struct span certificate, size_t *len, struct err *err)
{
    size_t key_len;

    if (!is_pk) {
        return auth_file_make(target, NULL, len, err);
    }
    if (options->pk_key == NULL) {
        err_set(err, "setting a custom PK requires supplying its private half to --pk-priv");
        return NULL;
    }
    auto_free uint8_t *key = tool_read_file(options->pk_key, STORE_DATA_MAX, &key_len, err);
    const struct auth_signer signer = {span_of(key, key_len), certificate};
    return key == NULL ? NULL : auth_file_make(target, &signer, len, err);
}

static uint8_t *copy(struct span file, size_t *len, struct err *err)
{
    uint8_t *bytes = malloc(file.len);

    if (bytes == NULL) {
        err_set(err, "out of memory");
        return NULL;
    }
    memcpy(bytes, file.data, file.len);
    *len = file.len;
    return bytes;
}

/* A certificate, or for dbx what dbx is made of. */
static bool write_lists(struct writer *out, const char *key, struct span file, struct err *err)
{
    struct dbx_choice choice;
    struct dbx_info info;
    size_t len;

    if (strcmp(key, "dbx") == 0 &&
        (!dbx_choose(&choice, NULL, false, err) || !dbx_read(out, &info, file, &choice, err))) {
        return false;
    }
    if (out->len == 0) {
        auto_free uint8_t *der = certificate_load(file, &len, err);

        if (der == NULL) {
            return false;
        }
        const struct guid owner = auth_file_owner_of(span_of(der, len));
        auth_file_write_certificate(out, &owner, span_of(der, len));
    }
    return writer_ok(out) || err_set(err, "it is more than a variable can hold");
}

/* What the variable takes: .auth files as they are, the rest in one that is made here. */
static uint8_t *make_auth(const struct options *options, const char *key, struct span file,
                          size_t *len, struct err *err)
{
    struct descriptor descriptor;
    struct auth_target target = {.attributes = AUTH_KEY_ATTRIBUTES, .time = auth_file_time_now()};
    const struct guid *guid;

    if (descriptor_parse(&descriptor, file)) {
        return copy(file, len, err);
    }
    auto_free uint8_t *room = malloc(STORE_DATA_MAX);
    if (room == NULL || !document_key_name(key, &guid, &target.name)) {
        err_set(err, "out of memory");
        return NULL;
    }
    struct writer lists = writer_of(room, STORE_DATA_MAX);
    if (!write_lists(&lists, key, file, err)) {
        return NULL;
    }
    target.guid = *guid;
    target.payload = writer_span(&lists);
    return sign_list(options, &target, strcmp(key, "PK") == 0, file, len, err);
}

static bool add_key(struct writer *archive, const struct options *options, const char *key,
                    const char *argument, struct err *err)
{
    char path[PATH_MAX];
    char name[16];
    size_t file_len;
    size_t len = 0;

    snprintf(path, sizeof(path), "%s", argument);
    if (strcmp(argument, "default") == 0 || strcmp(argument, "latest") == 0) {
        snprintf(path, sizeof(path), "%s/%s.auth", options->defaults, key);
    }
    auto_free uint8_t *file = tool_read_file(path, DBX_FILE_MAX, &file_len, err);
    if (file == NULL) {
        return err_context(err, "%s", key);
    }
    if (file_len == 0) {
        return true;
    }
    auto_free uint8_t *auth = make_auth(options, key, span_of(file, file_len), &len, err);
    if (auth == NULL) {
        return err_context(err, "%s: %s", key, path);
    }
    snprintf(name, sizeof(name), "%s.auth", key);
    tar_write_file(archive, name, span_of(auth, len));
    return true;
}

static bool make_archive(struct writer *archive, const struct options *options, char **args,
                         int count, struct err *err)
{
    for (int i = 0; i < (int)KEY_COUNT; i++) {
        const char *argument = i < count ? args[i] : "default";

        if (strcmp(argument, "none") == 0 && strcmp(keys[i], "dbx") == 0) {
            continue;
        }
        if (!add_key(archive, options, keys[i], argument, err)) {
            return false;
        }
    }
    tar_write_end(archive);
    return writer_ok(archive) || err_set(err, "the certificates are too long");
}

/* done: what is said then, before the pool's UUID. */
static bool set(const struct options *options, struct span archive, const char *done,
                struct err *err)
{
    struct pool *pool = pool_open(options->socket, err);
    bool is_set = pool != NULL && pool_set_certificates(pool, archive, err);

    if (is_set) {
        const char *uuid = pool_uuid(pool);
        printf("%s%s%s.\n", done, *uuid != '\0' ? " " : "", uuid);
    }
    pool_close(pool);
    return is_set;
}

static bool install(const struct options *options, char **args, int count, struct err *err)
{
    const size_t room = KEY_COUNT * tar_size(2 * (size_t)STORE_DATA_MAX) + TAR_END;
    auto_free uint8_t *bytes = malloc(room);

    if (bytes == NULL) {
        return err_set(err, "out of memory");
    }
    struct writer archive = writer_of(bytes, room);
    return make_archive(&archive, options, args, count, err) &&
           set(options, writer_span(&archive),
               "Successfully installed custom certificates to the XAPI DB for pool", err);
}

static bool clear(const struct options *options, char **args, int count, struct err *err)
{
    (void)args;
    (void)count;
    return set(options, span_of(NULL, 0), "Cleared certificates from XAPI DB for pool", err);
}

/* --------------------------------------------------------------------------- report and extract */

static json_t *report_file(const char *name, struct span content)
{
    struct descriptor descriptor;
    json_t *file =
        json_pack("{s:o, s:I}", "file", tree_string(name), "size", (json_int_t)content.len);

    if (descriptor_parse(&descriptor, content)) {
        json_t *lists = describe_signatures(descriptor.payload, false);
        json_object_set_new(file, "signatures", lists != NULL ? lists : json_string("malformed"));
    }
    return file;
}

/* Goes over the pool's archive: a report of all, or (wanted) the content of one. */
static bool walk(const struct options *options, json_t *report, const char *wanted,
                 const char *output, struct err *err)
{
    struct pool *pool = pool_open(options->socket, err);
    size_t len = 0;
    auto_free uint8_t *bytes = pool == NULL ? NULL : pool_get_certificates(pool, &len, err);
    struct reader reader = reader_of(span_of(bytes, len));
    char name[101];
    struct span content;
    bool damaged = false;

    if (bytes != NULL && report != NULL) {
        printf("Certificate Info for pool: %s\n", pool_uuid(pool));
    }
    pool_close(pool);
    while (bytes != NULL && tar_next_file(&reader, name, &content, &damaged)) {
        const char *slash = strrchr(name, '/');
        const char *file = slash != NULL ? slash + 1 : name;

        if (report != NULL) {
            json_array_append_new(report, report_file(file, content));
        } else if (strcmp(file, wanted) == 0) {
            return tool_write_file(output, content, 0644, err);
        }
    }
    if (bytes == NULL) {
        return false;
    }
    return damaged          ? err_set(err, "the pool's archive of certificates is damaged")
           : report != NULL ? true
                            : err_set(err, "the pool has no %s", wanted);
}

static bool report(const struct options *options, char **args, int count, struct err *err)
{
    auto_tree json_t *tree = json_array();

    (void)args;
    (void)count;
    if (!walk(options, tree, NULL, NULL, err)) {
        return false;
    }
    if (json_array_size(tree) == 0) {
        puts("The pool has no certificates of its own.");
    }
    tree_print_text(tree);
    return true;
}

static bool extract(const struct options *options, char **args, int count, struct err *err)
{
    char wanted[16];
    const struct guid *guid;
    struct span name;

    (void)count;
    if (!document_key_name(args[0], &guid, &name)) {
        return err_set(err, "%s is not one of PK, KEK, db and dbx", args[0]);
    }
    snprintf(wanted, sizeof(wanted), "%s.auth", args[0]);
    return walk(options, NULL, wanted, args[1], err);
}

static const struct {
    const char *name;
    int least, most;
    bool (*run)(const struct options *options, char **args, int count, struct err *err);
} actions[] = {
    {"install", 0, 4, install},
    {"clear", 0, 0, clear},
    {"report", 0, 0, report},
    {"extract", 2, 2, extract},
};

static int run(const struct options *options, char **args, int count)
{
    for (size_t i = 0; count > 0 && i < sizeof(actions) / sizeof(actions[0]); i++) {
        struct err err = {0};

        if (strcmp(args[0], actions[i].name) != 0 || count - 1 < actions[i].least ||
            count - 1 > actions[i].most) {
            continue;
        }
        return actions[i].run(options, args + 1, count - 1, &err) && tool_flush(&err)
                   ? 0
                   : tool_fail(NAME, &err);
    }
    fputs(usage, stderr);
    return 1;
}

int tool_secureboot_certs(int argc, char **argv)
{
    static const struct option long_options[] = {{"defaults", required_argument, NULL, 'D'},
                                                 {"pk-priv", required_argument, NULL, 'p'},
                                                 {"debug", no_argument, NULL, 'd'},
                                                 {"verbose", no_argument, NULL, 'd'},
                                                 {"socket", required_argument, NULL, 's'},
                                                 {"user-agent", required_argument, NULL, 'u'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {"version", no_argument, NULL, 'V'},
                                                 {0}};
    struct options options = {XAPI_SOCKET_DEFAULT, DEFAULTS, NULL};
    int letter;

    while ((letter = getopt_long(argc, argv, "D:p:ds:u:hV", long_options, NULL)) != -1) {
        if (letter == 'h' || letter == '?') {
            fputs(usage, letter == 'h' ? stdout : stderr);
            return letter == 'h' ? 0 : 1;
        }
        if (letter == 'V') {
            return tool_print_version(NAME);
        }
        if (letter == 's') {
            options.socket = optarg;
        } else if (letter == 'D') {
            options.defaults = optarg;
        } else if (letter == 'p') {
            options.pk_key = optarg;
        }
    }
    return run(&options, argv + optind, argc - optind);
}
