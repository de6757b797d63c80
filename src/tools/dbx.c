// SPDX-License-Identifier: BSD-2-Clause
#include "tools/dbx.h"

#include "auth/descriptor.h"
#include "auth/signature_list.h"
#include "tools/auth_file.h"
#include "tools/format.h"
#include "tools/hex.h"
#include "tools/tool.h"
#include "tools/tree.h"

#include <stdio.h>
#include <strings.h>

#define HASH_SIZE 32u
#define SVN_VERSION 1u /* the first byte of the SVNs that are understood */

/* --------------------------------------------------------------------------------- which files */

/* By words in a path: the first that is there tells. */
static const struct {
    const char *word, *architecture;
} words[] = {
    {"arm64", "aarch64"}, {"aarch64", "aarch64"}, {"arm", "arm"},   {"x86_64", "x64"},
    {"x86", "ia32"},      {"ia32", "ia32"},       {"i386", "ia32"},
};

static const char *const architectures[] = {"x64", "ia32", "aarch64", "arm"};

bool dbx_choose(struct dbx_choice *out, const char *architecture, bool optional, struct err *err)
{
    *out = (struct dbx_choice){architectures[0], optional};
    for (size_t i = 0; architecture != NULL && i < sizeof(architectures) / sizeof(char *); i++) {
        if (strcmp(architecture, architectures[i]) == 0) {
            out->architecture = architectures[i];
            return true;
        }
    }
    return architecture == NULL ||
           err_set(err, "there is no architecture %s: x64, ia32, aarch64 or arm", architecture);
}

static const char *architecture_of(const char *path)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(path, words[i].word) != NULL) {
            return words[i].architecture;
        }
    }
    return architectures[0];
}

bool dbx_is_file(const char *path, const struct dbx_choice *choice)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;

    if (strncasecmp(file, "dbx", 3) != 0 || strcasestr(path, "/optional/") != NULL) {
        return false;
    }
    return tool_ends_with(file, ".json") || /* for all architectures */
           ((tool_ends_with(file, ".bin") || tool_ends_with(file, ".auth") ||
             tool_ends_with(file, ".esl")) &&
            strcmp(architecture_of(path), choice->architecture) == 0);
}

/* --------------------------------------------------------------------------------- Microsoft's
 * JSON */

struct reading {
    const struct dbx_choice *choice;
    struct dbx_info *info;
    struct writer hashes; /* one behind the other */
    struct err *err;
};

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

/* "2025-01-06"; the newest of the file is the file's. */
static void take_date(struct reading *reading, const char *text)
{
    unsigned year, month, day;

    if (sscanf(text, "%4u-%2u-%2u", &year, &month, &day) != 3) {
        return;
    }
    const struct efi_time time = {
        .year = (uint16_t)year, .month = (uint8_t)month, .day = (uint8_t)day};
    if (efi_time_compare(&time, &reading->info->time) > 0) {
        reading->info->time = time;
    }
}

static bool take_hash(struct reading *reading, const char *text, const char *where, size_t index)
{
    uint8_t hash[HASH_SIZE];
    size_t len;

    if (!hex_read(text, hash, sizeof(hash), &len) || len != sizeof(hash)) {
        return err_set(reading->err, "%s[%zu] has no SHA-256 in hexadecimal", where, index);
    }
    writer_bytes(&reading->hashes, span_of(hash, sizeof(hash)));
    return true;
}

static bool is_optional(const json_t *image)
{
    const json_t *optional = json_object_get(image, "isOptional");

    return json_is_true(optional) ||
           (json_is_string(optional) && strcasecmp(json_string_value(optional), "true") == 0);
}

static bool take_image(struct reading *reading, const json_t *image, size_t index)
{
    take_date(reading, text_of(image, "dateOfAddition"));
    if (is_optional(image) && !reading->choice->optional) {
        return true;
    }
    if (strcasecmp(text_of(image, "hashType"), "SHA256") != 0) {
        return err_set(reading->err, "images[%zu] is not revoked by a SHA-256, but by %.32s", index,
                       text_of(image, "hashType"));
    }
    return take_hash(reading, text_of(image, "authenticodeHash"), "images", index);
}

