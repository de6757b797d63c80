// SPDX-License-Identifier: BSD-2-Clause
#include "xenstub/common.h"

#include <signal.h>
#include <xenevtchn.h>

struct xenevtchn_handle {
    struct xenstub *control;
    int events;
    int vcpus[XENSTUB_VCPUS];
};

/* What the kernel does when a process ends: its event channels are unbound. Here the next one that
 * opens them does. Events for ports of the dead are nobody's. */
static void forget_the_dead(xenevtchn_handle *handle)
{
    int alive = 0;

    for (uint32_t i = 0; i < XENSTUB_SERVERS * XENSTUB_VCPUS; i++) {
        _Atomic int32_t *bound =
            &handle->control->servers[i / XENSTUB_VCPUS].bound[i % XENSTUB_VCPUS];
        if (*bound != 0 && kill(*bound, 0) != 0 && errno == ESRCH) {
            *bound = 0;
        }
        alive += *bound != 0;
    }
    uint32_t port;
    while (alive == 0 && read(handle->events, &port, sizeof(port)) > 0) {
    }
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    xenevtchn_handle *handle = calloc(1, sizeof(*handle));

    (void)logger;
    (void)flags;
    handle->control = stub_control();
    handle->events = stub_open("events", O_RDWR | O_NONBLOCK);
    if (handle->control == NULL || handle->events < 0) {
        free(handle);
        return NULL;
    }
    forget_the_dead(handle);
    fcntl(handle->events, F_SETFL, O_RDWR);
    for (uint32_t i = 0; i < handle->control->vcpus; i++) {
        char name[16];
        snprintf(name, sizeof(name), "vcpu-%u", i);
        handle->vcpus[i] = stub_open(name, O_RDWR | O_NONBLOCK);
    }
    return handle;
}

int xenevtchn_close(xenevtchn_handle *handle)
{
    for (uint32_t i = 0; i < XENSTUB_SERVERS * XENSTUB_VCPUS; i++) {
        _Atomic int32_t *bound =
            &handle->control->servers[i / XENSTUB_VCPUS].bound[i % XENSTUB_VCPUS];
        *bound = *bound == getpid() ? 0 : *bound;
    }
    for (uint32_t i = 0; i < handle->control->vcpus; i++) {
        close(handle->vcpus[i]);
    }
    stub_control_close(handle->control);
    close(handle->events);
    free(handle);
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *handle)
{
    return handle->events;
}

/* Binding makes the port fire once, as in Xen. */
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domain,
                                                     evtchn_port_t remote)
{
    uint32_t local = xenstub_local_port(remote);
    uint32_t server = (remote - 1) / XENSTUB_VCPUS, vcpu = (remote - 1) % XENSTUB_VCPUS;
    int32_t nobody = 0;

    stub_ioctl(handle->events, IOCTL_EVTCHN_BIND_INTERDOMAIN);
    if (domain != handle->control->domain || server >= XENSTUB_SERVERS ||
        !atomic_compare_exchange_strong(&handle->control->servers[server].bound[vcpu], &nobody,
                                        getpid())) {
        return stub_fail(EINVAL);
    }
    return write(handle->events, &local, sizeof(local)) == sizeof(local) ? (int)local : -1;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
    uint32_t port;

    return read(handle->events, &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

/* A system call here as it is one in the real library. */
int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
    (void)port;
    return write(handle->events, "", 0) == 0 ? 0 : -1;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
    uint32_t vcpu = (port - xenstub_local_port(1)) % XENSTUB_VCPUS;

    stub_ioctl(handle->events, IOCTL_EVTCHN_NOTIFY);
    handle->control->notifies++;
    return write(handle->vcpus[vcpu], "", 1) == 1 ? 0 : -1;
}
