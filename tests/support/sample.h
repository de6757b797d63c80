// SPDX-License-Identifier: BSD-2-Clause
/* Random variables and requests, the same in every run, for tests of properties. */
#ifndef SUPPORT_SAMPLE_H
#define SUPPORT_SAMPLE_H

#include "base/writer.h"
#include "service/service.h"

struct sample {
    uint64_t state; /* the seed, to begin with; not 0 */
};

/* 0 to below - 1 */
uint32_t sample_below(struct sample *sample, uint32_t below);
void sample_bytes(struct sample *sample, void *out, size_t len);

/* "Variable000" to "Variable099", in *name. */
struct span sample_numbered_name(char16_t (*name)[12], unsigned number);

/* A variable as it may lie in a store, with memory for its name and data. */
struct sample_variable {
    struct variable variable;
    uint8_t name[64];
    uint8_t data[4096];
};
void sample_variable(struct sample *sample, struct sample_variable *out);

/*
 * A SetVariable as a guest might make it: most are valid, the names come from a few so that they
 * meet again, and all the special variables are among them. With a descriptor before the data where
 * the attributes ask for one (what is in place of a signature only a verifier that takes everything
 * takes).
 */
struct sample_request {
    struct request request;
    uint8_t name[64];
    uint8_t data[WIRE_DATA_MAX];
};
void sample_request(struct sample *sample, struct sample_request *out);

/* EFI_VARIABLE_AUTHENTICATION_2 with some time, and four bytes for a signature. */
void sample_descriptor(struct sample *sample, struct writer *writer);

/* A signature list of count SHA-256 hashes. */
void sample_hashes(struct sample *sample, struct writer *writer, uint32_t count);

/* A verifier that finds every signature valid, made by one owner. */
struct verifier *sample_verifier(void);

/* Do the stores hold the same? With non_volatile, a's volatile variables don't count. */
bool sample_same_stores(const struct store *a, const struct store *b, bool non_volatile);

#endif
