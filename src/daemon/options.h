// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command line: what the toolstack passes (see uefistored(8)), and what a person would.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "base/err.h"
#include "base/log.h"

/* For what the host's settings decide unless the command line does. */
enum choice {
    CHOICE_UNSET,
    CHOICE_NO,
    CHOICE_YES,
};

struct number {
    bool given;
    unsigned value;
};

enum backend_kind {
    BACKEND_XAPIDB,
    BACKEND_FILE,
    BACKEND_MEMORY,
};

/* Strings are those of argv, or constants. */
struct options {
    bool help;
    bool version;
    struct number domain;
    const char *socket_path; /* --transport unix:PATH; NULL is Xen */
    enum backend_kind backend;
    const char *vm_uuid;     /* --arg uuid: */
    const char *xapi_socket; /* --arg socket:, in the chroot */
    const char *store_dir;   /* --arg path: */
    const char *save_path;   /* --arg save:, in the chroot */
    const char *resume_path; /* --arg resume:, in the chroot */
    bool resume;
    bool restored; /* the VM ran before, and there is no image to resume from */
    bool nonpersistent;
    const char *keys_dir;
    bool strict_keys; /* a missing db.auth or KEK.auth is an error */
    enum choice secure_boot;
    enum choice enforce;
    const char *chroot_dir;
    bool depriv;
    bool strict_sandbox;
    struct number uid;
    struct number gid;
    const char *pidfile;
    const char *record_path;
    struct number event_fd; /* gets a line for each event: see uefistored(8) */
    enum log_level log_level;
};

/*
 * Reads the command line. False with err set: wrong usage. With --help or --version nothing else is
 * checked. argv is not changed.
 */
bool options_parse(struct options *out, int argc, char *const argv[], struct err *err);

/* The text of --help, on stdout. */
void options_print_help(void);

#endif
