// SPDX-License-Identifier: BSD-2-Clause
#include "tools/key_set.h"

#include "auth/descriptor.h"
#include "auth/signature_list.h"
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

#define FILE_MAX (1u << 20)
#define DEPTH_MAX 8
#define MICROSOFT_2011 (MICROSOFT_KEK_2011 | MICROSOFT_WINDOWS_2011 | MICROSOFT_UEFI_2011)
#define MICROSOFT_KEKS (MICROSOFT_KEK_2011 | MICROSOFT_KEK_2023)

struct reading {
    struct key_set *set;
    enum key_profile profile;
    bool own_pk;
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

static void set_pk(struct reading *reading, struct span der, bool own)
{
    if (reading->own_pk && !own) {
        return;
    }
    reading->own_pk = own;
    reading->set->pk.len = 0;
    auth_file_write_certificate(&reading->set->pk, auth_file_owner_of(der), der);
}

static bool add_own(struct reading *reading, const char *file, struct span der)
{
    if (strcmp(file, "PK.crt") == 0) {
        set_pk(reading, der, true);
    } else if (strcmp(file, "KEK.crt") == 0) {
        auth_file_write_certificate(&reading->set->kek, &AUTH_FILE_OWNER, der);
    } else if (strcmp(file, "db.crt") == 0) {
        auth_file_write_certificate(&reading->set->db, &AUTH_FILE_OWNER, der);
    } else {
        return false;
    }
    return true;
}

static void add_microsoft(struct reading *reading, struct span der)
{
    struct key_set *set = reading->set;
    unsigned bit = microsoft_certificate(der);

    if (has_name(der, "Windows OEM Devices PK") && reading->profile != PROFILE_OWN) {
        set_pk(reading, der, false);
    }
    bool wanted = reading->profile == PROFILE_2011_AND_2023 ||
                  (reading->profile == PROFILE_2023 && (bit & MICROSOFT_2011) == 0);
    if (bit == 0 || !wanted || (set->certificates & bit) != 0) {
        return;
    }
    set->certificates |= bit;
    auth_file_write_certificate((bit & MICROSOFT_KEKS) != 0 ? &set->kek : &set->db,
                                &AUTH_FILE_OWNER_MICROSOFT, der);
}

static void add_certificate(struct reading *reading, const char *file, struct span bytes)
{
    size_t len;
    struct err unused;
    auto_free uint8_t *der = certificate_load(bytes, &len, &unused);

    if (der != NULL && !add_own(reading, file, span_of(der, len))) {
        add_microsoft(reading, span_of(der, len));
    }
}

/* dbx comes as an .auth file (DBXUpdate.bin) or as bare lists; of several, the newest counts. */
static void add_dbx(struct reading *reading, struct span bytes)
{
    struct key_set *set = reading->set;
    struct descriptor descriptor = {.payload = bytes};
    struct descriptor parsed;

    if (descriptor_parse(&parsed, bytes)) {
        descriptor = parsed;
    }
    if (signature_database_count(descriptor.payload) == SIZE_MAX ||
        (set->dbx.len > 0 && efi_time_compare(&descriptor.time, &set->dbx_time) <= 0)) {
        return;
    }
    set->dbx.len = 0;
    set->dbx_time = descriptor.time;
    writer_bytes(&set->dbx, descriptor.payload);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

/* Microsoft publishes one dbx for each architecture; VMs here are x64. */
static bool is_dbx(const char *path, const char *file)
{
    bool other = strcasestr(path, "arm") != NULL || strcasestr(path, "x86") != NULL ||
                 strcasestr(path, "ia32") != NULL;

    return !other && strncasecmp(file, "dbx", 3) == 0 &&
           (ends_with(file, ".bin") || ends_with(file, ".auth") || ends_with(file, ".esl"));
}

static bool is_certificate(const char *file)
{
    return ends_with(file, ".crt") || ends_with(file, ".der") || ends_with(file, ".cer") ||
           ends_with(file, ".pem");
}

static bool read_one(struct reading *reading, const char *folder, const char *path,
                     const char *file, struct err *err)
{
    size_t len;

    if (!is_certificate(file) && !is_dbx(path + strlen(folder), file)) {
        return true;
    }
    auto_free uint8_t *bytes = tool_read_file(path, FILE_MAX, &len, err);
    if (bytes == NULL) {
        return false;
    }
    if (is_certificate(file)) {
        add_certificate(reading, file, span_of(bytes, len));
    } else if (reading->profile != PROFILE_OWN) {
        add_dbx(reading, span_of(bytes, len));
    }
    return true;
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
            ok = read_one(reading, top, path, entries[i]->d_name, err);
        }
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool key_set_read(struct key_set *out, const char *folder, enum key_profile profile,
                  struct err *err)
{
    struct reading reading = {out, profile, false};

    *out = (struct key_set){.room = malloc(4 * (size_t)STORE_DATA_MAX)};
    if (out->room == NULL) {
        return err_set(err, "out of memory");
    }
    out->pk = writer_of(out->room, STORE_DATA_MAX);
    out->kek = writer_of(out->room + STORE_DATA_MAX, STORE_DATA_MAX);
    out->db = writer_of(out->room + 2 * (size_t)STORE_DATA_MAX, STORE_DATA_MAX);
    out->dbx = writer_of(out->room + 3 * (size_t)STORE_DATA_MAX, STORE_DATA_MAX);
    return read_folder(&reading, folder, folder, 0, err) &&
           ((writer_ok(&out->pk) && writer_ok(&out->kek) && writer_ok(&out->db) &&
             writer_ok(&out->dbx)) ||
            err_set(err, "%s has more certificates than fit into a variable", folder));
}

void key_set_free(struct key_set *set)
{
    free(set->room);
    set->room = NULL;
}
