// SPDX-License-Identifier: BSD-2-Clause
#include "tools/format.h"

#include "base/cleanup.h"
#include "base/reader.h"
#include "base/writer.h"
#include "tools/tool.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define GUID_LEN (GUID_TEXT_SIZE - 1)
#define ATTRIBUTES_SIZE 4u

bool format_split_name(const char *text, struct guid *guid, uint8_t *name, size_t capacity,
                       size_t *name_len)
{
    char start[NAME_MAX + 1];
    size_t len = strlen(text);

    if (len < GUID_LEN + 2 || len > NAME_MAX || text[len - GUID_LEN - 1] != '-' ||
        !guid_parse(guid, text + len - GUID_LEN)) {
        return false;
    }
    snprintf(start, sizeof(start), "%.*s", (int)(len - GUID_LEN - 1), text);
    *name_len = efi_name_parse(name, capacity, start);
    return *name_len > 0;
}

/* Linux writes a name's slash as '!'. */
static void swap_slash(char *text, char from, char to)
{
    for (; *text != '\0'; text++) {
        *text = *text == from ? to : *text;
    }
}

static bool read_file(struct document *out, const char *folder, const char *file, struct err *err)
{
    char path[PATH_MAX];
    char text[NAME_MAX + 1];
    uint8_t name[WIRE_NAME_MAX];
    struct variable variable = {0};
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", folder, file);
    snprintf(text, sizeof(text), "%s", file);
    swap_slash(text, '!', '/');
    if (!format_split_name(text, &variable.guid, name, sizeof(name), &variable.name.len)) {
        notes_add(&out->notes, "%s is passed over: its name is not Name-GUID", path);
        return true;
    }
    variable.name.data = name;
    auto_free uint8_t *bytes = tool_read_file(path, FORMAT_FILE_MAX, &len, err);
    if (bytes == NULL) {
        return false;
    }
    struct reader reader = reader_of(span_of(bytes, len));
    if (!reader_u32le(&reader, &variable.attributes)) {
        notes_add(&out->notes, "%s is passed over: it is too short", path);
        return true;
    }
    variable.data = reader.rest;
    return document_add(out, &variable) || err_set(err, "out of memory");
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool format_folder_read(struct document *out, const char *path, struct err *err)
{
    struct dirent **entries;
    bool ok = true;
    int count = scandir(path, &entries, visible, alphasort);

    if (count < 0) {
        return err_errno(err, "can't read the folder %s", path);
    }
    for (int i = 0; i < count; i++) {
        ok = ok && read_file(out, path, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool write_file(const struct variable *variable, const char *folder, struct notes *notes,
                       struct err *err)
{
    char name[NAME_MAX + 1];
    char guid[GUID_TEXT_SIZE];
    char path[PATH_MAX];
    size_t size = ATTRIBUTES_SIZE + variable->data.len;
    auto_free uint8_t *bytes = malloc(size);

    if (bytes == NULL) {
        return err_set(err, "out of memory");
    }
    struct writer writer = writer_of(bytes, size);
    writer_u32le(&writer, variable->attributes);
    writer_bytes(&writer, variable->data);
    efi_name_format(name, sizeof(name), variable->name);
    swap_slash(name, '/', '!');
    if (strlen(name) + GUID_TEXT_SIZE > NAME_MAX ||
        (size_t)snprintf(path, sizeof(path), "%s/%s-%s", folder, name,
                         guid_format(guid, &variable->guid)) >= sizeof(path)) {
        notes_add(notes, "the variable %s is left out: its name is too long for a file", name);
        return true;
    }
    return tool_write_file(path, writer_span(&writer), 0644, err);
}

bool format_folder_write(const struct document *document, const char *path, struct notes *notes,
                         struct err *err)
{
    bool authenticated = false;

    if (mkdir(path, 0755) != 0) {
        return err_errno(err, "can't make the folder %s", path);
    }
    for (size_t i = 0; i < store_count(document->store); i++) {
        const struct variable *variable = store_at(document->store, i);

        authenticated |=
            (variable->attributes & EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS) != 0;
        if (!write_file(variable, path, notes, err)) {
            return false;
        }
    }
    if (authenticated) {
        notes_add(notes, "the times and owners of authenticated variables are left out: files of "
                         "efivarfs have none");
    }
    return true;
}
