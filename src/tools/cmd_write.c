// SPDX-License-Identifier: BSD-2-Clause
/* varstore set and rm. */
#include "tools/commands.h"
#include "tools/dbx.h"
#include "tools/names.h"
#include "tools/source.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "base/cleanup.h"

/* What the daemon's rules say to a write, for a person. */
static bool explain_status(efi_status status, const char *name, struct err *err)
{
    switch (status) {
    case EFI_SUCCESS:
        return true;
    case EFI_OUT_OF_RESOURCES:
        return err_set(err,
                       "%s doesn't fit: a variable has 57344 bytes at most, and all together "
                       "have 128 KiB",
                       name);
    case EFI_WRITE_PROTECTED:
        return err_set(err, "%s follows from the other variables and can't be written", name);
    case EFI_SECURITY_VIOLATION:
        return err_set(err,
                       "%s is an authenticated variable: what is written has to be an .auth "
                       "file",
                       name);
    case EFI_INVALID_PARAMETER:
        return err_set(err,
                       "%s can't be that: wrong attributes (a variable keeps those it has), "
                       "or data that is not what this variable holds",
                       name);
    default:
        return err_set(err, "%s: %s", name, efi_status_text(status));
    }
}

/* --attributes, those it has, or those it has to have. */
static bool choose_attributes(const struct command_line *line, const struct source *source,
                              const struct variable_name *name, uint32_t *out, struct err *err)
{
    const struct variable *there = store_get(source->document.store, &name->guid, name->name);
    bool key = auth_classify(&name->guid, name->name) != AUTH_CLASS_OTHER;

    *out = there != NULL ? there->attributes : key ? AUTH_KEY_ATTRIBUTES : EFI_VARIABLE_NV_BS_RT;
    if (line->attributes != NULL && !attributes_parse(out, line->attributes)) {
        return err_set(err, "%s are no attributes: 7 or NV+BS+RT, for instance", line->attributes);
    }
    if ((*out & EFI_VARIABLE_NON_VOLATILE) == 0) {
        return err_set(err, "a volatile variable can't be kept: its attributes need NV");
    }
    *out |= line->append ? EFI_VARIABLE_APPEND_WRITE : 0;
    return true;
}

/* Into a buffer of STORE_DATA_MAX: the file, or what Microsoft's JSON of that name says for dbx. */
static bool read_content(struct writer *out, const char *path, bool dbx, struct err *err)
{
    struct dbx_choice choice;
    struct dbx_info info;
    size_t len;
    auto_free uint8_t *file = tool_read_file(path, dbx ? DBX_FILE_MAX : WIRE_DATA_MAX, &len, err);

    if (file == NULL) {
        return false;
    }
    if (!dbx || !FORMAT_JSON.detect(span_of(file, len))) {
        writer_bytes(out, span_of(file, len));
    } else if (!dbx_choose(&choice, NULL, false, err) ||
               !dbx_read(out, &info, span_of(file, len), &choice, err)) {
        return err_context(err, "%s", path);
    }
    return (writer_ok(out) || err_set(err, "%s is more than a variable can hold", path)) &&
           (out->len > 0 || err_set(err, "%s is empty: to remove the variable, varstore rm", path));
}

static bool set_one(const struct command_line *line, struct source *source, char **args,
                    struct err *err)
{
    struct variable_name name;
    uint32_t attributes;
    uint8_t data[STORE_DATA_MAX];
    struct writer writer = writer_of(data, sizeof(data));

    if (!variable_name_parse(&name, args[0], source->document.store, err) ||
        !choose_attributes(line, source, &name, &attributes, err)) {
        return false;
    }
    bool dbx = span_equal(name.name, EFI_NAME("dbx")) &&
               auth_classify(&name.guid, name.name) == AUTH_CLASS_DATABASE;
    return read_content(&writer, args[1], dbx, err) &&
           explain_status(document_set(&source->document, &name.guid, name.name, attributes,
                                       writer_span(&writer)),
                          args[0], err);
}

static int run_set(struct command_line *line, struct err *err)
{
    struct source source;
    bool done = source_open(&source, line, SOURCE_WRITE, err) &&
                set_one(line, &source, line->args, err) && source_save(&source, err);

    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_SET = {
    "set", "[STORE] VARIABLE FILE", "Sets a variable to a file's content", "VSsfaPF", 3, 3, run_set,
};

static bool remove_all(struct command_line *line, struct source *source, struct err *err)
{
    struct variable_name name;

    while (line->count > 0) {
        const char *text = command_take(line);

        if (!variable_name_parse(&name, text, source->document.store, err)) {
            return false;
        }
        efi_status status = document_remove(&source->document, &name.guid, name.name);
        if (status == EFI_NOT_FOUND) {
            return err_set(err, "there is no variable %s", text);
        }
        if (!explain_status(status, text, err)) {
            return false;
        }
    }
    return true;
}

static int run_rm(struct command_line *line, struct err *err)
{
    struct source source;
    bool done = source_open(&source, line, SOURCE_WRITE, err) && remove_all(line, &source, err) &&
                source_save(&source, err);

    source_close(&source);
    return done ? 0 : 1;
}

const struct command COMMAND_RM = {
    "rm", "[STORE] VARIABLE...", "Removes variables", "VSsfF", 2, -1, run_rm,
};
