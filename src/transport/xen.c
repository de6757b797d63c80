// SPDX-License-Identifier: BSD-2-Clause
#include "transport/xen.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "transport/xen_access.h"
#include "transport/xen_store.h"
#include "wire/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <xen/hvm/dm_op.h>
#include <xen/memory.h>
#include <xenevtchn.h>
#include <xentoolcore.h>

#define DOMAIN_MAX 0x7fefu /* DOMID_FIRST_RESERVED - 1 */
#define VCPUS_MAX 128u     /* what one page of requests holds; an HVM guest has no more */
#define SERVER_KEY "varstored-ioreq-id"
#define PID_KEY "varstored-pid"

_Static_assert(VCPUS_MAX * sizeof(struct ioreq) <= 4096, "the requests lie in one page");

struct xen {
    struct transport transport;
    domid_t domain;
    xendevicemodel_handle *model;
    xenforeignmemory_handle *foreign;
    xenevtchn_handle *events;
    struct xen_store store;
    int epoll; /* the event channels and xenstore */

    bool adopted;      /* the server is one that another daemon made */
    bool server_owned; /* there is a server, and it is ours to destroy */
    ioservid_t server;
    xenforeignmemory_resource_handle *resource;
    struct ioreq *requests; /* one for each vCPU, shared with Xen (not with the guest) */
    unsigned vcpus;
    int ports[VCPUS_MAX]; /* local event channels */

    struct xen_memory memory;
    struct request_buffers buffers;
};

static struct xen *xen_of(struct transport *transport)
{
    return (struct xen *)transport;
}

static const char *domain_path(const struct xen *xen, char path[64], const char *key)
{
    snprintf(path, 64, "/local/domain/%u/%s", xen->domain, key);
    return path;
}

/* ------------------------------------------------------------------------------------- opening */

