// SPDX-License-Identifier: BSD-2-Clause
#include "tools/source.h"

#include "backend/file.h"
#include "backend/vars.h"
#include "backend/xapi.h"
#include "base/cleanup.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

void source_print_notes(const struct notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        fprintf(stderr, "varstore: note: %s\n", notes->lines[i]);
    }
}

/* ------------------------------------------------------------------------------ XAPI and folders
 */

/* What is written into a daemon's folder has to belong to the daemon's user. */
static void become_owner(const struct source *source)
{
    struct stat status;

    if (geteuid() == 0 && source->path != NULL && stat(source->path, &status) == 0 &&
        status.st_uid != 0) {
        if (setegid(status.st_gid) != 0 || seteuid(status.st_uid) != 0) {
            return; /* the backend says what is not allowed then */
        }
    }
}

static void become_root_again(void)
{
    uid_t real = getuid();

    if (real != geteuid() && (seteuid(real) != 0 || setegid(getgid()) != 0)) {
        abort();
    }
}

static bool load(struct source *source, struct err *err)
{
    auto_free uint8_t *blob = NULL;
    size_t len;

    switch (source->backend->ops->load(source->backend, &blob, &len, err)) {
    case BACKEND_LOADED:
        return FORMAT_VARS.decode(&source->document, span_of(blob, len), err);
    case BACKEND_FIRST_BOOT:
        source->absent = true;
        return true;
    default:
        return false;
    }
}

static bool check_halted(struct source *source, const struct xapi_config *config, struct err *err)
{
    source->xapi = calloc(1, sizeof(*source->xapi));
    if (source->xapi == NULL) {
        return err_set(err, "out of memory");
    }
    xapi_client_init(source->xapi, config->socket, config->uuid);
    return xapi_client_check_halted(source->xapi, err);
}

static bool open_xapi(struct source *source, const struct command_line *line, enum source_use use,
                      struct err *err)
{
    const struct xapi_config config = {
        .socket = line->socket != NULL ? line->socket : XAPI_SOCKET_DEFAULT,
        .uuid = line->vm,
        .abort_fd = -1,
    };

    snprintf(source->title, sizeof(source->title), "%s", line->vm);
    if (use == SOURCE_WRITE && !line->force && !check_halted(source, &config, err)) {
        return false;
    }
    source->backend = xapi_backend_open(&config, err);
    return source->backend != NULL && load(source, err);
}

static bool open_folder(struct source *source, enum source_use use, struct err *err)
{
    struct stat status;

    if (stat(source->path, &status) != 0) { /* a store isn't made by mistyping its name */
        return err_errno(err, "the store %s", source->path);
    }
    become_owner(source);
    source->backend = use == SOURCE_WRITE
                          ? file_backend_open(source->path, geteuid(), getegid(), err)
                          : file_backend_open_read(source->path, err);
    bool loaded = source->backend != NULL && load(source, err);
    become_root_again();
    return loaded;
}

/* ----------------------------------------------------------------------------------------- files
 */

/* QEMU locks its files in the same way, so a running VM's OVMF_VARS.fd is refused. */
static bool lock_file(struct source *source, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat opened;
    struct stat there;

    source->lock = open(source->path, O_RDWR | O_CLOEXEC);
    if (source->lock < 0) {
        return err_errno(err, "can't open %s for writing", source->path);
    }
    if (fcntl(source->lock, F_OFD_SETLK, &lock) != 0) {
        return err_set(err, "%s is in use by another process: shut down the VM first",
                       source->path);
    }
    return (fstat(source->lock, &opened) == 0 && stat(source->path, &there) == 0 &&
            opened.st_ino == there.st_ino) ||
           err_set(err, "%s was replaced just now: try again", source->path);
}

static bool find_format(struct source *source, const char *from, struct err *err)
{
    struct span bytes = span_of(source->bytes, source->len);

    source->format = from != NULL ? format_by_name(from) : format_detect(bytes);
    if (source->format != NULL) {
        return true;
    }
    return from != NULL ? err_set(err, "there is no format %s", from)
                        : err_set(err,
                                  "%s is none of the known formats (VARS, base64 of it, "
                                  "OVMF_VARS.fd, JSON)",
                                  source->path);
}

static bool open_file(struct source *source, const char *from, enum source_use use, struct err *err)
{
    if (use == SOURCE_WRITE && !lock_file(source, err)) {
        return false;
    }
    source->bytes = tool_read_file(source->path, FORMAT_FILE_MAX, &source->len, err);
    if (source->bytes == NULL || !find_format(source, from, err)) {
        return false;
    }
    return source->format->decode(&source->document, span_of(source->bytes, source->len), err) ||
           err_context(err, "%s", source->path);
}

