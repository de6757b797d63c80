// SPDX-License-Identifier: BSD-2-Clause
/*
 * The variables that the clone of a VM doesn't keep: lines "GUID NAME" in the files of a folder,
 * with '#' for comments.
 */
#ifndef TOOLS_CLONE_LIST_H
#define TOOLS_CLONE_LIST_H

#include "base/efi.h"
#include "base/err.h"

struct clone_line {
    char guid[GUID_TEXT_SIZE];
    char *name; /* UTF-8 */
};

struct clone_list {
    struct clone_line *lines;
    size_t count;
};

/*
 * All files of the folder, in the order of their names; a folder that isn't there has none. False
 * with err set: a file that can't be read, or a line that isn't one (both are named). To be freed
 * in any case.
 */
bool clone_list_read(struct clone_list *out, const char *folder, struct err *err);
void clone_list_free(struct clone_list *list);

#endif
