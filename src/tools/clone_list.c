// SPDX-License-Identifier: BSD-2-Clause
#include "tools/clone_list.h"

#include "base/cleanup.h"
#include "tools/tool.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define FILE_MAX (1u << 20)
#define BLANKS " \t\r"

static bool add(struct clone_list *list, const char *guid, const char *name)
{
    struct clone_line *lines = realloc(list->lines, (list->count + 1) * sizeof(*lines));

    if (lines == NULL) {
        return false;
    }
    list->lines = lines;
    struct clone_line *line = &lines[list->count];
    snprintf(line->guid, sizeof(line->guid), "%s", guid);
    line->name = strdup(name);
    list->count += line->name != NULL;
    return line->name != NULL;
}

static void trim_end(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
}

/* One line, which is written into. */
static bool read_line(struct clone_list *list, char *line, const char *path, size_t number,
                      struct err *err)
{
    struct guid guid;
    uint8_t name_bytes[4096];

    line += strspn(line, BLANKS);
    trim_end(line);
    if (*line == '\0' || *line == '#') {
        return true;
    }
    size_t guid_len = strcspn(line, BLANKS);
    char *name = line + guid_len + strspn(line + guid_len, BLANKS);
    line[guid_len] = '\0';
    if (!guid_parse(&guid, line) || efi_name_parse(name_bytes, sizeof(name_bytes), name) == 0) {
        return err_set(err, "%s:%zu: not a line \"GUID NAME\"", path, number);
    }
    return add(list, line, name) || err_set(err, "out of memory");
}

static bool read_text(struct clone_list *list, char *text, const char *path, struct err *err)
{
    size_t number = 0;
    char *line;

    while ((line = strsep(&text, "\n")) != NULL) {
        if (!read_line(list, line, path, ++number, err)) {
            return false;
        }
    }
    return true;
}

static bool read_file(struct clone_list *list, const char *path, struct err *err)
{
    size_t len;
    auto_free uint8_t *bytes = tool_read_file(path, FILE_MAX, &len, err);
    auto_free char *text = bytes == NULL ? NULL : strndup((const char *)bytes, len);

    if (bytes == NULL) {
        return false;
    }
    return text != NULL ? read_text(list, text, path, err) : err_set(err, "out of memory");
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool clone_list_read(struct clone_list *out, const char *folder, struct err *err)
{
    struct dirent **entries;
    char path[PATH_MAX];
    bool ok = true;
    int count = scandir(folder, &entries, visible, alphasort);

    *out = (struct clone_list){0};
    if (count < 0) {
        return errno == ENOENT || err_errno(err, "can't read the folder %s", folder);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        ok = ok && read_file(out, path, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

void clone_list_free(struct clone_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->lines[i].name);
    }
    free(list->lines);
}
