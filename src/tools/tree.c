// SPDX-License-Identifier: BSD-2-Clause
#include "tools/tree.h"

#include "base/cleanup.h"
#include "tools/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define CELLS_STEP 64u

void tree_print_json(const json_t *tree)
{
    json_dumpf(tree, stdout, JSON_INDENT(2));
    putchar('\n');
}

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static void print_scalar(const json_t *value)
{
    if (json_is_string(value)) {
        fputs(json_string_value(value), stdout);
    } else if (json_is_integer(value)) {
        printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "yes" : "no", stdout);
    } else {
        fputs("-", stdout);
    }
}

static bool all_scalars(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!is_scalar(json_array_get(array, i))) {
            return false;
        }
    }
    return true;
}

static void print_inline(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        fputs(i > 0 ? ", " : "", stdout);
        print_scalar(json_array_get(array, i));
    }
    putchar('\n');
}

/* The trees here are a few levels deep, by how they are made. */
static void print_value(const json_t *value, int indent);

static void print_object(const json_t *object, int indent)
{
    const char *key;
    json_t *value;
    bool first = true;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        printf("%*s%s:", first ? 0 : indent, "", key);
        first = false;
        print_value(value, indent + 2);
    }
}

static void print_array(const json_t *array, int indent)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *item = json_array_get(array, i);

        printf("%*s- ", indent, "");
        if (json_is_object(item)) {
            print_object(item, indent + 2);
        } else {
            print_scalar(item);
            putchar('\n');
        }
    }
}

static void print_value(const json_t *value, int indent)
{
    if (is_scalar(value)) {
        putchar(' ');
        print_scalar(value);
        putchar('\n');
    } else if (json_is_array(value) && all_scalars(value)) {
        putchar(' ');
        print_inline(value);
    } else if (json_is_array(value)) {
        putchar('\n');
        print_array(value, indent);
    } else {
        printf("\n%*s", indent, "");
        print_object(value, indent);
    }
}

void tree_print_text(const json_t *tree)
{
    if (json_is_object(tree)) {
        print_object(tree, 0);
        return;
    }
    for (size_t i = 0; i < json_array_size(tree); i++) {
        fputs(i > 0 ? "\n" : "", stdout);
        print_object(json_array_get(tree, i), 0);
    }
}

json_t *tree_hex(struct span bytes, size_t limit)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = limit > 0 && bytes.len > limit ? limit : bytes.len;
    auto_free char *text = malloc(len * 2 + 4);

    if (text == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    memcpy(text + 2 * len, len < bytes.len ? "..." : "", len < bytes.len ? 4 : 1);
    return json_string(text);
}

json_t *tree_string(const char *text)
{
    json_t *string = json_string(text);

    if (string != NULL) {
        return string;
    }
    auto_free char *copy = strdup(text);
    for (char *at = copy; at != NULL && *at != '\0'; at++) {
        *at = (signed char)*at < 0 ? '?' : *at;
    }
    return copy == NULL ? NULL : json_string(copy);
}

/* -------------------------------------------------------------------------------------- tables */

void table_add(struct table *table, const char *cell)
{
    if (table->count % CELLS_STEP == 0) {
        char **cells = realloc(table->cells, (table->count + CELLS_STEP) * sizeof(*cells));
        if (cells == NULL) {
            abort();
        }
        table->cells = cells;
    }
    table->cells[table->count] = strdup(cell);
    if (table->cells[table->count++] == NULL) {
        abort();
    }
}

/* Characters, by the bytes of UTF-8 that begin one. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (!command_colours() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return SIZE_MAX;
    }
    return size.ws_col;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t i = column; i < table->count; i += table->columns) {
        size_t each = width_of(table->cells[i]);
        width = each > width ? each : width;
    }
    return width;
}

static void print_cut(const char *text, size_t width)
{
    for (size_t used = 0; *text != '\0'; text++) {
        used += ((unsigned char)*text & 0xc0) != 0x80;
        if (used > width) {
            return;
        }
        putchar(*text);
    }
}

static void print_row(const struct table *table, size_t row, const size_t *widths, size_t room)
{
    bool head = row == 0 && command_colours();

    fputs(head ? "\033[1m" : "", stdout);
    for (size_t i = 0; i < table->columns; i++) {
        const char *cell = table->cells[row * table->columns + i];

        if (i + 1 == table->columns) {
            print_cut(cell, room);
        } else {
            printf("%s%*s  ", cell, (int)(widths[i] - width_of(cell)), "");
            room = room > widths[i] + 2 ? room - widths[i] - 2 : 0;
        }
    }
    puts(head ? "\033[0m" : "");
}

void table_print(const struct table *table)
{
    size_t widths[16] = {0};

    for (size_t i = 0; i < table->columns && i < 16; i++) {
        widths[i] = column_width(table, i);
    }
    for (size_t row = 0; row * table->columns < table->count; row++) {
        print_row(table, row, widths, terminal_width());
    }
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (struct table){0};
}
