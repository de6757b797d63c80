// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_XAPI_SOCKET "/var/lib/xcp/xapi"
#define DEFAULT_KEYS_DIR "/var/lib/varstored"

/* One option. argument is NULL when it takes none; take gets the value, or "" without one. */
struct option_spec {
    const char *name;
    const char *argument;
    bool (*take)(void *field, const char *value, struct err *err);
    size_t field; /* its place in struct options */
    const char *help;
};

static bool take_flag(void *field, const char *value, struct err *err)
{
    (void)value;
    (void)err;
    *(bool *)field = true;
    return true;
}

static bool take_string(void *field, const char *value, struct err *err)
{
    (void)err;
    *(const char **)field = value;
    return true;
}

/* Numbers in base 0, as the toolstack's scripts may write them. */
static bool take_number(void *field, const char *value, struct err *err)
{
    struct number *out = field;
    char *end;

    errno = 0;
    unsigned long number = strtoul(value, &end, 0);
    if (errno != 0 || end == value || *end != '\0' || *value == '-' || number >= UINT32_MAX) {
        return err_set(err, "'%s' is not a number", value);
    }
    *out = (struct number){.given = true, .value = (unsigned)number};
    return true;
}

static bool take_choice(void *field, const char *value, struct err *err)
{
    enum choice *out = field;

    if (strcmp(value, "yes") == 0) {
        *out = CHOICE_YES;
    } else if (strcmp(value, "no") == 0) {
        *out = CHOICE_NO;
    } else {
        return err_set(err, "'%s' is neither yes nor no", value);
    }
    return true;
}

static bool take_transport(void *field, const char *value, struct err *err)
{
    static const char unix_prefix[] = "unix:";
    const char **socket_path = field;

    if (strcmp(value, "xen") == 0) {
        *socket_path = NULL;
        return true;
    }
    if (strncmp(value, unix_prefix, strlen(unix_prefix)) == 0 && value[strlen(unix_prefix)] != 0) {
        *socket_path = value + strlen(unix_prefix);
        return true;
    }
    return err_set(err, "'%s' is neither xen nor unix:PATH", value);
}

static bool take_backend(void *field, const char *value, struct err *err)
{
    static const char *const names[] = {
        [BACKEND_XAPIDB] = "xapidb", [BACKEND_FILE] = "file", [BACKEND_MEMORY] = "memory"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum backend_kind *)field = (enum backend_kind)i;
            return true;
        }
    }
    return err_set(err, "'%s' is none of xapidb, file and memory", value);
}

static bool take_arg(void *field, const char *value, struct err *err)
{
    struct options *options = field;
    const struct {
        const char *prefix;
        const char **to;
    } args[] = {
        {"uuid:", &options->vm_uuid},       {"socket:", &options->xapi_socket},
        {"path:", &options->store_dir},     {"save:", &options->save_path},
        {"resume:", &options->resume_path},
    };

    for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        size_t len = strlen(args[i].prefix);
        if (strncmp(value, args[i].prefix, len) == 0 && value[len] != '\0') {
            *args[i].to = value + len;
            return true;
        }
    }
    return err_set(err, "'%s' is none of uuid:UUID, socket:PATH, path:DIR, save:PATH, resume:PATH",
                   value);
}

static bool take_log_level(void *field, const char *value, struct err *err)
{
    if (!log_level_parse((enum log_level *)field, value)) {
        return err_set(err, "'%s' is none of error, warning, info and debug", value);
    }
    return true;
}

#define FIELD(member) offsetof(struct options, member)

static const struct option_spec specs[] = {
    {"domain", "ID", take_number, FIELD(domain), "the Xen domain to serve"},
    {"transport", "xen|unix:PATH", take_transport, FIELD(socket_path),
     "how the guest is reached (xen)"},
    {"backend", "NAME", take_backend, FIELD(backend),
     "where variables are kept: xapidb, file, memory (xapidb)"},
    {"arg", "NAME:VALUE", take_arg, 0,
     "uuid:UUID and socket:PATH (xapidb), path:DIR (file), save:PATH, resume:PATH"},
    {"resume", NULL, take_flag, FIELD(resume),
     "go on from the state in the file of --arg resume:PATH"},
    {"restored", NULL, take_flag, FIELD(restored),
     "the VM goes on without such a file: what it locked is locked"},
    {"nonpersistent", NULL, take_flag, FIELD(nonpersistent), "never save variables in the backend"},
    {"keys", "DIR", take_string, FIELD(keys_dir),
     "dbx, db, KEK and PK.auth for a first boot (" DEFAULT_KEYS_DIR ")"},
    {"strict-keys", NULL, take_flag, FIELD(strict_keys),
     "fail where db.auth or KEK.auth is missing"},
    {"secure-boot", "yes|no", take_choice, FIELD(secure_boot),
     "instead of xenstore's platform/secureboot"},
    {"auth-enforce", "yes|no", take_choice, FIELD(enforce),
     "instead of xenstore's platform/auth-enforce"},
    {"chroot", "DIR", take_string, FIELD(chroot_dir), "change the root to DIR before serving"},
    {"depriv", NULL, take_flag, FIELD(depriv), "leave the host's namespaces"},
    {"strict-sandbox", NULL, take_flag, FIELD(strict_sandbox),
     "fail where a part of the sandbox is refused"},
    {"uid", "UID", take_number, FIELD(uid), "serve as this user"},
    {"gid", "GID", take_number, FIELD(gid), "serve as this group"},
    {"pidfile", "FILE", take_string, FIELD(pidfile),
     "write the process id to FILE and keep it locked"},
    {"record", "FILE", take_string, FIELD(record_path), "write every request and reply to FILE"},
    {"event-fd", "NUMBER", take_number, FIELD(event_fd),
     "write a line to this descriptor for each event"},
    {"log-level", "LEVEL", take_log_level, FIELD(log_level),
     "error, warning, info or debug (info)"},
    {"help", NULL, take_flag, FIELD(help), "show this text"},
    {"version", NULL, take_flag, FIELD(version), "show the version"},
};

