// SPDX-License-Identifier: BSD-2-Clause
/* varstore status: of one VM in full, of many in one table, for a monitor in one line. */
#include "tools/commands.h"
#include "tools/microsoft.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/status.h"
#include "tools/tree.h"

#include "backend/file.h"
#include "backend/xapi.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <time.h>

struct one {
    char *title;
    char *name; /* of a VM of XAPI's, or NULL */
    bool is_vm;
    struct status status;
    char error[256]; /* why it can't be read, or "" */
};

struct all {
    struct one *list;
    size_t count;
    time_t begun;
};

static struct one *add(struct all *all, const char *title)
{
    if (all->count % 64 == 0) {
        struct one *list = realloc(all->list, (all->count + 64) * sizeof(*list));
        if (list == NULL) {
            abort();
        }
        all->list = list;
    }
    struct one *one = &all->list[all->count++];
    *one = (struct one){.title = strdup(title)};
    return one;
}

static void free_all(struct all *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->list[i].title);
        free(all->list[i].name);
    }
    free(all->list);
}

/* ------------------------------------------------------------------------------------ gathering */

static void assess(struct all *all, const struct source *source, bool opened, const char *title,
                   enum wanted wanted, const struct err *err)
{
    struct one *one = add(all, title);

    if (opened) {
        status_assess(&one->status, &source->document, wanted);
        return;
    }
    one->status.verdict = VERDICT_UNKNOWN;
    snprintf(one->error, sizeof(one->error), "%.255s", err->text);
}