/* A folder is the daemon's when it holds a state, or a lock of one to come. */
static bool is_store(const char *path)
{
    char state[PATH_MAX];

    snprintf(state, sizeof(state), "%s/%s", path, FILE_STATE_NAME);
    if (access(state, F_OK) == 0) {
        return true;
    }
    snprintf(state, sizeof(state), "%s/%s", path, FILE_LOCK_NAME);
    return access(state, F_OK) == 0;
}

static bool open_kind(struct source *source, const char *from, enum source_use use, bool store,
                      struct err *err)
{
    struct stat status;

    if (store) {
        return open_folder(source, use, err);
    }
    if (stat(source->path, &status) != 0) {
        return err_errno(err, "can't open %s", source->path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return open_file(source, from, use, err);
    }
    if (is_store(source->path)) {
        return open_folder(source, use, err);
    }
    if (use == SOURCE_WRITE) {
        return err_set(err, "%s: a folder of efivarfs files is read only: convert it first",
                       source->path);
    }
    return format_folder_read(&source->document, source->path, err);
}

/* -------------------------------------------------------------------------------- the whole of it
 */

static bool begin(struct source *source, const char *path, struct err *err)
{
    *source = (struct source){.lock = -1};
    if (!document_init(&source->document, err)) {
        return false;
    }
    if (path != NULL) {
        snprintf(source->title, sizeof(source->title), "%s", path);
        source->path = strdup(path);
    }
    return path == NULL || source->path != NULL || err_set(err, "out of memory");
}

/* What was there, to see later whether anything changed. */
static bool remember(struct source *source, struct err *err)
{
    struct document copy;

    if (!document_init(&copy, err)) {
        return false;
    }
    source->before = copy.store;
    for (size_t i = 0; i < store_count(source->document.store); i++) {
        if (!document_add(&copy, store_at(source->document.store, i))) {
            return err_set(err, "out of memory");
        }
    }
    return true;
}

static bool finish_open(struct source *source, enum source_use use, struct err *err)
{
    source_print_notes(&source->document.notes);
    return use == SOURCE_READ || remember(source, err);
}

bool source_open_path(struct source *source, const char *path, const char *from,
                      enum source_use use, struct err *err)
{
    return begin(source, path, err) && open_kind(source, from, use, false, err) &&
           finish_open(source, use, err);
}

bool source_open(struct source *source, struct command_line *line, enum source_use use,
                 struct err *err)
{
    if (line->vm != NULL) {
        return begin(source, NULL, err) && open_xapi(source, line, use, err) &&
               finish_open(source, use, err);
    }
    if (line->store != NULL) {
        return begin(source, line->store, err) && open_kind(source, NULL, use, true, err) &&
               finish_open(source, use, err);
    }
    return source_open_path(source, command_take(line), line->from, use, err);
}

static bool same(const struct store *a, const struct store *b)
{
    if (store_count(a) != store_count(b)) {
        return false;
    }
    for (size_t i = 0; i < store_count(a); i++) {
        const struct variable *x = store_at(a, i);
        const struct variable *y = store_at(b, i);

        if (store_key_compare(&x->guid, x->name, &y->guid, y->name) != 0 ||
            !document_same_variable(x, y)) {
            return false;
        }
    }
    return true;
}

static bool save_bytes(struct source *source, struct span bytes, struct err *err)
{
    bool keys_changed = document_keys_differ(source->before, source->document.store);

    if (source->backend == NULL) {
        return tool_write_file(source->path, bytes, 0600, err);
    }
    /* It may have been started since: until a question was answered, say. */
    if (source->xapi != NULL && !xapi_client_check_halted(source->xapi, err)) {
        return false;
    }
    become_owner(source);
    bool saved = source->backend->ops->save(source->backend, bytes, keys_changed, err);
    become_root_again();
    return saved;
}

bool source_save(struct source *source, struct err *err)
{
    const struct format *format = source->backend != NULL ? &FORMAT_VARS : source->format;
    struct notes notes = {0};
    size_t len;

    if (same(source->before, source->document.store)) {
        return true;
    }
    auto_free uint8_t *bytes =
        format->encode(&source->document, span_of(source->bytes, source->len), &notes, &len, err);
    bool saved = bytes != NULL && save_bytes(source, span_of(bytes, len), err);
    source_print_notes(&notes);
    notes_free(&notes);
    return saved;
}

void source_close(struct source *source)
{
    document_free(&source->document);
    store_free(source->before);
    if (source->backend != NULL) {
        backend_close(source->backend);
    }
    if (source->xapi != NULL) {
        xapi_client_close(source->xapi);
        free(source->xapi);
    }
    free(source->path);
    free(source->bytes);
    cleanup_close(&source->lock);
}
