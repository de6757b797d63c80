// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a reading subcommand has to say, as a tree: printed as JSON, or as text that says the same.
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include "base/span.h"

#include <jansson.h>

static inline void cleanup_tree(json_t **tree)
{
    json_decref(*tree);
}
#define auto_tree __attribute__((cleanup(cleanup_tree)))

/* JSON, indented, and a line end. */
void tree_print_json(const json_t *tree);

/* For people: "member: value" lines, what is within indented. */
void tree_print_text(const json_t *tree);

/* A string of hexadecimal digits; at most limit bytes of them and "..." (0: all). */
json_t *tree_hex(struct span bytes, size_t limit);

/* A string; what isn't UTF-8 in it becomes '?'. */
json_t *tree_string(const char *text);

/* Rows of cells, in columns as wide as they need. The first row is the head. A terminal that is too
 * narrow cuts the last column. */
struct table {
    size_t columns;
    char **cells;
    size_t count;
};

void table_add(struct table *table, const char *cell); /* copied */
void table_print(const struct table *table);
void table_free(struct table *table);

#endif
