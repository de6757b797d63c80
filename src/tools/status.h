// SPDX-License-Identifier: BSD-2-Clause
/* Is a VM's Secure Boot in order? */
#ifndef TOOLS_STATUS_H
#define TOOLS_STATUS_H

#include "tools/document.h"

/* By severity; the numbers are the exit codes of a Nagios check. */
enum verdict {
    VERDICT_OK = 0,
    VERDICT_WARNING = 1,
    VERDICT_CRITICAL = 2,
    VERDICT_UNKNOWN = 3, /* the store can't be read */
};

enum wanted {
    WANTED_UNKNOWN, /* the host's setting isn't in the store */
    WANTED_OFF,
    WANTED_ON,
};

#define STATUS_FREE_MIN 30720u /* bytes that updates of dbx from within a guest want to find */
#define STATUS_REASONS_MAX 8u

struct status {
    enum wanted wanted;
    bool effective; /* Secure Boot is enforced, unless the host disabled it */
    bool setup_mode;
    char pk_owner[128];    /* the common name; "" without a PK */
    unsigned certificates; /* enum microsoft_certificate */
    size_t db_entries, dbx_entries;
    struct efi_time dbx_time;
    size_t used, free; /* bytes of the quota */
    enum verdict verdict;
    const char *reasons[STATUS_REASONS_MAX];
    size_t reason_count;
    const char *next; /* the command that helps most, or NULL */
};

void status_assess(struct status *out, const struct document *document, enum wanted wanted);

const char *verdict_text(enum verdict verdict); /* "OK", "WARNING", .. */

#endif
