// SPDX-License-Identifier: BSD-2-Clause
/*
 * xen_null DOMAIN: the least that an IOREQ server for the variable services can do, straight on
 * Xen's libraries and with no check of anything: each request is answered with the same few bytes.
 * What a benchmark measures with it is the cost of Xen's interfaces alone.
 */
#include <stdint.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/memory.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#define PAGES 16
#define REPLY_SIZE 80 /* bytes: a reply to a get of 60 bytes */

struct null {
    domid_t domain;
    xendevicemodel_handle *model;
    xenforeignmemory_handle *foreign;
    xenevtchn_handle *events;
    struct ioreq *request;
    uint8_t *buffer;
    uint32_t gfn;
};

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static int attach(struct null *null)
{
    ioservid_t id;
    void *page = NULL;

    null->model = xendevicemodel_open(NULL, 0);
    null->foreign = xenforeignmemory_open(NULL, 0);
    null->events = xenevtchn_open(NULL, 0);
    must(null->model != NULL && null->foreign != NULL && null->events != NULL, "open");
    must(xendevicemodel_create_ioreq_server(null->model, null->domain, HVM_IOREQSRV_BUFIOREQ_OFF,
                                            &id) == 0,
         "create");
    must(xenforeignmemory_map_resource(null->foreign, null->domain, XENMEM_resource_ioreq_server,
                                       id, XENMEM_resource_ioreq_server_frame_ioreq(0), 1, &page,
                                       PROT_READ | PROT_WRITE, 0) != NULL,
         "map");
    null->request = page;
    must(xendevicemodel_map_io_range_to_ioreq_server(null->model, null->domain, id, 0, 0x100,
                                                     0x10b) == 0 &&
             xendevicemodel_set_ioreq_server_state(null->model, null->domain, id, 1) == 0,
         "enable");
    int port = xenevtchn_bind_interdomain(null->events, null->domain, null->request->vp_eport);
    must(port >= 0, "bind");
    return port;
}

static void map_buffer(struct null *null, uint32_t gfn)
{
    xen_pfn_t frames[PAGES];
    int errors[PAGES];

    for (unsigned i = 0; i < PAGES; i++) {
        frames[i] = gfn + i;
    }
    null->buffer = xenforeignmemory_map(null->foreign, null->domain, PROT_READ | PROT_WRITE, PAGES,
                                        frames, errors);
    null->gfn = gfn;
}

static void serve(struct null *null)
{
    static uint8_t request[512];
    static const uint8_t reply[REPLY_SIZE];

    if (null->request->state != STATE_IOREQ_READY) {
        return;
    }
    if (null->buffer == NULL || null->gfn != null->request->data) {
        map_buffer(null, (uint32_t)null->request->data);
    }
    memcpy(request, null->buffer, sizeof(request));
    memcpy(null->buffer, reply, sizeof(reply));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    xendevicemodel_modified_memory(null->model, null->domain, null->gfn, 1);
    null->request->state = STATE_IORESP_READY;
}

int main(int argc, char **argv)
{
    struct null null = {.domain = (domid_t)(argc == 2 ? atoi(argv[1]) : 0)};

    if (argc != 2) {
        fprintf(stderr, "usage: xen_null DOMAIN\n");
        return 2;
    }
    int port = attach(&null);
    struct pollfd wait = {.fd = xenevtchn_fd(null.events), .events = POLLIN};
    while (poll(&wait, 1, -1) > 0) {
        int fired = xenevtchn_pending(null.events);
        xenevtchn_unmask(null.events, (evtchn_port_t)fired);
        if (fired == port) {
            serve(&null);
            xenevtchn_notify(null.events, (evtchn_port_t)port);
        }
    }
    return 0;
}
