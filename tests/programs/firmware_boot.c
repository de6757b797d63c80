// SPDX-License-Identifier: BSD-2-Clause
/*
 * firmware_boot SOCKET boot [FILE]    plays a firmware's boot against a daemon, says how fast it
 *                                     was, and notes in FILE what the variables were afterwards
 * firmware_boot SOCKET note FILE      notes them, nothing more
 * firmware_boot SOCKET check FILE     lists what was noted and what has become of it; fails when a
 *                                     non-volatile variable isn't what it was
 * firmware_boot SOCKET keys FILE      the same, but lists PK, KEK, db, dbx and their like only
 */
#include "support/boot.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BAR 40

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------------------------------- a boot
 */

static void show_progress(void *self, const struct boot *boot, const char *doing)
{
    unsigned filled = boot->requests * BAR / BOOT_REQUESTS;

    (void)self;
    if (isatty(STDOUT_FILENO)) {
        filled = filled < BAR ? filled : BAR;
        printf("\r  [%.*s%*s] %4u requests  %-24s", (int)filled,
               "########################################", (int)(BAR - filled), "", boot->requests,
               doing);
        fflush(stdout);
    }
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double percentile_us(const struct client_times *times, unsigned percent)
{
    return (double)times->ns[(times->count - 1) * percent / 100] / 1e3;
}

static void print_times(const char *name, struct client_times *times)
{
    if (times->count == 0) {
        return;
    }
    qsort(times->ns, times->count, sizeof(*times->ns), compare_ns);
    printf("  %-22s %8zu %9.1f %9.1f %9.1f %9.1f\n", name, times->count, percentile_us(times, 50),
           percentile_us(times, 90), percentile_us(times, 99), percentile_us(times, 100));
}

static void print_boot(struct boot *boot, double seconds)
{
    static const char *const names[BOOT_KINDS] = {"GetVariable", "SetVariable",
                                                  "GetNextVariableName"};
    uint64_t all_ns[BOOT_KINDS * BOOT_TIMES_MAX];
    struct client_times all = {.ns = all_ns};

    printf("%s  %u requests in %.3f s: %.0f a second\n\n", isatty(STDOUT_FILENO) ? "\r\033[K" : "",
           boot->requests, seconds, boot->requests / seconds);
    printf("  latency in us          requests    median      90 %%      99 %%       max\n");
    for (unsigned i = 0; i < BOOT_KINDS; i++) {
        memcpy(all.ns + all.count, boot->ns[i], boot->times[i].count * sizeof(uint64_t));
        all.count += boot->times[i].count;
        print_times(names[i], &boot->times[i]);
    }
    print_times("all", &all);
}

/* ------------------------------------------------------------------------------ what is remembered
 */

/* One line: GUID, attributes, number of bytes, a digest of them, name. */
static uint64_t digest(struct span data)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < data.len; i++) {
        hash = (hash ^ data.data[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static void note(void *self, const struct boot_variable *variable)
{
    char guid[GUID_TEXT_SIZE];
    char name[256];

    fprintf(self, "%s %" PRIx32 " %zu %" PRIx64 " %s\n", guid_format(guid, &variable->guid),
            variable->attributes, variable->data.len, digest(variable->data),
            efi_name_format(name, sizeof(name), variable->name));
}

static bool note_all(struct client *client, const char *path)
{
    FILE *file = fopen(path, "w");
    bool ok = file != NULL && boot_walk(client, note, file);

    if (file != NULL) {
        ok = fclose(file) == 0 && ok;
    }
    return ok;
}

struct noted {
    char guid[GUID_TEXT_SIZE];
    char name[256];
    unsigned attributes;
    size_t len;
    uint64_t digest;
};

static bool read_noted(FILE *file, struct noted *out)
{
    return fscanf(file, "%36s %x %zu %" SCNx64 " %255[^\n]", out->guid, &out->attributes, &out->len,
                  &out->digest, out->name) == 5;
}

static const char *attributes_text(char text[24], uint32_t attributes)
{
    snprintf(text, 24, "%s%s%s%s", attributes & EFI_VARIABLE_NON_VOLATILE ? "NV " : "   ",
             attributes & EFI_VARIABLE_BOOTSERVICE_ACCESS ? "BS " : "   ",
             attributes & EFI_VARIABLE_RUNTIME_ACCESS ? "RT " : "   ",
             attributes & EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS ? "AT" : "  ");
    return text;
}

enum fate { KEPT, MADE_ANEW, GONE, LOST };

static enum fate fate_of(struct client *client, const struct noted *noted)
{
    uint8_t name[256];
    auto_free uint8_t *data = malloc(WIRE_BUFFER_SIZE);
    size_t len = WIRE_BUFFER_SIZE;
    uint32_t attributes = 0;
    struct guid guid = {0};
    bool is_volatile = (noted->attributes & EFI_VARIABLE_NON_VOLATILE) == 0;

    if (!guid_parse(&guid, noted->guid)) {
        return LOST;
    }
    struct span key = span_of(name, efi_name_parse(name, sizeof(name), noted->name));
    efi_status status = client_get(client, &guid, key, data, &len, &attributes);
    if (is_volatile) {
        return status == EFI_SUCCESS ? MADE_ANEW : GONE;
    }
    return status == EFI_SUCCESS && attributes == noted->attributes &&
                   digest(span_of(data, len)) == noted->digest
               ? KEPT
               : LOST;
}

static int check(struct client *client, const char *path, uint32_t listed)
{
    static const char *const texts[] = {"kept", "derived anew", "gone, is volatile", "LOST"};
    unsigned counts[4] = {0};
    struct noted noted;
    char attributes[24];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        perror(path);
        return 1;
    }
    printf("  %-33s %-12s %6s   %s\n", "variable", "attributes", "bytes", "after kill -9");
    while (read_noted(file, &noted)) {
        enum fate fate = fate_of(client, &noted);
        counts[fate]++;
        if ((noted.attributes & listed) != listed && fate != LOST) {
            continue;
        }
        printf("  %-33s %-12s %6zu   %s\n", noted.name,
               attributes_text(attributes, noted.attributes), noted.len, texts[fate]);
    }
    fclose(file);
    printf("\n  %u non-volatile variables kept, %u lost; %u volatile ones gone, %u made anew\n",
           counts[KEPT], counts[LOST], counts[GONE], counts[MADE_ANEW]);
    return counts[LOST] == 0 && counts[KEPT] > 0 && !client_lost(client) ? 0 : 1;
}

static int play(struct client *client, const char *notes)
{
    auto_free struct boot *boot = calloc(1, sizeof(*boot));

    if (boot == NULL) {
        return 1;
    }
    boot->progress = show_progress;
    double start = now_s();
    if (!boot_play(boot, client)) {
        fprintf(stderr, "\nfirmware_boot: after %u requests: %s\n", boot->requests, boot->failure);
        return 1;
    }
    print_boot(boot, now_s() - start);
    if (notes != NULL && !note_all(client, notes)) {
        fprintf(stderr, "firmware_boot: %s: can't note the variables\n", notes);
        return 1;
    }
    return 0;
}

static int note_only(struct client *client, const char *notes)
{
    return note_all(client, notes) ? 0 : 1;
}

static int check_all(struct client *client, const char *notes)
{
    return check(client, notes, 0);
}

static int check_keys(struct client *client, const char *notes)
{
    return check(client, notes, EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS);
}

static const struct {
    const char *name;
    int least_arguments;
    int (*run)(struct client *client, const char *notes);
} modes[] = {
    {"boot", 3, play}, {"note", 4, note_only}, {"check", 4, check_all}, {"keys", 4, check_keys}};

int main(int argc, char **argv)
{
    struct err err = {0};

    for (size_t i = 0; argc > 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(argv[2], modes[i].name) != 0 || argc < modes[i].least_arguments) {
            continue;
        }
        struct client *client = client_open(argv[1], 10000, &err);
        if (client == NULL) {
            fprintf(stderr, "firmware_boot: %s\n", err.text);
            return 1;
        }
        int result = modes[i].run(client, argv[3]);
        client_close(client);
        return result;
    }
    fprintf(stderr,
            "usage: firmware_boot SOCKET boot [FILE] | note FILE | check FILE | keys FILE\n");
    return 2;
}
