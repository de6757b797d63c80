// SPDX-License-Identifier: BSD-2-Clause
/* varstore-nvram-certcheck: does the NVRAM that XAPI has of a VM need Microsoft's certificates of
 * 2023? */
#include "tools/microsoft.h"
#include "tools/tool.h"

#include "auth/auth.h"
#include "backend/vars.h"
#include "base/base64.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX (8u << 20)
#define NAME "varstore-nvram-certcheck"

static bool look_at(void *self, const struct variable *variable)
{
    unsigned *found = self;

    if (auth_classify(&variable->guid, variable->name) == AUTH_CLASS_KEK) {
        *found |= microsoft_in_kek(variable->data);
    }
    if (guid_equal(&variable->guid, &EFI_IMAGE_SECURITY_DATABASE) &&
        span_equal(variable->name, EFI_NAME("db"))) {
        *found |= microsoft_in_db(variable->data);
    }
    return true;
}

static void pass_device(void *self, const struct device_state *state)
{
    (void)self;
    (void)state;
}

static void pass_rejected(void *self, const struct guid *guid, struct span name, const char *reason)
{
    (void)self;
    (void)guid;
    (void)name;
    (void)reason;
}

static struct span without_line_end(struct span text)
{
    while (text.len > 0 && strchr("\r\n \t", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

static bool check(struct span text, unsigned *found, struct err *err)
{
    const struct vars_sink sink = {found, look_at, pass_device, pass_rejected};
    size_t capacity = base64_decoded_size(text.len) + 1;
    auto_free uint8_t *blob = malloc(capacity);

    if (blob == NULL) {
        return err_set(err, "out of memory");
    }
    struct writer writer = writer_of(blob, capacity);
    return base64_decode(&writer, text) ? vars_decode(writer_span(&writer), &sink, err)
                                        : err_set(err, "it is not base64");
}

static int run(const char *path)
{
    struct err err;
    size_t len;
    unsigned found = 0;
    auto_free uint8_t *text = tool_read_file(path, TEXT_MAX, &len, &err);

    if (text == NULL) {
        return tool_fail(NAME, &err);
    }
    if (!check(without_line_end(span_of(text, len)), &found, &err)) {
        err_context(&err, "%s", path);
        return tool_fail(NAME, &err);
    }
    puts(microsoft_update_required(found) ? "update_required" : "update_ok");
    return tool_flush(&err) ? 0 : tool_fail(NAME, &err);
}

int tool_varstore_nvram_certcheck(int argc, char **argv)
{
    static const char usage[] = "Usage: " NAME " [-h] FILE\n"
                                "FILE holds a VM's NVRAM as XAPI has it, in base64. Prints "
                                "update_required or update_ok.\n";
    int option;

    while ((option = getopt(argc, argv, "h")) != -1) {
        fputs(usage, option == 'h' ? stdout : stderr);
        return option == 'h' ? 0 : 1;
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return 1;
    }
    return run(argv[optind]);
}
