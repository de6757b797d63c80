// SPDX-License-Identifier: BSD-2-Clause
/*
 * What dbx is made of: an .auth file (Microsoft's DBXUpdate.bin), bare signature lists, or
 * Microsoft's list of what it revokes, dbx_info_msft_*.json of microsoft/secureboot_objects:
 *
 *     {"images": {"x64": [{"authenticodeHash": hex of SHA-256, "hashType": "SHA256",
 *                          "isOptional": "true" (where it is), "dateOfAddition": "2025-01-06"},
 * ..], "ia32": [..], "aarch64": [..], "arm": [..]}, "certificates": [{"subjectName": "CN = ..",
 * "dateOfAddition"}, ..], "svns": [{"value": hex of 32 bytes, "dateOfLastChange"}, ..]}
 *
 * What Microsoft leaves to the owner is taken only when it is asked for: the images that are
 * optional, the certificates (Windows' of 2011: whatever it has signed starts no more) and the
 * SVNs, the least versions that Windows' boot manager lets itself be.
 */
#ifndef TOOLS_DBX_H
#define TOOLS_DBX_H

#include "base/err.h"
#include "base/writer.h"

struct dbx_choice {
    const char *architecture; /* x64, ia32, aarch64 or arm */
    bool optional;            /* what Microsoft leaves to the owner, too */
};

/* architecture NULL: x64. False with err set when it is none that there is. */
bool dbx_choose(struct dbx_choice *out, const char *architecture, bool optional, struct err *err);

/* Is a file with this path (below the folder that is searched) one of dbx for this choice, as far
 * as its name tells? What lies in folders for other architectures or for optional updates isn't. */
bool dbx_is_file(const char *path, const struct dbx_choice *choice);

#define DBX_FILE_MAX (4u << 20) /* a longer file isn't read; Microsoft's have 400 KB */
#define DBX_CERTIFICATES_MAX 16u
#define DBX_NAME_MAX 128u

/* What is known of a file beside its lists. */
struct dbx_info {
    struct efi_time time; /* of its signature, or the newest in the JSON; zero for bare lists */
    char certificates[DBX_CERTIFICATES_MAX][DBX_NAME_MAX]; /* revoked: common names */
    size_t certificate_count;
};

/*
 * Writes a file's signature lists. Nothing is written, and it is no error, when it is none of the
 * three: *out is as it was. False with err set: it is damaged, or has nothing for the architecture.
 */
bool dbx_read(struct writer *out, struct dbx_info *info, struct span file,
              const struct dbx_choice *choice, struct err *err);

#endif
