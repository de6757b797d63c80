// SPDX-License-Identifier: BSD-2-Clause
/*
 * The way to the first request: a list of steps, each of which takes something. Everything that
 * needs root or a path outside comes before the sandbox; everything that the guest had a hand in
 * comes behind it. Readiness is the last step: whoever waits for it knows that the VM can be
 * started.
 */
#include "daemon/daemon.h"

#include "auth/auth.h"
#include "backend/file.h"
#include "backend/keys.h"
#include "backend/memory.h"
#include "backend/persist.h"
#include "backend/xapi.h"
#include "base/cleanup.h"
#include "crypto/remote_verifier.h"
#include "daemon/pidfile.h"
#include "daemon/sandbox.h"
#include "daemon/verifier_process.h"
#include "transport/local.h"
#ifdef HAVE_XEN
#include "transport/xen.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* The first check loads libcrypto, on a host that may have started a hundred VMs just now. A daemon
 * that was told to end has to be over well before the toolstack's 10 s are. */
#define VERIFIER_TIMEOUT_MS 30000u
#define VERIFIER_HURRY_MS 4000u

static bool take_pidfile(struct daemon *daemon, struct err *err)
{
    /* The descriptor is the lock: it stays open for the process's life. */
    return daemon->options->pidfile == NULL || pidfile_take(daemon->options->pidfile, err) >= 0;
}

static bool open_signals(struct daemon *daemon, struct err *err)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN); /* a closed peer is an error of the write */
    signal(SIGXFSZ, SIG_IGN); /* so is a log file over RLIMIT_FSIZE */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return err_errno(err, "can't block signals");
    }
    daemon->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return daemon->signals >= 0 || err_errno(err, "can't make a signalfd");
}

/* Early, for the process to be made of next to nothing; its signals are blocked like ours. */
static bool start_verifier(struct daemon *daemon, struct err *err)
{
    const struct remote_verifier_config config = {
        .fd = verifier_process_start(daemon->options, err),
        .timeout_ms = VERIFIER_TIMEOUT_MS,
        .hurry_fd = daemon->signals,
        .hurry_ms = VERIFIER_HURRY_MS,
    };

    daemon->verifier = config.fd >= 0 ? remote_verifier_new(&config, err) : NULL;
    return daemon->verifier != NULL;
}

/* Opens a path as it is seen from inside the chroot to come. */
static int open_in_chroot(const struct options *options, const char *path, int flags,
                          struct err *err)
{
    char full[4096];
    const char *root = options->chroot_dir != NULL ? options->chroot_dir : "";
    const char *slash = *root != '\0' && *path != '/' ? "/" : "";

    if ((size_t)snprintf(full, sizeof(full), "%s%s%s", root, slash, path) >= sizeof(full)) {
        err_set(err, "%s%s: the path is too long", root, path);
        return -1;
    }
    int fd = open(full, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        err_errno(err, "can't open %s", full);
    }
    return fd;
}

static bool open_images(struct daemon *daemon, struct err *err)
{
    const struct options *options = daemon->options;

    if (options->save_path != NULL) {
        daemon->save_fd = open_in_chroot(options, options->save_path, O_WRONLY | O_CREAT, err);
        if (daemon->save_fd < 0) {
            return err_context(err, "the file for suspend images");
        }
    }
    if (options->resume) {
        daemon->resume_fd = open_in_chroot(options, options->resume_path, O_RDONLY, err);
        if (daemon->resume_fd < 0) {
            return err_context(err, "the image to resume from");
        }
    }
    return true;
}

static bool open_keys(struct daemon *daemon, struct err *err)
{
    (void)err;
    key_files_open(&daemon->keys, daemon->options->keys_dir);
    return true;
}

/* Whoever started the daemon made the descriptor. Nobody else is to have it. */
static bool open_events(struct daemon *daemon, struct err *err)
{
    const struct number *fd = &daemon->options->event_fd;

    return !fd->given || fcntl((int)fd->value, F_SETFD, FD_CLOEXEC) == 0 ||
           err_errno(err, "--event-fd %u", fd->value);
}

