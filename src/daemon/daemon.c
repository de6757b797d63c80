// SPDX-License-Identifier: BSD-2-Clause
#include "daemon/daemon.h"

#include "backend/persist.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum ending {
    ENDING_SIGNAL,
    ENDING_VM_GONE,
    ENDING_FAILED, /* err says why */
};

static enum ending daemon_serve(struct daemon *daemon, struct err *err)
{
    const struct port_handler *handler =
        daemon->recorder != NULL ? record_handler(daemon->recorder) : &daemon->handler;
    struct pollfd fds[] = {
        {.fd = daemon->signals, .events = POLLIN},
        {.fd = daemon->transport->ops->fd(daemon->transport), .events = POLLIN},
    };

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            err_errno(err, "can't wait for requests");
            return ENDING_FAILED;
        }
        if (fds[0].revents != 0) {
            return ENDING_SIGNAL;
        }
        switch (daemon->transport->ops->serve(daemon->transport, handler, err)) {
        case TRANSPORT_OK:
            break;
        case TRANSPORT_GONE:
            return ENDING_VM_GONE;
        default:
            return ENDING_FAILED;
        }
    }
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static void daemon_release(struct daemon *daemon)
{
    record_close(daemon->recorder);
    service_free(daemon->service);
    verifier_free(daemon->verifier);
    backend_close(daemon->backend);
    close_fd(daemon->save_fd);
    close_fd(daemon->resume_fd);
    key_files_close(&daemon->keys);
    close_fd(daemon->signals);
}

static void detach(struct daemon *daemon)
{
    if (daemon->transport != NULL) {
        daemon->transport->ops->close(daemon->transport);
        daemon->transport = NULL;
    }
}

/*
 * The suspend image, where one was asked for: with the guest detached, nothing changes any more.
 * XAPI sends a signal when it wants one. xl tells nobody that it saves a domain, which then just
 * ends.
 */
static bool save_image(const struct daemon *daemon, struct err *err)
{
    if (daemon->save_fd < 0) {
        return true;
    }
    if (!persist_suspend(daemon->service, daemon->save_fd, err)) {
        return err_context(err, "the suspend image was not written");
    }
    log_info("suspend image written to %s", daemon->options->save_path);
    return true;
}

static bool daemon_finish(struct daemon *daemon, enum ending ending, struct err *err)
{
    detach(daemon);
    switch (ending) {
    case ENDING_SIGNAL:
        log_info("ended by a signal");
        return save_image(daemon, err);
    case ENDING_VM_GONE:
        log_info("ended: the VM is gone");
        return save_image(daemon, err);
    default:
        return false;
    }
}

bool daemon_run(const struct options *options, struct err *err)
{
    struct daemon daemon = {
        .options = options,
        .signals = -1,
        .save_fd = -1,
        .resume_fd = -1,
        .keys = {.fds = {-1, -1, -1, -1}},
    };
    bool stopped = false;
    bool ok;

    if (daemon_start(&daemon, &stopped, err)) {
        enum ending ending = daemon_serve(&daemon, err);
        ok = daemon_finish(&daemon, ending, err);
    } else {
        detach(&daemon);
        ok = stopped;
    }
    if (stopped) {
        log_info("ended by a signal before it served");
    }
    daemon_release(&daemon);
    return ok;
}
