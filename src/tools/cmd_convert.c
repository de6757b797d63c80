// SPDX-License-Identifier: BSD-2-Clause
/* varstore convert and diff. */
#include "tools/commands.h"
#include "tools/describe.h"
#include "tools/diff.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/signature_list.h"
#include "base/cleanup.h"

#include <unistd.h>

/* -------------------------------------------------------------------------------------- convert */

static bool write_format(const struct command_line *line, const struct format *format,
                         const struct document *document, struct notes *notes, struct err *err)
{
    auto_free uint8_t *old = NULL;
    size_t old_len = 0;
    size_t len;

    if (line->template_file != NULL) {
        old = tool_read_file(line->template_file, FORMAT_FILE_MAX, &old_len, err);
        if (old == NULL) {
            return false;
        }
    }
    auto_free uint8_t *bytes = format->encode(document, span_of(old, old_len), notes, &len, err);
    if (bytes == NULL) {
        return false;
    }
    if (line->output != NULL) {
        return tool_write_file(line->output, span_of(bytes, len), 0600, err);
    }
    if ((format == &FORMAT_EDK2 || format == &FORMAT_VARS) && isatty(STDOUT_FILENO)) {
        return err_set(err, "binary data isn't for a terminal: --output FILE");
    }
    fwrite(bytes, 1, len, stdout);
    return true;
}

static bool convert(const struct command_line *line, const struct document *document,
                    struct notes *notes, struct err *err)
{
    if (line->to == NULL) {
        return err_set(err, "into what? --to vars, base64, edk2, json or efivarfs");
    }
    if (strcmp(line->to, "efivarfs") == 0) {
        return line->output != NULL ? format_folder_write(document, line->output, notes, err)
                                    : err_set(err, "a folder is written: --output FOLDER");
    }
    const struct format *format = format_by_name(line->to);
    return format != NULL ? write_format(line, format, document, notes, err)
                          : err_set(err, "there is no format %s", line->to);
}

static int run_convert(struct command_line *line, struct err *err)
{
    struct source source;
    struct notes notes = {0};
    bool done = source_open(&source, line, SOURCE_READ, err) &&
                convert(line, &source.document, &notes, err);

    source_print_notes(&notes);
    notes_free(&notes);
    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_CONVERT = {
    "convert",
    "[STORE] --to FORMAT [--output FILE]",
    "Writes the variables in another format",
    "VSsftoT",
    1,
    1,
    run_convert,
};

/* ----------------------------------------------------------------------------------------- diff */

struct difference {
    json_t *list;
    bool hex;
};

/* How many entries of the one are not in the other. */
static size_t count_missing(struct span from, struct span in)
{
    struct signature_walk walk = signature_walk_of(from);
    struct signature_entry entry;
    size_t missing = 0;

    while (signature_walk_next(&walk, &entry)) {
        struct signature_walk other_walk = signature_walk_of(in);
        struct signature_entry other;
        bool found = false;

        while (!found && signature_walk_next(&other_walk, &other)) {
            found = signature_entry_compare(&entry, &other) == 0;
        }
        missing += found ? 0 : 1;
    }
    return missing;
}

static void add_changed(const struct difference *difference, const struct variable *a,
                        const struct variable *b)
{
    json_t *change = describe_head(a);

    json_object_set_new(change, "change", json_string("changed"));
    json_object_set_new(change, "before", describe_variable(a, difference->hex));
    json_object_set_new(change, "after", describe_variable(b, difference->hex));
    if (json_object_get(json_object_get(change, "before"), "signatures") != NULL) {
        json_object_set_new(change, "entries_removed",
                            json_integer((json_int_t)count_missing(a->data, b->data)));
        json_object_set_new(change, "entries_added",
                            json_integer((json_int_t)count_missing(b->data, a->data)));
    }
    json_array_append_new(difference->list, change);
}

static void add_single(const struct difference *difference, const struct variable *variable,
                       const char *what)
{
    json_t *change = describe_variable(variable, difference->hex);

    json_object_set_new(change, "change", json_string(what));
    json_array_append_new(difference->list, change);
}

static void compare(const struct difference *difference, const struct store *a,
                    const struct store *b)
{
    for (size_t i = 0; i < store_count(a); i++) {
        const struct variable *x = store_at(a, i);
        const struct variable *y = store_get(b, &x->guid, x->name);

        if (y == NULL) {
            add_single(difference, x, "removed");
        } else if (!document_same_variable(x, y)) {
            add_changed(difference, x, y);
        }
    }
    for (size_t i = 0; i < store_count(b); i++) {
        const struct variable *y = store_at(b, i);

        if (store_get(a, &y->guid, y->name) == NULL) {
            add_single(difference, y, "added");
        }
    }
}

json_t *diff_stores(const struct store *a, const struct store *b, bool hex)
{
    struct difference difference = {json_array(), hex};

    compare(&difference, a, b);
    return difference.list;
}

static void print_entries(const json_t *change)
{
    const json_t *added = json_object_get(change, "entries_added");

    if (added != NULL) {
        printf(" (%" JSON_INTEGER_FORMAT " entries added, %" JSON_INTEGER_FORMAT " removed)",
               json_integer_value(added),
               json_integer_value(json_object_get(change, "entries_removed")));
    }
}

void diff_print(const json_t *changes)
{
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        const char *what = json_string_value(json_object_get(change, "change"));
        const json_t *after = json_object_get(change, "after");
        char sign = *what == 'a' ? '+' : *what == 'r' ? '-' : '~';
        const char *colour = *what == 'a' ? "\033[32m" : *what == 'r' ? "\033[31m" : "\033[33m";

        printf("%s%c %s-%s: %" JSON_INTEGER_FORMAT, command_colours() ? colour : "", sign,
               json_string_value(json_object_get(change, "name")),
               json_string_value(json_object_get(change, "guid")),
               json_integer_value(json_object_get(change, "size")));
        if (after != NULL) {
            printf(" -> %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(after, "size")));
        }
        fputs(" bytes", stdout);
        print_entries(change);
        puts(command_colours() ? "\033[0m" : "");
    }
}

static int run_diff(struct command_line *line, struct err *err)
{
    struct source a;
    struct source b = {.lock = -1};
    int code = 2;

    if (source_open(&a, line, SOURCE_READ, err) &&
        source_open_path(&b, command_take(line), line->from, SOURCE_READ, err)) {
        auto_tree json_t *changes = diff_stores(a.document.store, b.document.store, line->hex);

        if (!line->quiet) {
            (line->json ? tree_print_json : diff_print)(changes);
        }
        code = json_array_size(changes) == 0 ? 0 : EXIT_DIFFERENT;
    }
    source_close(&b);
    source_close(&a);
    return code;
}

const struct command COMMAND_DIFF = {
    "diff", "[STORE] STORE", "Shows what differs; exit code 1 if anything does", "VSsfjxq", 2,
    2,      run_diff,
};
