// SPDX-License-Identifier: BSD-2-Clause
#include "tools/key_set.h"

#include "base/cleanup.h"
#include "crypto/certificate.h"
#include "crypto/pkcs7_sign.h"
#include "tools/auth_file.h"
#include "tools/microsoft.h"
#include "tools/tool.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define MICROSOFT_2011 (MICROSOFT_KEK_2011 | MICROSOFT_WINDOWS_2011 | MICROSOFT_UEFI_2011)
#define MICROSOFT_KEKS (MICROSOFT_KEK_2011 | MICROSOFT_KEK_2023)

struct reading {
    struct key_set *set;
    const struct key_choice *choice;
    struct guid owner; /* of one's own, if has_owner */
    bool has_owner;
    bool own_pk;
    uint8_t *dbx_room; /* for the dbx of one file, as long as STORE_DATA_MAX */
    bool revoking;     /* the second time over: for the certificates that dbx names */
    unsigned revoked;  /* bits of those of them that were found */
};

bool key_profile_parse(enum key_profile *out, const char *text, struct err *err)
{
    static const char *const names[] = {
        [PROFILE_2011_AND_2023] = "2011+2023", [PROFILE_2023] = "2023", [PROFILE_OWN] = "own"};

    *out = PROFILE_2011_AND_2023;
    for (size_t i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum key_profile)i;
            return true;
        }
    }
    return text == NULL || err_set(err, "there is no profile %s: 2011+2023, 2023 or own", text);
}

static bool has_name(struct span der, const char *wanted)
{
    struct certificate certificate;
    uint8_t name[COMMON_NAME_MAX];

    if (!certificate_parse(&certificate, der)) {
        return false;
    }
    size_t len = certificate_common_name(&certificate, name);
    return span_equal(span_of(name, len), span_of(wanted, strlen(wanted)));
}

static struct guid owner_of(const struct reading *reading, struct span der)
{
    return reading->has_owner ? reading->owner : auth_file_owner_of(der);
}

static void set_pk(struct reading *reading, struct span der, bool own)
{
    const struct guid owner = own ? owner_of(reading, der) : auth_file_owner_of(der);

    if (reading->own_pk && !own) {
        return;
    }
    reading->own_pk = own;
    reading->set->pk.len = 0;
    auth_file_write_certificate(&reading->set->pk, &owner, der);
}

static bool add_own(struct reading *reading, const char *file, struct span der)
{
    const struct guid owner = owner_of(reading, der);

    if (strcmp(file, "PK.crt") == 0) {
        set_pk(reading, der, true);
    } else if (strcmp(file, "KEK.crt") == 0) {
        auth_file_write_certificate(&reading->set->kek, &owner, der);
    } else if (strcmp(file, "db.crt") == 0) {
        auth_file_write_certificate(&reading->set->db, &owner, der);
    } else {
        return false;
    }
    return true;
}

static void add_microsoft(struct reading *reading, struct span der)
{
    struct key_set *set = reading->set;
    unsigned bit = microsoft_certificate(der);

    if (has_name(der, "Windows OEM Devices PK") && reading->choice->profile != PROFILE_OWN) {
        set_pk(reading, der, false);
    }
    bool wanted = reading->choice->profile == PROFILE_2011_AND_2023 ||
                  (reading->choice->profile == PROFILE_2023 && (bit & MICROSOFT_2011) == 0);
    if (bit == 0 || !wanted || (set->certificates & bit) != 0) {
        return;
    }
    set->certificates |= bit;
    auth_file_write_certificate((bit & MICROSOFT_KEKS) != 0 ? &set->kek : &set->db,
                                &AUTH_FILE_OWNER_MICROSOFT, der);
}

/* A certificate that dbx names. */
static void add_revoked(struct reading *reading, struct span der)
{
    const struct dbx_info *info = &reading->set->dbx_info;

    for (size_t i = 0; i < info->certificate_count; i++) {
        if ((reading->revoked & 1u << i) == 0 && has_name(der, info->certificates[i])) {
            reading->revoked |= 1u << i;
            auth_file_write_certificate(&reading->set->dbx, &AUTH_FILE_OWNER_MICROSOFT, der);
        }
    }
}

static void add_certificate(struct reading *reading, const char *file, struct span bytes)
{
    size_t len;
    struct err unused;
    auto_free uint8_t *der = certificate_load(bytes, &len, &unused);

    if (der != NULL && reading->revoking) {
        add_revoked(reading, span_of(der, len));
    } else if (der != NULL && !add_own(reading, file, span_of(der, len))) {
        add_microsoft(reading, span_of(der, len));
    }
}

/* Of several, the newest counts. */
static bool add_dbx(struct reading *reading, struct span bytes, struct err *err)
{
    struct key_set *set = reading->set;
    struct writer lists = writer_of(reading->dbx_room, STORE_DATA_MAX);
    struct dbx_info info;

    if (!dbx_read(&lists, &info, bytes, &reading->choice->dbx, err)) {
        return false;
    }
    if (!writer_ok(&lists)) {
        return err_set(err, "it is more than a variable can hold");
    }
    if (lists.len > 0 &&
        (set->dbx.len == 0 || efi_time_compare(&info.time, &set->dbx_info.time) > 0)) {
        set->dbx.len = 0;
        set->dbx_info = info;
        writer_bytes(&set->dbx, writer_span(&lists));
    }
    return true;
}

