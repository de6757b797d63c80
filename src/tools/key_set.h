// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys for a VM out of a folder: one's own (PK.crt, KEK.crt, db.crt, as `varstore keys make` makes
 * them), Microsoft's certificates wherever they are in it (by what they are, not by how the files
 * are named), and the newest dbx. It may be one file of these, too.
 */
#ifndef TOOLS_KEY_SET_H
#define TOOLS_KEY_SET_H

#include "base/err.h"
#include "base/writer.h"
#include "store/store.h"
#include "tools/dbx.h"

enum key_profile {
    PROFILE_2011_AND_2023,
    PROFILE_2023,
    PROFILE_OWN, /* none of Microsoft's */
};

struct key_choice {
    enum key_profile profile;
    struct dbx_choice dbx;
    const char *owner; /* of one's own entries, a GUID; NULL: what the folder has in owner.guid, and
                          without that each certificate's (see auth_file.h) */
};

#define KEY_OWNER_FILE "owner.guid" /* made with the keys: a GUID and a line end */

/* Signature lists; empty where there is nothing. */
struct key_set {
    uint8_t *room; /* of all four */
    struct writer pk, kek, db, dbx;
    struct dbx_info dbx_info; /* of the file that dbx is from */
    unsigned certificates;    /* which of Microsoft's are in: enum microsoft_certificate */
};

/* "2011+2023" (also NULL), "2023", "own". */
bool key_profile_parse(enum key_profile *out, const char *text, struct err *err);

/* False with err set. To be freed in any case. */
bool key_set_read(struct key_set *out, const char *path, const struct key_choice *choice,
                  struct err *err);
void key_set_free(struct key_set *set);

#endif
