// SPDX-License-Identifier: BSD-2-Clause
/*
 * xen_host FOLDER DOMAIN VCPUS: a pretended Xen host with one domain, see tests/xenstub/xenstub.h.
 * Makes the domain's files, says "ready" and then is its xenstored: keys are files below
 * FOLDER/store, so that a script can write and read them too.
 */
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "xenstub/xenstub.h"

#define MEMORY_PAGES 4096u
#define CLIENTS_MAX 8
#define TICK_MS 10 /* how soon it is seen that the domain was released */

struct client {
    int fd; /* -1: free */
    bool watches_release;
    char token[64];
};

struct host {
    const char *folder;
    struct xenstub *control;
    int listener;
    struct client clients[CLIENTS_MAX];
    uint32_t released;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int make_file(const char *name, off_t size)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || ftruncate(fd, size) != 0) {
        fail(name);
    }
    return fd;
}

static void make_fifo(const char *name)
{
    if (unlink(name) != 0 && errno != ENOENT) {
        fail(name);
    }
    if (mkfifo(name, 0600) != 0) {
        fail(name);
    }
    /* A FIFO forgets what is in it when the last end is closed. */
    if (open(name, O_RDWR) < 0) {
        fail(name);
    }
}

static void make_domain(struct host *host, uint32_t domain, uint32_t vcpus)
{
    int control = make_file("control", sizeof(struct xenstub));

    close(make_file("memory", (off_t)MEMORY_PAGES * XENSTUB_PAGE));
    close(make_file("requests", (off_t)XENSTUB_SERVERS * XENSTUB_PAGE));
    make_fifo("events");
    for (uint32_t i = 0; i < vcpus; i++) {
        char name[16];
        snprintf(name, sizeof(name), "vcpu-%u", i);
        make_fifo(name);
    }
    host->control =
        mmap(NULL, sizeof(struct xenstub), PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
    if (host->control == MAP_FAILED) {
        fail("control");
    }
    host->control->domain = domain;
    host->control->vcpus = vcpus;
    host->control->pages = MEMORY_PAGES;
    host->control->magic = XENSTUB_MAGIC;
}

static void listen_for_clients(struct host *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "xenstored"};

    host->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if ((unlink("xenstored") != 0 && errno != ENOENT) || host->listener < 0 ||
        bind(host->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(host->listener, CLIENTS_MAX) != 0) {
        fail("xenstored");
    }
}

/* ------------------------------------------------------------------------------------ xenstore */

static void reply(struct client *client, const struct xsd_sockmsg *request, uint32_t type,
                  const void *payload, size_t len)
{
    struct xsd_sockmsg header = {
        .type = type, .req_id = request->req_id, .tx_id = request->tx_id, .len = (uint32_t)len};

    if (write(client->fd, &header, sizeof(header)) < 0 || write(client->fd, payload, len) < 0) {
        perror("xen_host: reply");
    }
}

static void reply_error(struct client *client, const struct xsd_sockmsg *request, const char *error)
{
    reply(client, request, XS_ERROR, error, strlen(error) + 1);
}

/* The file of a key: "store/local/domain/..". */
static void key_path(char out[4200], const char *key)
{
    snprintf(out, 4200, "store%s", key);
}

static void make_folders(const char *path)
{
    char folder[4200];

    snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0700);
        *slash = '/';
    }
}

static void serve_read(struct client *client, const struct xsd_sockmsg *request, const char *key)
{
    char path[4200], value[XENSTORE_PAYLOAD_MAX];

    key_path(path, key);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, value, sizeof(value)) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (len < 0) {
        reply_error(client, request, "ENOENT");
        return;
    }
    reply(client, request, XS_READ, value, (size_t)len);
}

