// SPDX-License-Identifier: BSD-2-Clause
/*
 * guest SOCKET: a guest behind the local transport, driven by lines on stdin, each answered by a
 * line on stdout. Variables are of the GUID EFI_GLOBAL_VARIABLE; a status is in words.
 *
 *   set NAME ATTRIBUTES LEN BYTE    LEN bytes of BYTE: "STATUS"
 *   get NAME                        "STATUS", or "Success ATTRIBUTES LEN BYTE" of the first byte
 *   list                            "Success NAME.." of all variables
 *   notify                          "STATUS"
 */
#include "support/client.h"

#include <stdio.h>

static uint8_t data[65536];

static const char *status_text(efi_status status)
{
    return status == CLIENT_LOST ? "Lost" : efi_status_text(status);
}

static struct span name_of(uint8_t *bytes, size_t capacity, const char *text)
{
    return span_of(bytes, efi_name_parse(bytes, capacity, text));
}

static void do_set(struct client *client, const char *line)
{
    char text[64];
    uint8_t bytes[128];
    unsigned attributes, byte;
    size_t len;

    if (sscanf(line, "set %63s %u %zu %u", text, &attributes, &len, &byte) != 4 ||
        len > sizeof(data)) {
        printf("usage\n");
        return;
    }
    memset(data, (int)byte, len);
    printf("%s\n",
           status_text(client_set(client, &EFI_GLOBAL_VARIABLE, name_of(bytes, sizeof(bytes), text),
                                  attributes, span_of(data, len))));
}

static void do_get(struct client *client, const char *text)
{
    uint8_t bytes[128];
    uint32_t attributes = 0;
    size_t len = CLIENT_PAGE * 15;
    efi_status status = client_get(client, &EFI_GLOBAL_VARIABLE,
                                   name_of(bytes, sizeof(bytes), text), data, &len, &attributes);

    if (status == EFI_SUCCESS) {
        printf("Success %#x %zu %u\n", attributes, len, data[0]);
    } else {
        printf("%s\n", status_text(status));
    }
}

static void do_list(struct client *client)
{
    struct guid guid = EFI_GLOBAL_VARIABLE;
    uint8_t name[512];
    char text[128];
    size_t len = 0;

    printf("Success");
    while (client_next(client, &guid, name, &len, sizeof(name)) == EFI_SUCCESS) {
        printf(" %s", efi_name_format(text, sizeof(text), span_of(name, len)));
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    char line[256];
    struct err err;
    struct client *client = argc == 2 ? client_open(argv[1], 10000, &err) : NULL;

    if (client == NULL) {
        fprintf(stderr, "%s\n", argc == 2 ? err.text : "usage: guest SOCKET");
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "set ", 4) == 0) {
            do_set(client, line);
        } else if (strncmp(line, "get ", 4) == 0) {
            do_get(client, line + 4);
        } else if (strcmp(line, "list") == 0) {
            do_list(client);
        } else if (strcmp(line, "notify") == 0) {
            printf("%s\n", status_text(client_notify(client)));
        } else {
            printf("usage\n");
        }
        fflush(stdout);
    }
    client_close(client);
    return 0;
}