static bool take_svn(struct reading *reading, const json_t *svn, size_t index)
{
    const char *value = text_of(svn, "value");
    uint8_t version = 0;
    char first[3] = {0};
    size_t len;

    take_date(reading, text_of(svn, "dateOfLastChange"));
    if (!reading->choice->optional) {
        return true;
    }
    snprintf(first, sizeof(first), "%s", value);
    if (!hex_read(first, &version, 1, &len) || version != SVN_VERSION) {
        return err_set(reading->err, "svns[%zu] is of a kind that isn't known", index);
    }
    return take_hash(reading, value, "svns", index);
}

/* Only the name is there: the certificate itself is a file of its own. */
static bool take_certificate(struct reading *reading, const json_t *certificate, size_t index)
{
    struct dbx_info *info = reading->info;
    const char *subject = text_of(certificate, "subjectName");
    const char *name = strncmp(subject, "CN = ", 5) == 0 ? subject + 5 : subject;

    take_date(reading, text_of(certificate, "dateOfAddition"));
    if (!reading->choice->optional) {
        return true;
    }
    if (*name == '\0' || strlen(name) >= DBX_NAME_MAX ||
        info->certificate_count == DBX_CERTIFICATES_MAX) {
        return err_set(reading->err, "certificates[%zu] has no name, or there are too many", index);
    }
    strcpy(info->certificates[info->certificate_count++], name);
    return true;
}

static bool take_each(struct reading *reading, const json_t *list,
                      bool (*take)(struct reading *reading, const json_t *entry, size_t index))
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!take(reading, json_array_get(list, i), i)) {
            return false;
        }
    }
    return true;
}

static bool take_all(struct reading *reading, const json_t *root)
{
    const json_t *images =
        json_object_get(json_object_get(root, "images"), reading->choice->architecture);

    if (!json_is_array(images)) {
        return err_set(reading->err, "there are no images of %s in it",
                       reading->choice->architecture);
    }
    return take_each(reading, images, take_image) &&
           take_each(reading, json_object_get(root, "svns"), take_svn) &&
           take_each(reading, json_object_get(root, "certificates"), take_certificate);
}

static size_t count_all(const json_t *root, const char *architecture)
{
    return json_array_size(json_object_get(json_object_get(root, "images"), architecture)) +
           json_array_size(json_object_get(root, "svns"));
}

static bool read_json(struct writer *out, struct dbx_info *info, const json_t *root,
                      const struct dbx_choice *choice, struct err *err)
{
    size_t room = count_all(root, choice->architecture) * HASH_SIZE;
    uint8_t *hashes = malloc(room + 1);
    struct reading reading = {choice, info, writer_of(hashes, room), err};

    if (hashes == NULL) {
        return err_set(err, "out of memory");
    }
    bool read = take_all(&reading, root);
    if (read && reading.hashes.len > 0) {
        auth_file_write_hashes(out, &AUTH_FILE_OWNER_MICROSOFT, writer_span(&reading.hashes));
    }
    free(hashes);
    return read;
}

/* ---------------------------------------------------------------------------------------- any file
 */

bool dbx_read(struct writer *out, struct dbx_info *info, struct span file,
              const struct dbx_choice *choice, struct err *err)
{
    struct descriptor descriptor = {.payload = file};
    struct descriptor parsed;
    json_error_t why;

    *info = (struct dbx_info){0};
    if (FORMAT_JSON.detect(file)) {
        auto_tree json_t *root = json_loadb((const char *)file.data, file.len, 0, &why);

        if (root == NULL) {
            return err_set(err, "it is not JSON: line %d: %s", why.line, why.text);
        }
        return json_object_get(root, "images") == NULL || read_json(out, info, root, choice, err);
    }
    if (descriptor_parse(&parsed, file)) {
        descriptor = parsed;
    }
    if (signature_database_count(descriptor.payload) != SIZE_MAX) {
        info->time = descriptor.time;
        writer_bytes(out, descriptor.payload);
    }
    return true;
}
