// SPDX-License-Identifier: BSD-2-Clause
#include "crypto/verifier_message.h"

static size_t request_size(const struct verifier_request *request)
{
    size_t size = VERIFIER_HEAD_SIZE - VERIFIER_LENGTH_SIZE + request->certificate_count * 4 +
                  request->pkcs7.len + request->content.len;

    for (size_t i = 0; i < request->certificate_count; i++) {
        size += request->certificates[i].len;
    }
    return size;
}

/* Each operation comes with what it looks at, and with nothing else. */
static bool request_fits_operation(const struct verifier_request *request)
{
    switch (request->operation) {
    case VERIFIER_TRUSTED:
        return true;
    case VERIFIER_OWNER:
        return request->certificate_count == 0;
    case VERIFIER_CERTIFICATE:
        return request->certificate_count == 1 && request->pkcs7.len == 0 &&
               request->content.len == 0;
    default:
        return false;
    }
}

bool verifier_write_head(struct writer *out, const struct verifier_request *request)
{
    if (request->certificate_count > VERIFIER_CERTIFICATES_MAX ||
        request_size(request) > VERIFIER_REQUEST_MAX) {
        return false;
    }
    writer_u32le(out, (uint32_t)request_size(request));
    writer_u32le(out, request->sequence);
    writer_u32le(out, request->operation);
    writer_u32le(out, (uint32_t)request->pkcs7.len);
    writer_u32le(out, (uint32_t)request->content.len);
    writer_u32le(out, (uint32_t)request->certificate_count);
    for (size_t i = 0; i < request->certificate_count; i++) {
        writer_u32le(out, (uint32_t)request->certificates[i].len);
    }
    return writer_ok(out);
}

/* The certificates' lengths are a table in front of all the bytes: read with a second reader. */
static bool read_certificates(struct verifier_request *out, struct reader *lengths,
                              struct reader *bytes)
{
    for (size_t i = 0; i < out->certificate_count; i++) {
        uint32_t len;

        if (!reader_u32le(lengths, &len) || !reader_span(bytes, &out->certificates[i], len)) {
            return false;
        }
    }
    return reader_end(bytes);
}

bool verifier_read_request(struct verifier_request *out, struct span bytes)
{
    struct reader reader = reader_of(bytes);
    struct span lengths;
    uint32_t operation, pkcs7_len, content_len, count;

    if (!reader_u32le(&reader, &out->sequence) || !reader_u32le(&reader, &operation) ||
        !reader_u32le(&reader, &pkcs7_len) || !reader_u32le(&reader, &content_len) ||
        !reader_u32le(&reader, &count) || count > VERIFIER_CERTIFICATES_MAX ||
        !reader_span(&reader, &lengths, (uint64_t)count * 4) ||
        !reader_span(&reader, &out->pkcs7, pkcs7_len) ||
        !reader_span(&reader, &out->content, content_len)) {
        return false;
    }
    out->operation = (enum verifier_operation)operation;
    out->certificate_count = count;
    struct reader table = reader_of(lengths);
    return read_certificates(out, &table, &reader) && request_fits_operation(out);
}

void verifier_write_answer(struct writer *out, const struct verifier_answer *answer)
{
    writer_u32le(out, answer->sequence);
    writer_u32le(out, answer->yes ? 1 : 0);
    writer_bytes(out, span_of(answer->owner, sizeof(answer->owner)));
}

bool verifier_read_answer(struct verifier_answer *out, struct span bytes)
{
    struct reader reader = reader_of(bytes);
    uint32_t yes;

    if (!reader_u32le(&reader, &out->sequence) || !reader_u32le(&reader, &yes) || yes > 1 ||
        !reader_copy(&reader, out->owner, sizeof(out->owner))) {
        return false;
    }
    out->yes = yes == 1;
    return reader_end(&reader);
}
