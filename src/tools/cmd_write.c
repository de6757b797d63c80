// SPDX-License-Identifier: BSD-2-Clause
/* varstore set and rm. */
#include "tools/commands.h"
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

static bool set_one(const struct command_line *line, struct source *source, char **args,
                    struct err *err)
{
    struct variable_name name;
    uint32_t attributes;
    size_t len;

    if (!variable_name_parse(&name, args[0], source->document.store, err) ||
        !choose_attributes(line, source, &name, &attributes, err)) {
        return false;
    }
    auto_free uint8_t *data = tool_read_file(args[1], WIRE_DATA_MAX, &len, err);
    if (data == NULL) {
        return false;
    }
    if (len == 0) {
        return err_set(err, "%s is empty: to remove the variable, varstore rm", args[1]);
    }
    return explain_status(
        document_set(&source->document, &name.guid, name.name, attributes, span_of(data, len)),
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
    "set", "[STORE] VARIABLE FILE", "Sets a variable to a file's content", "VSsfaP", 3, 3, run_set,
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
    "rm", "[STORE] VARIABLE...", "Removes variables", "VSsf", 2, -1, run_rm,
};