static bool is_certificate(const char *file)
{
    return tool_ends_with(file, ".crt") || tool_ends_with(file, ".der") ||
           tool_ends_with(file, ".cer") || tool_ends_with(file, ".pem");
}

static bool read_one(struct reading *reading, const char *path, bool certificate, struct err *err)
{
    const char *slash = strrchr(path, '/');
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(path, DBX_FILE_MAX, &len, err);

    if (bytes == NULL) {
        return false;
    }
    if (certificate) {
        add_certificate(reading, slash != NULL ? slash + 1 : path, span_of(bytes, len));
        return true;
    }
    return add_dbx(reading, span_of(bytes, len), err) || err_context(err, "%s", path);
}

/* A file of a folder: what its name says nothing of is passed over. */
static bool read_found(struct reading *reading, const char *top, const char *path, struct err *err)
{
    bool dbx = !reading->revoking && reading->choice->profile != PROFILE_OWN &&
               dbx_is_file(path + strlen(top), &reading->choice->dbx);

    return (!dbx && !is_certificate(path)) || read_one(reading, path, !dbx, err);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* As deep as DEPTH_MAX: microsoft/secureboot_objects has three levels. */
static bool read_folder(struct reading *reading, const char *top, const char *folder, int depth,
                        struct err *err)
{
    struct dirent **entries;
    bool ok = true;
    int count = scandir(folder, &entries, visible, alphasort);

    if (count < 0) {
        return err_errno(err, "can't read the folder of keys %s", folder);
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat status;

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (ok && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
            ok = depth >= DEPTH_MAX || read_folder(reading, top, path, depth + 1, err);
        } else if (ok) {
            ok = read_found(reading, top, path, err);
        }
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool read_path(struct reading *reading, const char *path, struct err *err)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        return read_one(reading, path, is_certificate(path), err);
    }
    return read_folder(reading, path, path, 0, err);
}

/* The names that dbx has of certificates come to nothing without the certificates. */
static bool read_revoked(struct reading *reading, const char *path, struct err *err)
{
    const struct dbx_info *info = &reading->set->dbx_info;

    reading->revoking = true;
    if (info->certificate_count > 0 && !read_path(reading, path, err)) {
        return false;
    }
    for (size_t i = 0; i < info->certificate_count; i++) {
        bool found = (reading->revoked & 1u << i) != 0;

        fprintf(
            stderr, "varstore: note: dbx revokes the certificate '%s'%s%s\n", info->certificates[i],
            found ? ": what it has signed starts no more" : ", which isn't in ", found ? "" : path);
    }
    return true;
}

static bool parse_owner(struct reading *reading, const char *text, const char *where,
                        struct err *err)
{
    reading->has_owner = guid_parse(&reading->owner, text);
    return reading->has_owner || err_set(err, "%s: %.60s is not a GUID", where, text);
}

static bool find_owner(struct reading *reading, const char *folder, struct err *err)
{
    char path[PATH_MAX];
    char text[GUID_TEXT_SIZE] = "";

    if (reading->choice->owner != NULL) {
        return parse_owner(reading, reading->choice->owner, "--owner", err);
    }
    snprintf(path, sizeof(path), "%s/" KEY_OWNER_FILE, folder);
    if (access(path, F_OK) != 0) {
        return true;
    }
    size_t len;
    auto_free uint8_t *file = tool_read_file(path, 4096, &len, err);
    if (file == NULL) {
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)file);
    return parse_owner(reading, text, path, err);
}

static bool is_full(const struct key_set *set)
{
    return !writer_ok(&set->pk) || !writer_ok(&set->kek) || !writer_ok(&set->db) ||
           !writer_ok(&set->dbx);
}

bool key_set_read(struct key_set *out, const char *path, const struct key_choice *choice,
                  struct err *err)
{
    struct reading reading = {.set = out, .choice = choice};

    *out = (struct key_set){.room = malloc(5 * (size_t)STORE_DATA_MAX)};
    if (out->room == NULL) {
        return err_set(err, "out of memory");
    }
    out->pk = writer_of(out->room, STORE_DATA_MAX);
    out->kek = writer_of(out->room + STORE_DATA_MAX, STORE_DATA_MAX);
    out->db = writer_of(out->room + 2 * (size_t)STORE_DATA_MAX, STORE_DATA_MAX);
    out->dbx = writer_of(out->room + 3 * (size_t)STORE_DATA_MAX, STORE_DATA_MAX);
    reading.dbx_room = out->room + 4 * (size_t)STORE_DATA_MAX;
    if (!find_owner(&reading, path, err) || !read_path(&reading, path, err) ||
        !read_revoked(&reading, path, err)) {
        return false;
    }
    return !is_full(out) || err_set(err, "%s has more certificates than fit into a variable", path);
}

void key_set_free(struct key_set *set)
{
    free(set->room);
    set->room = NULL;
}
