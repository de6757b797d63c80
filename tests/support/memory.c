// SPDX-License-Identifier: BSD-2-Clause
#include "support/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_proc(pid_t process, const char *name)
{
    char path[96];

    snprintf(path, sizeof(path), "/proc/%d/%s", process, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void add(struct memory *memory, pid_t process)
{
    char line[128];
    unsigned kib;
    FILE *file = open_proc(process, "smaps_rollup");

    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "Private_Dirty: %u kB", &kib) == 1) {
            memory->private += kib;
        } else if (sscanf(line, "Pss_Dirty: %u kB", &kib) == 1) {
            memory->by_shares += kib;
        }
    }
    fclose(file);
}

struct memory memory_of(pid_t process)
{
    struct memory memory = {0};
    char name[64];
    int child;

    add(&memory, process);
    snprintf(name, sizeof(name), "task/%d/children", process);
    FILE *children = open_proc(process, name);
    while (fscanf(children, "%d", &child) == 1) {
        add(&memory, child);
    }
    fclose(children);
    return memory;
}

void memory_print(const char *name, const struct memory *memory, unsigned target_kib)
{
    printf("  %-36s %8u KiB   target %u%s   (by shares %u KiB)\n", name, memory->private,
           target_kib, memory->private > target_kib ? "   MISSED" : "", memory->by_shares);
}
