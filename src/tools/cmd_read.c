// SPDX-License-Identifier: BSD-2-Clause
/* varstore ls, get and show. */
#include "tools/commands.h"
#include "tools/describe.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/tool.h"

/* ------------------------------------------------------------------------------------------- ls */

static void list_text(const struct store *store)
{
    struct table table = {.columns = 5};
    static const char *const head[] = {"ATTRIBUTES", "SIZE", "TIME", "GUID", "NAME"};
    char text[WIRE_NAME_MAX * 3];

    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, head[i]);
    }
    for (size_t i = 0; i < store_count(store); i++) {
        const struct variable *variable = store_at(store, i);

        table_add(&table, attributes_format(text, variable->attributes));
        snprintf(text, sizeof(text), "%zu", variable->data.len);
        table_add(&table, text);
        table_add(&table, time_format(text, &variable->time));
        table_add(&table, guid_format(text, &variable->guid));
        table_add(&table, efi_name_format(text, sizeof(text), variable->name));
    }
    table_print(&table);
    table_free(&table);
}

static void list_json(const struct store *store)
{
    auto_tree json_t *list = json_array();

    for (size_t i = 0; i < store_count(store); i++) {
        json_array_append_new(list, describe_head(store_at(store, i)));
    }
    tree_print_json(list);
}

static int run_ls(struct command_line *line, struct err *err)
{
    struct source source;
    bool opened = source_open(&source, line, SOURCE_READ, err);

    if (opened) {
        (line->json ? list_json : list_text)(source.document.store);
    }
    source_close(&source);
    return opened ? 0 : 1;
}

const struct command COMMAND_LS = {
    "ls", "[STORE]", "Lists the variables", "VSsfj", 1, 1, run_ls,
};

/* ------------------------------------------------------------------------------------------ get */

static bool write_out(const struct command_line *line, struct span bytes, struct err *err)
{
    if (line->output != NULL) {
        return tool_write_file(line->output, bytes, 0644, err);
    }
    fwrite(bytes.data, 1, bytes.len, stdout);
    return true;
}

static bool get_one(const struct command_line *line, const struct store *store, const char *text,
                    struct err *err)
{
    const struct variable *variable = variable_find(store, text, err);

    if (variable == NULL) {
        return false;
    }
    if (!line->json && !line->hex) {
        return write_out(line, variable->data, err);
    }
    auto_tree json_t *object = describe_head(variable);
    json_object_set_new(object, "data", tree_hex(variable->data, 0));
    if (line->json) {
        tree_print_json(object);
    } else {
        puts(json_string_value(json_object_get(object, "data")));
    }
    return true;
}

static int run_get(struct command_line *line, struct err *err)
{
    struct source source;
    bool done = source_open(&source, line, SOURCE_READ, err) &&
                get_one(line, source.document.store, command_take(line), err);

    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_GET = {
    "get", "[STORE] VARIABLE", "Gives a variable's data", "VSsfjxo", 2, 2, run_get,
};

/* ----------------------------------------------------------------------------------------- show */

static bool add_named(json_t *list, const struct command_line *line, const struct store *store,
                      const char *text, struct err *err)
{
    const struct variable *variable = variable_find(store, text, err);

    return variable != NULL &&
           json_array_append_new(list, describe_variable(variable, line->hex)) == 0;
}

static bool show(struct command_line *line, const struct store *store, struct err *err)
{
    auto_tree json_t *list = json_array();

    for (size_t i = 0; line->count == 0 && i < store_count(store); i++) {
        json_array_append_new(list, describe_variable(store_at(store, i), line->hex));
    }
    while (line->count > 0) {
        if (!add_named(list, line, store, command_take(line), err)) {
            return false;
        }
    }
    (line->json ? tree_print_json : tree_print_text)(list);
    return true;
}

static int run_show(struct command_line *line, struct err *err)
{
    struct source source;
    bool done =
        source_open(&source, line, SOURCE_READ, err) && show(line, source.document.store, err);

    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_SHOW = {
    "show", "[STORE] [VARIABLE]...", "Decodes variables for people", "VSsfjx", 1, -1, run_show,
};
