// SPDX-License-Identifier: BSD-2-Clause
/* varstore keys make, install and enroll. */
#include "tools/auth_file.h"
#include "tools/commands.h"
#include "tools/diff.h"
#include "tools/key_set.h"
#include "tools/keys.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "base/cleanup.h"
#include "crypto/pkcs7_sign.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#define VALID_DAYS 7300u /* firmware doesn't look at it; twenty years keep other tools content */

/* ----------------------------------------------------------------------------------------- make */

static bool write_new(const char *folder, const char *key, const char *suffix, const char *text,
                      unsigned mode, struct err *err)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s.%s", folder, key, suffix);
    if (access(path, F_OK) == 0) {
        return err_set(err, "%s is there already: a key is never replaced", path);
    }
    return tool_write_file(path, span_of(text, strlen(text)), mode, err);
}

/* So that all of this set's entries, whenever they are made, are known by one owner. */
static bool make_owner(const struct command_line *line, struct err *err)
{
    char text[GUID_TEXT_SIZE];
    char path[PATH_MAX];
    struct guid owner;

    if (line->owner != NULL && !guid_parse(&owner, line->owner)) {
        return err_set(err, "--owner: %s is not a GUID", line->owner);
    }
    if (line->owner == NULL && !auth_file_new_owner(&owner, err)) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/" KEY_OWNER_FILE, line->keys);
    guid_format(text, &owner);
    text[GUID_TEXT_SIZE - 1] = '\n'; /* in place of the terminator */
    return access(path, F_OK) == 0 || tool_write_file(path, span_of(text, sizeof(text)), 0644, err);
}

static bool make_key(const struct command_line *line, const char *key, const char *purpose,
                     struct err *err)
{
    char common_name[64];
    char *key_pem = NULL;
    char *certificate_pem = NULL;

    snprintf(common_name, sizeof(common_name), "%.40s %s",
             line->name != NULL ? line->name : "uefistored", purpose);
    bool made = pkcs7_make_key(common_name, VALID_DAYS, &key_pem, &certificate_pem, err) &&
                write_new(line->keys, key, "key", key_pem, 0600, err) &&
                write_new(line->keys, key, "crt", certificate_pem, 0644, err);
    free(key_pem);
    free(certificate_pem);
    return made;
}

static int keys_make(struct command_line *line, struct err *err)
{
    if (mkdir(line->keys, 0700) != 0 && errno != EEXIST) {
        err_errno(err, "can't make the folder %s", line->keys);
        return 1;
    }
    bool made = make_owner(line, err) && make_key(line, "PK", "Platform Key", err) &&
                make_key(line, "KEK", "Key Exchange Key", err) &&
                make_key(line, "db", "Signature Database Key", err);
    return made ? 0 : 1;
}

/* -------------------------------------------------------------------------------------- install */

struct set_key {
    const char *text;
    struct span lists;
    uint32_t append;
};

#define SET_KEYS 4u

static void list_set(const struct key_set *set, struct set_key out[SET_KEYS])
{
    out[0] = (struct set_key){"dbx", writer_span(&set->dbx), EFI_VARIABLE_APPEND_WRITE};
    out[1] = (struct set_key){"db", writer_span(&set->db), 0};
    out[2] = (struct set_key){"KEK", writer_span(&set->kek), 0};
    out[3] = (struct set_key){"PK", writer_span(&set->pk), 0};
}

/* PK has to be signed by the key that it carries; without that key, a permissive host takes it. */
static bool write_auth(const struct command_line *line, const struct set_key *key,
                       const struct auth_signer *signer, struct err *err)
{
    const struct guid *guid;
    struct auth_target target = {.attributes = AUTH_KEY_ATTRIBUTES | key->append,
                                 .time = auth_file_time_now(),
                                 .payload = key->lists};
    char path[PATH_MAX];
    size_t len;

    if (key->lists.len == 0 || !document_key_name(key->text, &guid, &target.name)) {
        return true;
    }
    target.guid = *guid;
    auto_free uint8_t *file = auth_file_make(&target, signer, &len, err);
    snprintf(path, sizeof(path), "%s/%s.auth", line->output, key->text);
    return file != NULL && tool_write_file(path, span_of(file, len), 0644, err);
}

static bool write_auths(const struct command_line *line, const struct key_set *set, struct err *err)
{
    struct set_key keys[SET_KEYS];
    char path[PATH_MAX];
    size_t key_len;
    size_t cert_len;
    struct err unused;

    snprintf(path, sizeof(path), "%s/PK.key", line->keys);
    auto_free uint8_t *key = tool_read_file(path, 1u << 20, &key_len, &unused);
    snprintf(path, sizeof(path), "%s/PK.crt", line->keys);
    auto_free uint8_t *cert = tool_read_file(path, 1u << 20, &cert_len, &unused);
    if (key == NULL || cert == NULL) {
        fprintf(stderr,
                "varstore keys: note: there is no PK.key in %s: PK.auth is not signed, and "
                "only a permissive VM takes it\n",
                line->keys);
    }
    const struct auth_signer signer = {span_of(key, key == NULL ? 0 : key_len),
                                       span_of(cert, cert == NULL ? 0 : cert_len)};
    list_set(set, keys);
    for (size_t i = 0; i < SET_KEYS; i++) {
        if (!write_auth(line, &keys[i], key != NULL && cert != NULL ? &signer : NULL, err)) {
            return false;
        }
    }
    return true;
}