static bool watch(struct xen *xen, int fd, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(xen->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ||
           err_errno(err, "can't wait for Xen's events");
}

static bool open_handles(struct xen *xen, struct err *err)
{
    xen->model = xendevicemodel_open(NULL, 0);
    if (xen->model == NULL) {
        return err_errno(err, "can't open Xen's device model interface (is this a Xen host?)");
    }
    xen->foreign = xenforeignmemory_open(NULL, 0);
    if (xen->foreign == NULL) {
        return err_errno(err, "can't open Xen's guest memory interface");
    }
    xen->events = xenevtchn_open(NULL, 0);
    if (xen->events == NULL ||
        fcntl(xenevtchn_fd(xen->events), F_SETFL, O_RDWR | O_NONBLOCK) != 0) {
        return err_errno(err, "can't open Xen's event channels");
    }
    xen->memory =
        (struct xen_memory){.domain = xen->domain, .foreign = xen->foreign, .model = xen->model};
    return true;
}

static bool open_everything(struct xen *xen, struct err *err)
{
    xen->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (xen->epoll < 0) {
        return err_errno(err, "can't make an epoll descriptor");
    }
    /* A dead domain sends no event: what tells of its end is xenstore. */
    return open_handles(xen, err) && xen_store_open(&xen->store, err) &&
           watch(xen, xenevtchn_fd(xen->events), err) && watch(xen, xen->store.fd, err) &&
           xen_store_watch(&xen->store, "@releaseDomain", err);
}

bool xen_restrict(void *self, struct err *err)
{
    struct xen *xen = self;

    return xentoolcore_restrict_all(xen->domain) == 0 ||
           err_errno(err, "can't restrict the Xen handles to domain %u", xen->domain);
}

/* ------------------------------------------------------------------------------------ settings */

/* Is the key's value this text? A key that isn't there has none. */
static bool setting_is(struct xen *xen, const char *key, const char *text, bool *out,
                       struct err *err)
{
    char path[64], value[64];
    enum xen_store_read got =
        xen_store_read(&xen->store, domain_path(xen, path, key), value, sizeof(value), err);

    *out = got == XEN_STORE_VALUE && strcmp(value, text) == 0;
    return got != XEN_STORE_FAILED;
}

bool xen_read_settings(struct transport *transport, struct xen_settings *out, struct err *err)
{
    struct xen *xen = xen_of(transport);
    bool permissive;

    if (!setting_is(xen, "platform/secureboot", "true", &out->secure_boot, err) ||
        !setting_is(xen, "platform/auth-enforce", "false", &permissive, err) ||
        !setting_is(xen, "platform/secureboot-enforce", "true", &out->require_secure_boot, err)) {
        return false;
    }
    out->enforce = !permissive;
    return true;
}

/* ----------------------------------------------------------------------------------- attaching */

static bool count_vcpus(struct xen *xen, struct err *err)
{
    if (xendevicemodel_nr_vcpus(xen->model, xen->domain, &xen->vcpus) != 0) {
        return err_errno(err, "can't count the vCPUs of domain %u", xen->domain);
    }
    return xen->vcpus <= VCPUS_MAX ||
           err_set(err, "domain %u has %u vCPUs, more than %u", xen->domain, xen->vcpus, VCPUS_MAX);
}

static bool map_requests(struct xen *xen)
{
    void *page = NULL;

    xen->resource = xenforeignmemory_map_resource(
        xen->foreign, xen->domain, XENMEM_resource_ioreq_server, xen->server,
        XENMEM_resource_ioreq_server_frame_ioreq(0), 1, &page, PROT_READ | PROT_WRITE, 0);
    xen->requests = xen->resource != NULL ? page : NULL;
    return xen->requests != NULL;
}

/*
 * Is there a server that a daemon before us made and didn't destroy, because it was killed? The
 * guest waits in it for ever unless somebody takes it over; a new server wouldn't revive it. A key
 * whose server is gone names one that can't be mapped.
 */
static bool find_server(struct xen *xen)
{
    char path[64], value[16], *end = NULL;

    if (xen_store_read(&xen->store, domain_path(xen, path, SERVER_KEY), value, sizeof(value),
                       NULL) != XEN_STORE_VALUE) {
        return false;
    }
    unsigned long id = strtoul(value, &end, 10);
    if (end == value || *end != '\0' || id > UINT16_MAX) {
        return false;
    }
    xen->server = (ioservid_t)id;
    return map_requests(xen);
}

static bool create_server(struct xen *xen, struct err *err)
{
    char path[64], value[16];

    if (xendevicemodel_create_ioreq_server(xen->model, xen->domain, HVM_IOREQSRV_BUFIOREQ_OFF,
                                           &xen->server) != 0) {
        return err_errno(err, "can't create an IOREQ server for domain %u", xen->domain);
    }
    xen->server_owned = true;
    snprintf(value, sizeof(value), "%u", xen->server);
    if (!xen_store_write(&xen->store, domain_path(xen, path, SERVER_KEY), value, err)) {
        return false;
    }
    return map_requests(xen) ||
           err_errno(err, "can't map the requests of IOREQ server %u", xen->server);
}

/* Both may have been done already by the daemon that was killed. */
static bool claim_ports(struct xen *xen, struct err *err)
{
    if (xendevicemodel_map_io_range_to_ioreq_server(xen->model, xen->domain, xen->server, 0,
                                                    PORT_BASE, PORT_BASE + PORT_COUNT - 1) != 0 &&
        errno != EEXIST) {
        return err_errno(err, "can't claim the ports of domain %u", xen->domain);
    }
    return xendevicemodel_set_ioreq_server_state(xen->model, xen->domain, xen->server, 1) == 0 ||
           err_errno(err, "can't enable IOREQ server %u", xen->server);
}

static bool bind_events(struct xen *xen, struct err *err)
{
    assert(xen->requests != NULL);
    for (unsigned i = 0; i < xen->vcpus; i++) {
        xen->ports[i] =
            xenevtchn_bind_interdomain(xen->events, xen->domain, xen->requests[i].vp_eport);
        if (xen->ports[i] < 0) {
            return err_errno(err,
                             "can't bind the event channel of vCPU %u of domain %u (if another "
                             "daemon serves it, stop that first)",
                             i, xen->domain);
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------- requests */

static unsigned request_state(const volatile struct ioreq *request)
{
    return request->state;
}

/* Xen looks at the rest of a request only when the state says so, and the other way round: what was
 * written before is there when the state is. */
static void set_request_state(volatile struct ioreq *request, unsigned state)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    request->state = state & 0xf;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * What the killed daemon had begun is begun again, and what it had answered without telling is
 * told. Binding makes each port fire once, so that requests it had not seen are found.
 */
static void resume_request(struct xen *xen, unsigned vcpu)
{
    struct ioreq *shared = &xen->requests[vcpu];
    const struct ioreq request = *shared;
    unsigned state = request_state(shared);
    bool begun = state == STATE_IOREQ_INPROCESS;

    if (begun && !xen_access_was_answered(&xen->memory, &request)) {
        set_request_state(shared, STATE_IOREQ_READY);
    } else if (begun || state == STATE_IORESP_READY) {
        set_request_state(shared, STATE_IORESP_READY);
        xenevtchn_notify(xen->events, (evtchn_port_t)xen->ports[vcpu]);
    }
}

bool xen_attach(struct transport *transport, struct err *err)
{
    struct xen *xen = xen_of(transport);

    if (!count_vcpus(xen, err)) {
        return false;
    }
    xen->adopted = find_server(xen);
    if ((!xen->adopted && !create_server(xen, err)) || !claim_ports(xen, err) ||
        !bind_events(xen, err)) {
        return false;
    }
    xen->server_owned = true;
    if (xen->adopted) {
        log_info("took over IOREQ server %u of domain %u from a daemon that ended without leaving",
                 xen->server, xen->domain);
        for (unsigned i = 0; i < xen->vcpus; i++) {
            resume_request(xen, i);
        }
    }
    return true;
}

/* An event without a request is normal: each port fires once when it is bound. */
static void serve_vcpu(struct xen *xen, unsigned vcpu, const struct port_handler *handler)
{
    struct ioreq *shared = &xen->requests[vcpu];
    const struct xen_access access = {
        .handler = handler, .memory = &xen->memory, .buffers = &xen->buffers};

    if (request_state(shared) != STATE_IOREQ_READY) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct ioreq request = *shared;
    set_request_state(shared, STATE_IOREQ_INPROCESS);
    uint32_t value = xen_access_perform(&access, &request);
    if (request.dir == IOREQ_READ && !request.data_is_ptr) {
        shared->data = value;
    }
    set_request_state(shared, STATE_IORESP_READY);
    xenevtchn_notify(xen->events, (evtchn_port_t)xen->ports[vcpu]);
}

/* Xen destroys a dying domain's IOREQ servers before it tells xenstore of its end. */
static bool domain_is_gone(struct xen *xen)
{
    return xendevicemodel_get_ioreq_server_info(xen->model, xen->domain, xen->server, NULL, NULL,
                                                NULL) != 0 &&
           (errno == ENOENT || errno == ESRCH);
}

/* The watch says that some domain has ended, and not which. */
static enum transport_result serve_store(struct xen *xen)
{
    switch (xen_store_event(&xen->store)) {
    case XEN_STORE_FIRED:
        return domain_is_gone(xen) ? TRANSPORT_GONE : TRANSPORT_OK;
    case XEN_STORE_LOST:
        /* The descriptor stays open: it is sealed, and nobody else may get its number. */
        log_warning("xenstored hung up: the end of domain %u will not be noticed", xen->domain);
        epoll_ctl(xen->epoll, EPOLL_CTL_DEL, xen->store.fd, NULL);
        break;
    case XEN_STORE_QUIET:
        break;
    }
    return TRANSPORT_OK;
}

static enum transport_result xen_serve(struct transport *transport,
                                       const struct port_handler *handler, struct err *err)
{
    struct xen *xen = xen_of(transport);
    int port = xenevtchn_pending(xen->events);

    if (port < 0 && errno == EAGAIN) {
        return serve_store(xen);
    }
    if (port < 0 || xenevtchn_unmask(xen->events, (evtchn_port_t)port) != 0) {
        err_errno(err, "the event channels of domain %u", xen->domain);
        return TRANSPORT_FAILED;
    }
    for (unsigned i = 0; i < xen->vcpus; i++) {
        if (xen->ports[i] == port) {
            serve_vcpu(xen, i, handler);
            break;
        }
    }
    return TRANSPORT_OK;
}

/* ------------------------------------------------------------------------------ the rest of it */

static int xen_fd(struct transport *transport)
{
    return xen_of(transport)->epoll;
}

static bool xen_announce(struct transport *transport, struct err *err)
{
    struct xen *xen = xen_of(transport);
    char path[64], value[16];

    snprintf(value, sizeof(value), "%d", getpid());
    return xen_store_write(&xen->store, domain_path(xen, path, PID_KEY), value, err);
}

bool xen_adopted(const struct transport *transport)
{
    return ((const struct xen *)transport)->adopted;
}

int xen_store_fd(const struct transport *transport)
{
    return ((const struct xen *)transport)->store.fd;
}

/* A vCPU that waits in the server goes on, and reads all ones, as soon as the server is gone. */
static void leave_server(struct xen *xen)
{
    if (xen->server_owned) {
        xendevicemodel_set_ioreq_server_state(xen->model, xen->domain, xen->server, 0);
    }
    if (xen->resource != NULL) {
        xenforeignmemory_unmap_resource(xen->foreign, xen->resource);
    }
    if (xen->server_owned) {
        xendevicemodel_destroy_ioreq_server(xen->model, xen->domain, xen->server);
    }
}

static void xen_close(struct transport *transport)
{
    struct xen *xen = xen_of(transport);

    xen_memory_drop(&xen->memory);
    leave_server(xen);
    xen_store_close(&xen->store);
    if (xen->events != NULL) {
        xenevtchn_close(xen->events);
    }
    if (xen->foreign != NULL) {
        xenforeignmemory_close(xen->foreign);
    }
    if (xen->model != NULL) {
        xendevicemodel_close(xen->model);
    }
    if (xen->epoll >= 0) {
        close(xen->epoll);
    }
    free(xen);
}

static const struct transport_ops xen_ops = {
    .fd = xen_fd,
    .serve = xen_serve,
    .announce = xen_announce,
    .close = xen_close,
};

struct transport *xen_open(uint32_t domain, struct err *err)
{
    if (domain > DOMAIN_MAX) {
        err_set(err, "%u is no domain", domain);
        return NULL;
    }
    struct xen *xen = calloc(1, sizeof(*xen));
    if (xen == NULL) {
        err_set(err, "no memory for the Xen transport");
        return NULL;
    }
    xen->transport.ops = &xen_ops;
    xen->domain = (domid_t)domain;
    xen->store.fd = -1;
    xen->epoll = -1;
    if (!open_everything(xen, err)) {
        xen_close(&xen->transport);
        return NULL;
    }
    return &xen->transport;
}
