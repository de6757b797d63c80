// SPDX-License-Identifier: BSD-2-Clause
/*
 * Where a subcommand's variables come from and go to: XAPI, a folder of the daemon's, or a file.
 */
#ifndef TOOLS_SOURCE_H
#define TOOLS_SOURCE_H

#include "backend/backend.h"
#include "tools/command.h"
#include "tools/document.h"
#include "tools/format.h"
#include "tools/xapi_client.h"

struct source {
    struct document document;
    char title[256];             /* for people: what it was opened by */
    struct backend *backend;     /* of XAPI or a folder; NULL: a file */
    const struct format *format; /* of a file; NULL: a folder of efivarfs files, or a backend */
    char *path;                  /* of a file or folder */
    uint8_t *bytes;              /* of a file, as they were read */
    size_t len;
    struct xapi_client *xapi; /* of a VM of XAPI's that is being changed; NULL with --force */
    struct store *before;     /* opened for writing: the variables as they were */
    int lock;                 /* of a file that is being changed, else -1 */
    bool absent;              /* there is no state yet */
};

enum source_use {
    SOURCE_READ,
    SOURCE_READ_TO_CHANGE, /* for a dry run: neither locked nor saved */
    SOURCE_WRITE,          /* locks it; refused where somebody has it */
};

/* What the command line names: --vm, --store or the first argument, which is taken. False with err
 * set; source_close is needed in any case. */
bool source_open(struct source *source, struct command_line *line, enum source_use use,
                 struct err *err);

/* A path, as a STORE argument is. from: the name of a file's format, or NULL. */
bool source_open_path(struct source *source, const char *path, const char *from,
                      enum source_use use, struct err *err);

/* A whole new state; what the format can't hold is told on stderr. Nothing is written when nothing
 * changed. */
bool source_save(struct source *source, struct err *err);

void source_close(struct source *source);

/* Notes, as warnings on stderr. */
void source_print_notes(const struct notes *notes);

#endif