static bool open_recording(struct daemon *daemon, struct err *err)
{
    if (daemon->options->record_path == NULL) {
        return true;
    }
    daemon->recorder = record_open(daemon->options->record_path, &daemon->handler, err);
    return daemon->recorder != NULL;
}

#ifdef HAVE_XEN
static bool open_xen(struct daemon *daemon, struct err *err)
{
    struct xen_settings settings;

    daemon->transport = xen_open(daemon->options->domain.value, err);
    if (daemon->transport == NULL || !xen_read_settings(daemon->transport, &settings, err)) {
        return false;
    }
    daemon->config.secure_boot = settings.secure_boot;
    daemon->config.enforce = settings.enforce;
    daemon->require_secure_boot = settings.require_secure_boot;
    return true;
}
#else
static bool open_xen(struct daemon *daemon, struct err *err)
{
    (void)daemon;
    return err_set(err, "this uefistored was built without Xen: use --transport unix:PATH");
}
#endif

static void choose(bool *setting, enum choice choice)
{
    if (choice != CHOICE_UNSET) {
        *setting = choice == CHOICE_YES;
    }
}

static bool open_transport(struct daemon *daemon, struct err *err)
{
    const struct options *options = daemon->options;

    daemon->config = (struct service_config){.secure_boot = false, .enforce = true};
    if (options->socket_path == NULL) {
        if (!open_xen(daemon, err)) {
            return false;
        }
    } else {
        daemon->transport = local_open(options->socket_path, err);
    }
    choose(&daemon->config.secure_boot, options->secure_boot);
    choose(&daemon->config.enforce, options->enforce);
    return daemon->transport != NULL;
}

static struct backend *open_xapi(const struct daemon *daemon, struct err *err)
{
    const struct xapi_config config = {
        .socket = daemon->options->xapi_socket,
        .uuid = daemon->options->vm_uuid,
        .abort_fd = daemon->signals,
    };

    return xapi_backend_open(&config, err);
}

static struct backend *open_backend_kind(const struct daemon *daemon, struct err *err)
{
    const struct options *options = daemon->options;

    switch (options->backend) {
    case BACKEND_XAPIDB:
        return open_xapi(daemon, err);
    case BACKEND_FILE:
        return file_backend_open(options->store_dir,
                                 options->uid.given ? options->uid.value : geteuid(),
                                 options->gid.given ? options->gid.value : getegid(), err);
    default:
        return memory_backend_open(NULL, err);
    }
}

static bool open_backend(struct daemon *daemon, struct err *err)
{
    daemon->backend = open_backend_kind(daemon, err);
    if (daemon->backend != NULL && daemon->options->nonpersistent) {
        struct backend *source = daemon->backend;
        daemon->backend = memory_backend_open(source, err);
        if (daemon->backend == NULL) {
            backend_close(source);
        }
    }
    return daemon->backend != NULL;
}

static bool enter_sandbox(struct daemon *daemon, struct err *err)
{
    const struct options *options = daemon->options;
    struct sandbox_config config = {
        .chroot = options->chroot_dir,
        .namespaces = options->depriv,
        .strict = options->strict_sandbox,
        .drop = options->uid.given,
        .uid = options->uid.value,
        .gid = options->gid.value,
        .records = options->record_path != NULL,
        .uses = options->socket_path != NULL ? SANDBOX_USE_LOCAL : SANDBOX_USE_XEN,
    };

    if (options->backend == BACKEND_XAPIDB) {
        config.uses |= SANDBOX_USE_SOCKET;
    }
    if (options->backend == BACKEND_FILE) {
        config.uses |= SANDBOX_USE_FILES;
    }
#ifdef HAVE_XEN
    if (options->socket_path == NULL) {
        config.restrict_handles = xen_restrict;
        config.self = daemon->transport;
    }
#endif
    return sandbox_enter(&config, err);
}

