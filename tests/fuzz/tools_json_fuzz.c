// SPDX-License-Identifier: BSD-2-Clause
/* The JSON of virt-firmware and QEMU, and that of what Microsoft revokes, by anybody. */
#include "auth/signature_list.h"
#include "support/fuzz_format.h"
#include "tools/dbx.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What dbx is made of gives well-formed lists, or nothing. */
static void read_dbx(struct span file, bool optional)
{
    static uint8_t room[STORE_DATA_MAX];
    const struct dbx_choice choice = {"x64", optional};
    struct writer out = writer_of(room, sizeof(room));
    struct dbx_info info;
    struct err err;

    bool read = dbx_read(&out, &info, file, &choice, &err);
    if ((!read && out.len > 0) || info.certificate_count > DBX_CERTIFICATES_MAX ||
        (writer_ok(&out) && signature_database_count(writer_span(&out)) == SIZE_MAX)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_format(&FORMAT_JSON, span_of(data, size));
    read_dbx(span_of(data, size), false);
    read_dbx(span_of(data, size), true);
    return 0;
}