static bool check_set(const struct command_line *line, const struct key_set *set, struct err *err)
{
    if (set->pk.len == 0) {
        return err_set(err, "%s has no PK.crt, and not Microsoft's certificate for a PK",
                       line->keys);
    }
    return set->db.len > 0 ||
           err_set(err, "%s has no certificate for db: with Secure Boot, nothing would start",
                   line->keys);
}

bool keys_choose(struct key_choice *out, const struct command_line *line, struct err *err)
{
    *out = (struct key_choice){.owner = line->owner};
    return key_profile_parse(&out->profile, line->profile, err) &&
           dbx_choose(&out->dbx, line->arch, line->optional, err);
}

static int keys_install(struct command_line *line, struct err *err)
{
    struct key_set set = {0};
    struct key_choice choice;

    if (line->output == NULL) {
        line->output = "/var/lib/varstored";
    }
    bool done = keys_choose(&choice, line, err) && key_set_read(&set, line->keys, &choice, err) &&
                check_set(line, &set, err) && write_auths(line, &set, err);
    key_set_free(&set);
    return done ? 0 : 1;
}

/* --------------------------------------------------------------------------------------- enroll */

/* What is there as it shall be keeps its time. */
static bool is_there(const struct document *document, const struct set_key *key)
{
    const struct variable *there = document_key(document, key->text);

    return key->lists.len == 0 || (there != NULL && span_equal(there->data, key->lists));
}

static bool enroll_set(struct document *document, const struct key_set *set, struct err *err)
{
    struct set_key keys[SET_KEYS];

    list_set(set, keys);
    for (size_t i = 0; i < SET_KEYS; i++) {
        const struct guid *guid;
        struct span name;

        if (is_there(document, &keys[i]) || !document_key_name(keys[i].text, &guid, &name)) {
            continue;
        }
        efi_status status =
            document_set(document, guid, name, AUTH_KEY_ATTRIBUTES | keys[i].append, keys[i].lists);
        if (status != EFI_SUCCESS) {
            return err_set(err, "%s can't be set: %s", keys[i].text, efi_status_text(status));
        }
    }
    return true;
}

static bool replaces_keys(const struct source *source)
{
    return document_key(&source->document, "PK") != NULL;
}

bool keys_save_confirmed(const struct command_line *line, struct source *source,
                         const char *question, struct err *err)
{
    auto_tree json_t *changes = diff_stores(source->before, source->document.store, false);

    (line->json ? tree_print_json : diff_print)(changes);
    if (line->dry_run || json_array_size(changes) == 0) {
        return true;
    }
    fflush(stdout);
    return (question == NULL || command_confirm(line, question, err)) && source_save(source, err);
}

static int keys_enroll(struct command_line *line, struct err *err)
{
    struct key_set set = {0};
    struct source source = {.lock = -1};
    struct key_choice choice;

    bool done =
        keys_choose(&choice, line, err) && key_set_read(&set, line->keys, &choice, err) &&
        check_set(line, &set, err) &&
        source_open(&source, line, line->dry_run ? SOURCE_READ_TO_CHANGE : SOURCE_WRITE, err);
    const char *question =
        done && replaces_keys(&source)
            ? "The VM has keys, which are replaced; what measures them (PCR 7: BitLocker) will "
              "notice. Go on?"
            : NULL;
    done = done && enroll_set(&source.document, &set, err) &&
           keys_save_confirmed(line, &source, question, err);
    source_close(&source);
    key_set_free(&set);
    return done ? 0 : 1;
}

static int run_keys(struct command_line *line, struct err *err)
{
    const char *what = command_take(line);
    bool store = line->vm != NULL || line->store != NULL || line->count > 0;

    if (what == NULL || line->keys == NULL) {
        err_set(err, "what, and in which folder are the keys? make, install or enroll, --keys DIR");
        return EXIT_WRONG_USAGE;
    }
    if (strcmp(what, "make") == 0 && !store) {
        return keys_make(line, err);
    }
    if (strcmp(what, "install") == 0 && !store) {
        return keys_install(line, err);
    }
    if (strcmp(what, "enroll") == 0 && store) {
        return keys_enroll(line, err);
    }
    err_set(err, "keys make --keys DIR, keys install --keys DIR, or keys enroll STORE --keys DIR");
    return EXIT_WRONG_USAGE;
}

const struct command COMMAND_KEYS = {
    "keys",
    "make|install|enroll [STORE] --keys DIR",
    "Makes keys, and puts keys into a store",
    "VsfKpoNGnyjSrOF",
    1,
    2,
    run_keys,
};