static size_t handle_request(void *self, struct span request, uint8_t *reply)
{
    return service_handle(self, request, reply);
}

static uint32_t handle_port_read(void *self, uint32_t port, unsigned size)
{
    return service_port_read(self, port, size);
}

static void handle_port_write(void *self, uint32_t port, unsigned size, uint32_t value)
{
    service_port_write(self, port, size, value);
}

static bool save_state(void *self, const struct store *store, bool keys_changed, struct err *err)
{
    struct persistence *to = &((struct daemon *)self)->backend_persistence;

    return to->save(to->self, store, keys_changed, err);
}

/* A reader of events that went away is no reason to tell the backend nothing. */
static bool notify_failure(void *self, struct err *err)
{
    static const char event[] = "secure-boot-failed\n";
    struct daemon *daemon = self;
    struct persistence *to = &daemon->backend_persistence;

    if (daemon->options->event_fd.given &&
        write((int)daemon->options->event_fd.value, event, sizeof(event) - 1) < 0) {
        log_warning("--event-fd: %s", strerror(errno));
    }
    return to->notify(to->self, err);
}

static bool make_service(struct daemon *daemon, struct err *err)
{
    daemon->backend_persistence = persist_in(daemon->backend);
    daemon->persistence =
        (struct persistence){.self = daemon, .save = save_state, .notify = notify_failure};
    daemon->service = service_new(&daemon->config, &daemon->persistence, daemon->verifier);
    daemon->handler = (struct port_handler){
        .self = daemon->service,
        .request = handle_request,
        .port_read = handle_port_read,
        .port_write = handle_port_write,
    };
    return daemon->service != NULL || err_set(err, "out of memory");
}

/* XAPI's database knows what the image knows; a folder may be on another host than the last one. */
static bool resume_state(struct daemon *daemon, struct err *err)
{
    return persist_resume(daemon->service, daemon->resume_fd, daemon->config.secure_boot, err) &&
           (daemon->options->backend != BACKEND_FILE ||
            persist_settle(daemon->service, daemon->backend, err));
}

static bool load_state(struct daemon *daemon, struct err *err)
{
    bool secure_boot = daemon->config.secure_boot;

    if (daemon->options->resume) {
        return resume_state(daemon, err) || err_context(err, "can't resume");
    }
    switch (persist_load(daemon->service, daemon->backend, secure_boot, err)) {
    case BACKEND_LOADED:
        return true;
    case BACKEND_FIRST_BOOT:
        daemon->first_boot = true;
        return !daemon->options->restored ||
               err_set(err, "the VM ran before, but there are no variables of it here");
    default:
        return err_context(err, "can't load the VM's variables");
    }
}

/* From here on the guest's accesses wait for this process. */
static bool attach(struct daemon *daemon, struct err *err)
{
#ifdef HAVE_XEN
    if (daemon->options->socket_path == NULL) {
        return xen_attach(daemon->transport, err);
    }
#endif
    (void)daemon;
    (void)err;
    return true;
}

static bool adopted(const struct daemon *daemon)
{
#ifdef HAVE_XEN
    return daemon->options->socket_path == NULL && xen_adopted(daemon->transport);
#else
    (void)daemon;
    return false;
#endif
}

/* All keys are saved together: a VM never starts with some of them. */
static bool enroll_keys(struct daemon *daemon, struct err *err)
{
    service_begin(daemon->service);
    if (!key_files_enroll(&daemon->keys, daemon->service, daemon->options->strict_keys, err)) {
        service_abort(daemon->service);
        return err_context(err, "the keys for a first boot");
    }
    return service_commit(daemon->service) == EFI_SUCCESS ||
           err_set(err, "the enrolled keys can't be saved: see the line before");
}