#define SPEC_COUNT (sizeof(specs) / sizeof(specs[0]))

void options_print_help(void)
{
    puts("usage: uefistored --domain ID --backend NAME [--arg NAME:VALUE]... [OPTION]...\n"
         "       uefistored --transport unix:PATH --backend file --arg path:DIR [OPTION]...\n\n"
         "Serves the UEFI variables of one virtual machine, and verifies what is signed.\n");
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        char left[40];

        snprintf(left, sizeof(left), "--%s %s", specs[i].name,
                 specs[i].argument != NULL ? specs[i].argument : "");
        printf("  %-28s %s\n", left, specs[i].help);
    }
    puts("\nExit status: 0 after a clean end, 2 for wrong usage, 1 for any other error.\n"
         "The manual is uefistored(8).");
}

/* Finds the option that --name or --name=value means. */
static const struct option_spec *find_spec(const char *word, const char **value)
{
    const char *name = word + 2;
    size_t len = strcspn(name, "=");

    *value = name[len] == '=' ? name + len + 1 : NULL;
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        if (strlen(specs[i].name) == len && strncmp(specs[i].name, name, len) == 0) {
            return &specs[i];
        }
    }
    return NULL;
}

/* Takes the option at argv[*i] with its value, and moves *i to its last word. */
static bool take_option(struct options *options, int argc, char *const argv[], int *i,
                        struct err *err)
{
    const char *word = strcmp(argv[*i], "-h") == 0 ? "--help" : argv[*i];
    const char *value;
    const struct option_spec *spec = strncmp(word, "--", 2) == 0 ? find_spec(word, &value) : NULL;

    if (spec == NULL) {
        return err_set(err, "unknown option '%s'", word);
    }
    if (spec->argument == NULL && value != NULL) {
        return err_set(err, "--%s takes no value", spec->name);
    }
    if (spec->argument != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return err_set(err, "--%s needs a value: %s", spec->name, spec->argument);
        }
        value = argv[++*i];
    }
    if (!spec->take((char *)options + spec->field, value != NULL ? value : "", err)) {
        return err_context(err, "--%s", spec->name);
    }
    return true;
}

/* What has to be there together. */
static bool check_together(const struct options *options, struct err *err)
{
    if (options->socket_path == NULL && !options->domain.given) {
        return err_set(err, "say which domain to serve: --domain ID (or --transport unix:PATH)");
    }
    if (options->backend == BACKEND_XAPIDB && options->vm_uuid == NULL) {
        return err_set(err, "--backend xapidb needs --arg uuid:UUID of the VM");
    }
    if (options->backend == BACKEND_FILE && options->store_dir == NULL) {
        return err_set(err, "--backend file needs --arg path:DIR");
    }
    if (options->resume && options->resume_path == NULL) {
        return err_set(err, "--resume needs --arg resume:PATH");
    }
    if (options->resume && options->restored) {
        return err_set(err, "--restored is for where there is nothing to --resume from");
    }
    if (options->uid.given != options->gid.given) {
        return err_set(err, "--uid and --gid go together");
    }
    return true;
}

bool options_parse(struct options *out, int argc, char *const argv[], struct err *err)
{
    *out = (struct options){
        .backend = BACKEND_XAPIDB,
        .xapi_socket = DEFAULT_XAPI_SOCKET,
        .keys_dir = DEFAULT_KEYS_DIR,
        .log_level = LOG_LEVEL_INFO,
    };
    for (int i = 1; i < argc; i++) {
        if (!take_option(out, argc, argv, &i, err)) {
            return false;
        }
    }
    return out->help || out->version || check_together(out, err);
}
