// SPDX-License-Identifier: BSD-2-Clause
/*
 * Variables decoded for people: what `varstore show` and its --json say.
 */
#ifndef TOOLS_DESCRIBE_H
#define TOOLS_DESCRIBE_H

#include "store/store.h"
#include "tools/tree.h"

/*
 * {"name", "guid", "attributes": "NV+BS+RT", "size", "time", and what it means: "boot_entry",
 * "order", "signatures", "value", "text", "device_path" or "data"}. hex: "data" with all bytes too.
 */
json_t *describe_variable(const struct variable *variable, bool hex);

/* The first members alone: a line of `varstore ls`. */
json_t *describe_head(const struct variable *variable);

/* A signature database: an array of lists; NULL when it is malformed. */
json_t *describe_signatures(struct span database, bool hex);

/* A certificate: {"subject", "issuer", "serial", "not_before", "not_after", "expired", "key",
 * "sha256"}. */
json_t *describe_certificate(struct span der);

/* "SHA-256", "X.509"...; of an entry's type. */
struct signature_type;
const char *describe_signature_type(const struct signature_type *type);

#endif
