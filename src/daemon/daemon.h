// SPDX-License-Identifier: BSD-2-Clause
/* One daemon for one VM: everything that it owns, in the order that it comes to be. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "backend/backend.h"
#include "backend/keys.h"
#include "daemon/options.h"
#include "service/service.h"
#include "transport/record.h"
#include "transport/transport.h"

struct daemon {
    const struct options *options;
    struct service_config config;
    bool require_secure_boot; /* no start without Secure Boot: xenstore's secureboot-enforce */
    int signals;              /* signalfd of SIGTERM, SIGINT and SIGHUP */
    int save_fd;              /* of --arg save:, or -1 */
    int resume_fd;            /* of --resume, or -1 */
    struct key_files keys;    /* for a first boot */
    struct transport *transport;
    struct backend *backend;
    struct persistence backend_persistence;
    struct persistence persistence; /* of the service: that one, and --event-fd */
    struct verifier *verifier;
    struct service *service;
    struct port_handler handler; /* of the service */
    struct recorder *recorder;   /* in front of it, or NULL */
    bool first_boot;
    bool announced; /* somebody may know that the VM is served */
};

/*
 * Up to readiness. False: err says why, unless *stopped says that a signal came first. What was
 * taken stays in daemon.
 */
bool daemon_start(struct daemon *daemon, bool *stopped, struct err *err);

/*
 * Serves until a signal or the end of the VM. False with err set: it could not start, or could not
 * go on, or could not write the suspend image. Whatever it took is given back.
 */
bool daemon_run(const struct options *options, struct err *err);

#endif
