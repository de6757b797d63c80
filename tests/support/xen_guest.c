// SPDX-License-Identifier: BSD-2-Clause
#include "support/xen_guest.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/hvm/ioreq.h>

#define PATIENCE_MS 30000

struct xen_guest {
    struct xenstub *control;
    uint8_t *memory;
    uint8_t *requests;
    int events;
    int vcpus[XENSTUB_VCPUS];
};

static int open_file(const char *folder, const char *name, int flags)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC | flags);
    if (fd < 0) {
        perror(path);
        exit(2);
    }
    return fd;
}

static void *map_file(const char *folder, const char *name)
{
    struct stat status;
    int fd = open_file(folder, name, 0);
    void *mapped = fstat(fd, &status) == 0 ? mmap(NULL, (size_t)status.st_size,
                                                  PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                                           : MAP_FAILED;

    close(fd);
    if (mapped == MAP_FAILED) {
        perror(name);
        exit(2);
    }
    return mapped;
}

struct xen_guest *xen_guest_open(const char *folder)
{
    struct xen_guest *guest = calloc(1, sizeof(*guest));

    if (guest == NULL) {
        abort();
    }
    guest->control = map_file(folder, "control");
    guest->memory = map_file(folder, "memory");
    guest->requests = map_file(folder, "requests");
    guest->events = open_file(folder, "events", O_NONBLOCK);
    for (unsigned i = 0; i < guest->control->vcpus; i++) {
        char name[16];
        snprintf(name, sizeof(name), "vcpu-%u", i);
        guest->vcpus[i] = open_file(folder, name, O_NONBLOCK);
    }
    return guest;
}

void xen_guest_close(struct xen_guest *guest)
{
    close(guest->events);
    for (unsigned i = 0; i < guest->control->vcpus; i++) {
        close(guest->vcpus[i]);
    }
    free(guest); /* the mappings go with the process */
}

struct xenstub *xen_guest_control(struct xen_guest *guest)
{
    return guest->control;
}

uint8_t *xen_guest_memory(struct xen_guest *guest, uint64_t gfn)
{
    return guest->memory + gfn * XENSTUB_PAGE;
}

static int find_server(const struct xen_guest *guest, uint32_t port)
{
    for (int i = 0; i < (int)XENSTUB_SERVERS; i++) {
        const struct xenstub_server *server = &guest->control->servers[i];
        if (server->exists && server->enabled && port >= server->first_port &&
            port + 3 <= server->last_port) {
            return i;
        }
    }
    return -1;
}

static unsigned state_of(const volatile ioreq_t *request)
{
    return request->state;
}

static bool wait_for_answer(int wakeups, const volatile ioreq_t *request)
{
    struct pollfd wait = {.fd = wakeups, .events = POLLIN};
    char byte;

    while (state_of(request) != STATE_IORESP_READY) {
        if (poll(&wait, 1, PATIENCE_MS) == 0) {
            return false;
        }
        (void)!read(wakeups, &byte, 1);
    }
    return true;
}

bool xen_guest_out(struct xen_guest *guest, unsigned vcpu, uint32_t port, uint32_t value)
{
    int server = find_server(guest, port);

    if (server < 0) {
        return false;
    }
    ioreq_t *slot = (ioreq_t *)(void *)(guest->requests + (unsigned)server * XENSTUB_PAGE) + vcpu;
    uint32_t local = xenstub_local_port(slot->vp_eport);
    *slot = (ioreq_t){.addr = port,
                      .data = value,
                      .count = 1,
                      .size = 4,
                      .vp_eport = slot->vp_eport,
                      .dir = IOREQ_WRITE,
                      .type = IOREQ_TYPE_PIO};
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ((volatile ioreq_t *)slot)->state = STATE_IOREQ_READY;
    if (write(guest->events, &local, sizeof(local)) != (ssize_t)sizeof(local) ||
        !wait_for_answer(guest->vcpus[vcpu], slot)) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ((volatile ioreq_t *)slot)->state = STATE_IOREQ_NONE;
    return true;
}