/* By way of another name, so that whoever waits for the key finds its value in it. */
static void serve_write(struct client *client, const struct xsd_sockmsg *request, const char *key,
                        const char *value, size_t len)
{
    char path[4200];

    key_path(path, key);
    make_folders(path);
    int fd = open("store.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, value, len) != (ssize_t)len || rename("store.new", path) != 0) {
        perror(path);
        reply_error(client, request, "EIO");
    } else {
        reply(client, request, XS_WRITE, "OK", 3);
    }
    close(fd);
}

static void fire(struct client *client)
{
    char payload[128];
    int len = snprintf(payload, sizeof(payload), "@releaseDomain%c%s", '\0', client->token);

    reply(client, &(struct xsd_sockmsg){0}, XS_WATCH_EVENT, payload, (size_t)len + 1);
}

static void serve_request(struct client *client, const struct xsd_sockmsg *request,
                          const char *payload)
{
    size_t first = strlen(payload) + 1;

    switch (request->type) {
    case XS_READ:
        serve_read(client, request, payload);
        break;
    case XS_WRITE:
        serve_write(client, request, payload, payload + first, request->len - first);
        break;
    case XS_WATCH:
        snprintf(client->token, sizeof(client->token), "%s", payload + first);
        client->watches_release = strcmp(payload, "@releaseDomain") == 0;
        fire(client); /* as xenstored does, in front of the reply */
        reply(client, request, XS_WATCH, "OK", 3);
        break;
    default:
        reply_error(client, request, "ENOSYS");
    }
}

static void hang_up(struct client *client)
{
    close(client->fd);
    *client = (struct client){.fd = -1};
}

static void serve_client(struct client *client)
{
    struct xsd_sockmsg request;
    char payload[XENSTORE_PAYLOAD_MAX + 2] = {0};

    if (recv(client->fd, &request, sizeof(request), MSG_WAITALL) != sizeof(request) ||
        request.len > XENSTORE_PAYLOAD_MAX ||
        recv(client->fd, payload, request.len, MSG_WAITALL) != (ssize_t)request.len) {
        hang_up(client);
        return;
    }
    serve_request(client, &request, payload);
}

static void accept_client(struct host *host)
{
    int fd = accept4(host->listener, NULL, NULL, SOCK_CLOEXEC);

    for (int i = 0; i < CLIENTS_MAX && fd >= 0; i++) {
        if (host->clients[i].fd < 0) {
            host->clients[i].fd = fd;
            return;
        }
    }
    close(fd);
}

static void serve(struct host *host)
{
    struct pollfd waits[CLIENTS_MAX + 1] = {{.fd = host->listener, .events = POLLIN}};

    for (int i = 0; i < CLIENTS_MAX; i++) {
        waits[i + 1] = (struct pollfd){.fd = host->clients[i].fd, .events = POLLIN};
    }
    poll(waits, CLIENTS_MAX + 1, TICK_MS);
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (waits[i + 1].revents != 0) {
            serve_client(&host->clients[i]);
        }
        if (host->released != host->control->released && host->clients[i].watches_release) {
            fire(&host->clients[i]);
        }
    }
    host->released = host->control->released;
    if (waits[0].revents != 0) {
        accept_client(host);
    }
}

int main(int argc, char **argv)
{
    struct host host = {.folder = argc == 4 ? argv[1] : NULL};

    if (argc != 4 || atoi(argv[3]) < 1 || atoi(argv[3]) > (int)XENSTUB_VCPUS) {
        fprintf(stderr, "usage: xen_host FOLDER DOMAIN VCPUS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    if (mkdir(host.folder, 0700) != 0 && errno != EEXIST) {
        fail(host.folder);
    }
    if (chdir(host.folder) != 0 || (mkdir("store", 0700) != 0 && errno != EEXIST)) {
        fail(host.folder);
    }
    for (int i = 0; i < CLIENTS_MAX; i++) {
        host.clients[i].fd = -1;
    }
    make_domain(&host, (uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
    listen_for_clients(&host);
    puts("ready");
    fflush(stdout);
    for (;;) {
        serve(&host);
    }
}