static bool start_service(struct daemon *daemon, struct err *err)
{
    if (daemon->options->resume) {
        return true;
    }
    if (adopted(daemon) || daemon->options->restored) {
        log_warning("%s: volatile variables are lost, locks are closed until the VM starts again",
                    adopted(daemon) ? "took over from a daemon that was killed"
                                    : "the VM goes on without a suspend image");
        service_adopt(daemon->service);
        return true;
    }
    service_start(daemon->service);
    return !daemon->first_boot || enroll_keys(daemon, err);
}

/* The host may ask for no start at all rather than one without Secure Boot. */
static bool check_secure_boot(struct daemon *daemon, struct err *err)
{
    struct err notify_err;

    if (!daemon->require_secure_boot || !daemon->config.secure_boot ||
        service_secure_boot(daemon->service)) {
        return true;
    }
    if (!daemon->backend->ops->notify(daemon->backend, &notify_err)) {
        log_error("%s", notify_err.text);
    }
    return err_set(err,
                   "Secure Boot has to be enforced (platform/secureboot-enforce), but the VM has "
                   "no PK: enroll keys first");
}

static const char *backend_name(const struct daemon *daemon)
{
    static const char *const names[] = {
        [BACKEND_XAPIDB] = "xapidb", [BACKEND_FILE] = "file", [BACKEND_MEMORY] = "memory"};

    return names[daemon->options->backend];
}

static void log_start(const struct daemon *daemon)
{
    const struct store *store = service_store(daemon->service);

    log_info(
        "version %s, backend %s%s, %s: %zu variables, %zu of %u bytes; %s mode, Secure Boot %s "
        "(host: %s, %s)",
        UEFISTORED_VERSION, backend_name(daemon),
        daemon->options->nonpersistent ? " (not persistent)" : "",
        daemon->options->resume ? "resumed"
        : daemon->first_boot    ? "first boot"
                                : "loaded",
        store_count(store), store_used(store), STORE_SIZE_MAX,
        auth_setup_mode(store) ? "setup" : "user",
        service_secure_boot(daemon->service) ? "on" : "off",
        daemon->config.secure_boot ? "enabled" : "not enabled",
        daemon->config.enforce ? "enforcing" : "permissive");
}

static bool announce(struct daemon *daemon, struct err *err)
{
    log_start(daemon);
    if (!daemon->transport->ops->announce(daemon->transport, err)) {
        return err_context(err, "can't announce readiness");
    }
    daemon->announced = true;
    log_info("ready");
    return true;
}

/* Nothing more has to be written to xenstore, which would do whatever dom0 asks of it. */
static bool seal_xenstore(struct daemon *daemon, struct err *err)
{
#ifdef HAVE_XEN
    if (daemon->options->socket_path == NULL) {
        return sandbox_seal(xen_store_fd(daemon->transport), err);
    }
#endif
    (void)daemon;
    (void)err;
    return true;
}

/* The life of the daemon up to its first request. */
static bool (*const steps[])(struct daemon *daemon, struct err *err) = {
    take_pidfile,   open_signals,   start_verifier,    open_images,   open_keys,     open_events,
    open_recording, open_transport, open_backend,      enter_sandbox, make_service,  load_state,
    attach,         start_service,  check_secure_boot, announce,      seal_xenstore,
};

/* Has one of the signals come that end the daemon? */
static bool signalled(const struct daemon *daemon)
{
    struct pollfd poll_fd = {.fd = daemon->signals, .events = POLLIN};

    return daemon->signals >= 0 && poll(&poll_fd, 1, 0) > 0;
}

/*
 * A signal that comes before the announcement means that nobody waits for this VM any more. One
 * that comes behind it is the toolstack's, which relies on a suspend image: that is the loop's to
 * see.
 */
bool daemon_start(struct daemon *daemon, bool *stopped, struct err *err)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool ok = steps[i](daemon, err);

        *stopped = !daemon->announced && signalled(daemon);
        if (!ok || *stopped) {
            return false;
        }
    }
    return true;
}