static void assess_path(struct all *all, const char *path, const char *from, enum wanted wanted)
{
    struct source source;
    struct err err;
    bool opened = source_open_path(&source, path, from, SOURCE_READ, &err);

    assess(all, &source, opened, path, wanted, &err);
    source_close(&source);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* What takes longer than a second says how far it is. */
static void show_progress(const struct all *all, int total)
{
    if (isatty(STDERR_FILENO) && time(NULL) > all->begun + 1 && all->count % 50 == 0) {
        fprintf(stderr, "\r%zu of %d ", all->count, total);
    }
}

static bool assess_folder(struct all *all, const char *folder, enum wanted wanted, struct err *err)
{
    struct dirent **entries;
    char path[PATH_MAX];
    int count = scandir(folder, &entries, visible, versionsort);

    if (count < 0) {
        return err_errno(err, "can't read the folder %s", folder);
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s/%s", folder, entries[i]->d_name, FILE_STATE_NAME);
        if (access(path, F_OK) == 0) {
            path[strlen(path) - sizeof(FILE_STATE_NAME)] = '\0';
            assess_path(all, path, NULL, wanted);
            show_progress(all, count);
        }
        free(entries[i]);
    }
    free(entries);
    return true;
}

static bool parse_wanted(enum wanted *out, const char *text, struct err *err)
{
    *out = text == NULL ? WANTED_UNKNOWN : strcmp(text, "on") == 0 ? WANTED_ON : WANTED_OFF;
    return text == NULL || strcmp(text, "on") == 0 || strcmp(text, "off") == 0 ||
           err_set(err, "--wanted is on or off, not %s", text);
}

static const char *socket_of(const struct command_line *line)
{
    return line->socket != NULL ? line->socket : XAPI_SOCKET_DEFAULT;
}

/* What XAPI wants of its VM; where it doesn't say, that is told, and the rest is judged. */
static enum wanted ask_wanted(const struct command_line *line)
{
    struct xapi_client client;
    struct err err;
    bool on;

    xapi_client_init(&client, socket_of(line), line->vm);
    bool asked = xapi_client_secure_boot(&client, &on, &err);
    xapi_client_close(&client);
    if (!asked) {
        fprintf(stderr, "varstore status: note: whether Secure Boot is wanted isn't known: %s\n",
                err.text);
    }
    return !asked ? WANTED_UNKNOWN : on ? WANTED_ON : WANTED_OFF;
}

/* --vm or --store. */
static void assess_named(struct all *all, struct command_line *line, enum wanted wanted)
{
    struct source source;
    struct err why;
    bool opened = source_open(&source, line, SOURCE_READ, &why);

    if (opened && line->vm != NULL && line->wanted == NULL) {
        wanted = ask_wanted(line);
    }
    assess(all, &source, opened, line->vm != NULL ? line->vm : line->store, wanted, &why);
    all->list[all->count - 1].is_vm = line->vm != NULL;
    source_close(&source);
}

struct pool_walk {
    struct all *all;
    const struct command_line *line;
    enum wanted wanted;
};

static void assess_vm(void *self, const char *uuid, const char *name, size_t of)
{
    struct pool_walk *walk = self;
    struct command_line line = *walk->line;

    line.vm = uuid;
    assess_named(walk->all, &line, walk->wanted);
    walk->all->list[walk->all->count - 1].name = strdup(name);
    show_progress(walk->all, (int)of);
}

static bool assess_pool(struct all *all, const struct command_line *line, enum wanted wanted,
                        struct err *err)
{
    struct pool_walk walk = {all, line, wanted};
    struct xapi_client client;

    xapi_client_init(&client, socket_of(line), "");
    bool listed = xapi_client_each_vm(&client, assess_vm, &walk, err);
    xapi_client_close(&client);
    return listed;
}

static bool gather(struct all *all, struct command_line *line, struct err *err)
{
    enum wanted wanted;

    if (!parse_wanted(&wanted, line->wanted, err)) {
        return false;
    }
    if (line->vm != NULL || line->store != NULL) {
        assess_named(all, line, wanted);
    } else if (line->all && line->count == 0) {
        return assess_pool(all, line, wanted, err);
    }
    while (line->count > 0) {
        const char *path = command_take(line);

        if (!line->all) {
            assess_path(all, path, line->from, wanted);
        } else if (!assess_folder(all, path, wanted, err)) {
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------- printing */

static const char *wanted_text(enum wanted wanted)
{
    return wanted == WANTED_UNKNOWN ? "unknown" : wanted == WANTED_ON ? "on" : "off";
}

static json_t *certificates_of(unsigned found)
{
    json_t *list = json_array();

    for (unsigned bit = 1; bit <= MICROSOFT_OPTION_ROM_2023; bit <<= 1) {
        if ((found & bit) != 0) {
            json_array_append_new(list, json_string(microsoft_name(bit)));
        }
    }
    return list;
}

/* The command that helps, for this store. */
static json_t *next_of(const struct one *one)
{
    const char *next = one->status.next;
    const char *place = strstr(next, "STORE");
    char text[1024];

    if (place == NULL) {
        return json_string(next);
    }
    snprintf(text, sizeof(text), "%.*s%s%.400s%s", (int)(place - next), next,
             one->is_vm ? "--vm " : "", one->title, place + strlen("STORE"));
    return tree_string(text);
}

static json_t *tree_of(const struct one *one)
{
    const struct status *status = &one->status;
    char time[TIME_TEXT_SIZE];
    json_t *object = json_pack("{s:o, s:s}", "store", tree_string(one->title), "verdict",
                               verdict_text(status->verdict));
    json_t *reasons = json_array();

    if (one->name != NULL) {
        json_object_set_new(object, "name", tree_string(one->name));
    }
    if (one->error[0] != '\0') {
        json_array_append_new(reasons, tree_string(one->error));
        json_object_set_new(object, "reasons", reasons);
        return object;
    }
    for (size_t i = 0; i < status->reason_count; i++) {
        json_array_append_new(reasons, json_string(status->reasons[i]));
    }
    json_t *facts =
        json_pack("{s:s, s:b, s:s, s:o, s:o, s:I, s:I, s:s, s:I, s:I}", "secure_boot_wanted",
                  wanted_text(status->wanted), "secure_boot_effective", status->effective, "mode",
                  status->setup_mode ? "setup" : "user", "pk_owner", tree_string(status->pk_owner),
                  "microsoft_certificates", certificates_of(status->certificates), "db_entries",
                  (json_int_t)status->db_entries, "dbx_entries", (json_int_t)status->dbx_entries,
                  "dbx_time", time_format(time, &status->dbx_time), "used",
                  (json_int_t)status->used, "free", (json_int_t)status->free);
    json_object_update(object, facts);
    json_decref(facts);
    json_object_set_new(object, "reasons", reasons);
    if (status->next != NULL) {
        json_object_set_new(object, "next", next_of(one));
    }
    return object;
}

/* "KWU": those of KEK, Windows and the UEFI CA. */
static char *letters(char text[4], unsigned found, unsigned kek, unsigned windows, unsigned uefi)
{
    snprintf(text, 4, "%c%c%c", (found & kek) != 0 ? 'K' : '-', (found & windows) != 0 ? 'W' : '-',
             (found & uefi) != 0 ? 'U' : '-');
    return text;
}

static void add_row(struct table *table, const struct one *one)
{
    const struct status *status = &one->status;
    char text[TIME_TEXT_SIZE];
    unsigned found = status->certificates;

    table_add(table, one->name != NULL ? one->name : one->title);
    table_add(table, verdict_text(status->verdict));
    if (one->error[0] != '\0') {
        for (int i = 0; i < 8; i++) {
            table_add(table, "-");
        }
        table_add(table, one->error);
        return;
    }
    table_add(table, wanted_text(status->wanted));
    table_add(table, status->effective ? "on" : "off");
    table_add(table, status->setup_mode ? "setup" : "user");
    table_add(table, letters(text, found, MICROSOFT_KEK_2011, MICROSOFT_WINDOWS_2011,
                             MICROSOFT_UEFI_2011));
    table_add(table, letters(text, found, MICROSOFT_KEK_2023, MICROSOFT_WINDOWS_2023,
                             MICROSOFT_UEFI_2023));
    snprintf(text, sizeof(text), "%zu", status->dbx_entries);
    table_add(table, text);
    time_format(text, &status->dbx_time);
    text[10] = '\0'; /* the day */
    table_add(table, text);
    snprintf(text, sizeof(text), "%zu", status->free);
    table_add(table, text);
    table_add(table, status->pk_owner);
}

static void print_table(const struct all *all)
{
    static const char *const head[] = {"STORE", "VERDICT", "WANTED", "SECUREBOOT", "MODE", "2011",
                                       "2023",  "DBX",     "DATE",   "FREE",       "PK"};
    struct table table = {.columns = sizeof(head) / sizeof(head[0])};

    for (size_t i = 0; i < table.columns; i++) {
        table_add(&table, head[i]);
    }
    for (size_t i = 0; i < all->count; i++) {
        add_row(&table, &all->list[i]);
    }
    table_print(&table);
    table_free(&table);
}

/* The worst, as far as a monitor is concerned: what can't be read is worse than a warning. */
static const struct one *worst_of(const struct all *all)
{
    static const int rank[] = {
        [VERDICT_OK] = 0, [VERDICT_WARNING] = 1, [VERDICT_UNKNOWN] = 2, [VERDICT_CRITICAL] = 3};
    const struct one *worst = NULL;

    for (size_t i = 0; i < all->count; i++) {
        if (worst == NULL || rank[all->list[i].status.verdict] > rank[worst->status.verdict]) {
            worst = &all->list[i];
        }
    }
    return worst;
}

static int check(const struct all *all)
{
    const struct one *worst = worst_of(all);
    size_t bad = 0;

    for (size_t i = 0; i < all->count; i++) {
        bad += all->list[i].status.verdict != VERDICT_OK;
    }
    if (worst == NULL || worst->status.verdict == VERDICT_OK) {
        printf("OK - %zu store%s\n", all->count, all->count == 1 ? "" : "s");
        return VERDICT_OK;
    }
    printf("%s - %s: %s", verdict_text(worst->status.verdict), worst->title,
           worst->error[0] != '\0' ? worst->error : worst->status.reasons[0]);
    printf(all->count > 1 ? " (%zu of %zu stores)\n" : "\n", bad, all->count);
    return (int)worst->status.verdict;
}

static int print(const struct all *all, const struct command_line *line)
{
    auto_tree json_t *list = json_array();

    if (line->check) {
        return check(all);
    }
    if (!line->json && (all->count != 1 || line->all)) {
        print_table(all);
        return 0;
    }
    for (size_t i = 0; i < all->count; i++) {
        json_array_append_new(list, tree_of(&all->list[i]));
    }
    (line->json ? tree_print_json : tree_print_text)(list);
    return 0;
}

static int run_status(struct command_line *line, struct err *err)
{
    struct all all = {.begun = time(NULL)};
    int code = line->check ? VERDICT_UNKNOWN : 1;

    if (gather(&all, line, err)) {
        code = print(&all, line);
        if (!line->check && all.count == 1 && all.list[0].error[0] != '\0') {
            code = 1;
        }
    }
    free_all(&all);
    return code;
}

const struct command COMMAND_STATUS = {
    "status",
    "[STORE]... | --all [DIR]...",
    "Says whether Secure Boot is in order",
    "VSsfjCAw",
    1,
    -1,
    run_status,
};
