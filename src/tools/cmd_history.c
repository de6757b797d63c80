// SPDX-License-Identifier: BSD-2-Clause
/* varstore history and restore: the earlier states that a folder of the daemon's keeps. */
#include "tools/commands.h"
#include "tools/diff.h"
#include "tools/keys.h"
#include "tools/source.h"
#include "tools/tree.h"

#include "backend/file.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>

#define NAME_LEN 29u /* "000000000042-20261122T235801Z" */

static const char *folder_of(struct command_line *line)
{
    return line->store != NULL ? line->store : command_take(line);
}

static int is_snapshot(const struct dirent *entry)
{
    return strlen(entry->d_name) == NAME_LEN && entry->d_name[12] == '-';
}

/* "2026-11-22 23:58:01" of a snapshot's name. */
static void format_when(char out[24], const char *name)
{
    const char *t = name + 13;

    snprintf(out, 24, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", t, t + 4, t + 6, t + 9, t + 11, t + 13);
}

static json_t *describe_snapshot(const char *folder, const char *name, const struct store *now)
{
    struct source source;
    struct err err;
    char path[PATH_MAX];
    char when[24];

    format_when(when, name);
    snprintf(path, sizeof(path), "%s/%s/%s", folder, FILE_HISTORY_NAME, name);
    json_t *tree = json_pack("{s:I, s:s, s:s}", "number", (json_int_t)strtoll(name, NULL, 10),
                             "snapshot", name, "time", when);
    if (source_open_path(&source, path, "vars", SOURCE_READ, &err)) {
        auto_tree json_t *changes = diff_stores(source.document.store, now, false);
        json_object_set_new(tree, "variables",
                            json_integer((json_int_t)store_count(source.document.store)));
        json_object_set_new(tree, "differs_in", json_integer((json_int_t)json_array_size(changes)));
    } else {
        json_object_set_new(tree, "error", tree_string(err.text));
    }
    source_close(&source);
    return tree;
}

static json_t *list_snapshots(const char *folder, const struct store *now)
{
    struct dirent **entries;
    char path[PATH_MAX];
    json_t *list = json_array();

    snprintf(path, sizeof(path), "%s/%s", folder, FILE_HISTORY_NAME);
    int count = scandir(path, &entries, is_snapshot, alphasort);
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, describe_snapshot(folder, entries[i]->d_name, now));
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return list;
}

static void print_snapshots(const json_t *list)
{
    struct table table = {.columns = 4};
    static const char *const head[] = {"NUMBER", "TIME (UTC)", "VARIABLES", "DIFFERS IN"};
    char text[32];

    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, head[i]);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *each = json_array_get(list, i);
        static const char *const numbers[] = {"variables", "differs_in"};

        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                 json_integer_value(json_object_get(each, "number")));
        table_add(&table, text);
        table_add(&table, json_string_value(json_object_get(each, "time")));
        for (size_t k = 0; k < 2; k++) {
            const json_t *number = json_object_get(each, numbers[k]);
            snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(number));
            table_add(&table, number != NULL ? text : "damaged");
        }
    }
    table_print(&table);
    table_free(&table);
}

static int run_history(struct command_line *line, struct err *err)
{
    const char *folder = folder_of(line);
    struct source source;
    bool opened =
        source_open_path(&source, folder, NULL, SOURCE_READ, err) &&
        (source.backend != NULL ||
         err_set(err, "%s is no folder of the daemon's: only those have a history", folder));

    if (opened) {
        auto_tree json_t *list = list_snapshots(folder, source.document.store);
        (line->json ? tree_print_json : print_snapshots)(list);
    }
    source_close(&source);
    return opened ? 0 : 1;
}

const struct command COMMAND_HISTORY = {
    "history", "STORE",     "Lists the earlier states of a folder of the daemon's", "Sj", 1,
    1,         run_history,
};

/* -------------------------------------------------------------------------------------- restore */

static bool find_snapshot(char path[PATH_MAX], const char *folder, const char *number,
                          struct err *err)
{
    struct dirent **entries;
    char history[PATH_MAX];
    bool found = false;

    snprintf(history, sizeof(history), "%s/%s", folder, FILE_HISTORY_NAME);
    int count = scandir(history, &entries, is_snapshot, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *end;
        bool same = strtoll(number, &end, 10) == strtoll(name, NULL, 10) && *end == '\0';

        if (same || strcmp(name, number) == 0) {
            found = true;
            snprintf(path, PATH_MAX, "%.2000s/%.*s", history, (int)NAME_LEN, name);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return found || err_set(err, "%s has no snapshot %s: varstore history %s lists them", folder,
                            number, folder);
}

/* The document becomes what the snapshot is. */
static bool take_over(struct source *source, const struct store *snapshot, struct err *err)
{
    struct document fresh;

    if (!document_init(&fresh, err)) {
        return false;
    }
    store_free(source->document.store);
    source->document.store = fresh.store;
    for (size_t i = 0; i < store_count(snapshot); i++) {
        if (!document_add(&source->document, store_at(snapshot, i))) {
            return err_set(err, "out of memory");
        }
    }
    return true;
}

static int run_restore(struct command_line *line, struct err *err)
{
    const char *folder = folder_of(line);
    const char *number = command_take(line);
    struct source source = {.lock = -1};
    struct source snapshot = {.lock = -1};
    char path[PATH_MAX];

    bool done =
        find_snapshot(path, folder, number, err) &&
        source_open_path(&snapshot, path, "vars", SOURCE_READ, err) &&
        source_open_path(&source, folder, NULL,
                         line->dry_run ? SOURCE_READ_TO_CHANGE : SOURCE_WRITE, err) &&
        take_over(&source, snapshot.document.store, err) &&
        keys_save_confirmed(line, &source, "The variables go back to that state. Go on?", err);
    source_close(&snapshot);
    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_RESTORE = {
    "restore", "STORE NUMBER", "Goes back to an earlier state", "Snyj", 2, 2, run_restore,
};
