// SPDX-License-Identifier: BSD-2-Clause
/*
 * The files that variables are kept in: the VARS format (raw and as XAPI has it, in base64), edk2's
 * firmware volume (OVMF_VARS.fd), the JSON of virt-firmware and QEMU, and a folder of efivarfs
 * files.
 */
#ifndef TOOLS_FORMAT_H
#define TOOLS_FORMAT_H

#include "tools/document.h"

#define FORMAT_FILE_MAX (64u << 20) /* a longer file isn't read */

struct format {
    const char *name;

    /* Might these be the bytes of this format? */
    bool (*detect)(struct span bytes);

    /* Into an initialised document. False with err set: not this format, or no memory. What is
     * wrong with a single variable is a note. */
    bool (*decode)(struct document *out, struct span bytes, struct err *err);

    /*
     * Allocated, for the caller to free; NULL with err set. What the format can't hold is noted.
     * old: a file of the same format whose other content stays (an OVMF_VARS.fd of another size,
     * say), or empty.
     */
    uint8_t *(*encode)(const struct document *document, struct span old, struct notes *notes,
                       size_t *len, struct err *err);
};

extern const struct format FORMAT_VARS;
extern const struct format FORMAT_BASE64;
extern const struct format FORMAT_EDK2;
extern const struct format FORMAT_JSON;

/* NULL: none of them. The folder is not among these: see format_folder.h. */
const struct format *format_by_name(const char *name);
const struct format *format_detect(struct span bytes);

/* Notes variables that have no place where only non-volatile ones have. */
void format_note_volatile(const struct document *document, struct notes *notes);

/* A folder of files "Name-GUID", each of 4 bytes of attributes and the data, as Linux' efivarfs
 * shows them. */
bool format_folder_read(struct document *out, const char *path, struct err *err);
bool format_folder_write(const struct document *document, const char *path, struct notes *notes,
                         struct err *err);

/* "Name-GUID"; false when it isn't. name: capacity bytes. */
bool format_split_name(const char *text, struct guid *guid, uint8_t *name, size_t capacity,
                       size_t *name_len);

#endif
