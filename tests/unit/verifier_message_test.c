// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon and its verifier say to each other, read back and cut short. */
#include "crypto/verifier_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t filler[VERIFIER_REQUEST_MAX];

/* Writes the request with its bytes behind the head. Gives its length, or 0 when it is refused. */
static size_t encode(uint8_t *out, size_t capacity, const struct verifier_request *request)
{
    struct writer writer = writer_of(out, capacity);

    if (!verifier_write_head(&writer, request)) {
        return 0;
    }
    writer_bytes(&writer, request->pkcs7);
    writer_bytes(&writer, request->content);
    for (size_t i = 0; i < request->certificate_count; i++) {
        writer_bytes(&writer, request->certificates[i]);
    }
    assert_true(writer_ok(&writer));
    return writer.len;
}

static struct span behind_length(const uint8_t *bytes, size_t len)
{
    struct reader reader = reader_of(span_of(bytes, len));
    uint32_t told;

    assert_true(reader_u32le(&reader, &told));
    assert_int_equal(told, reader.rest.len);
    return reader.rest;
}

static struct verifier_request sample(void)
{
    return (struct verifier_request){
        .sequence = 0x01020304,
        .operation = VERIFIER_TRUSTED,
        .pkcs7 = span_of("pkcs7", 5),
        .content = span_of("the content", 11),
        .certificates = {span_of("one", 3), span_of("", 0), span_of("three", 5)},
        .certificate_count = 3,
    };
}

static void request_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct verifier_request request = sample();
    struct verifier_request read;

    struct span told = behind_length(bytes, encode(bytes, sizeof(bytes), &request));
    assert_true(verifier_read_request(&read, told));
    assert_int_equal(read.sequence, request.sequence);
    assert_int_equal(read.operation, VERIFIER_TRUSTED);
    assert_true(span_equal(read.pkcs7, request.pkcs7));
    assert_true(span_equal(read.content, request.content));
    assert_int_equal(read.certificate_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(span_equal(read.certificates[i], request.certificates[i]));
    }
}

static void request_cut_or_lengthened(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct verifier_request request = sample();
    struct verifier_request read;

    size_t len = encode(bytes, sizeof(bytes), &request) - VERIFIER_LENGTH_SIZE;
    for (size_t cut = 0; cut <= len + 1; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that a read beyond the end is found */

        memcpy(exact + 1, bytes + VERIFIER_LENGTH_SIZE, cut);
        assert_int_equal(verifier_read_request(&read, span_of(exact + 1, cut)), cut == len);
        free(exact);
    }
}

/* Each operation comes with what belongs to it, and there are no others. */
static void request_of_a_wrong_shape(void **state)
{
    (void)state;
    static const struct {
        uint32_t operation;
        size_t pkcs7, content, certificates;
        bool good;
    } shapes[] = {
        {VERIFIER_TRUSTED, 1, 1, 0, true},
        {VERIFIER_TRUSTED, 0, 0, VERIFIER_CERTIFICATES_MAX, true},
        {VERIFIER_OWNER, 1, 1, 0, true},
        {VERIFIER_OWNER, 1, 1, 1, false},
        {VERIFIER_CERTIFICATE, 0, 0, 1, true},
        {VERIFIER_CERTIFICATE, 0, 0, 0, false},
        {VERIFIER_CERTIFICATE, 0, 0, 2, false},
        {VERIFIER_CERTIFICATE, 1, 0, 1, false},
        {VERIFIER_CERTIFICATE, 0, 1, 1, false},
        {0, 1, 1, 1, false},
        {4, 1, 1, 1, false},
        {UINT32_MAX, 1, 1, 1, false},
    };
    uint8_t bytes[2048];
    struct verifier_request read;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct verifier_request request = {
            .operation = (enum verifier_operation)shapes[i].operation,
            .pkcs7 = span_of(filler, shapes[i].pkcs7),
            .content = span_of(filler, shapes[i].content),
            .certificate_count = shapes[i].certificates,
        };

        struct span told = behind_length(bytes, encode(bytes, sizeof(bytes), &request));
        assert_int_equal(verifier_read_request(&read, told), shapes[i].good);
    }
}

static void request_with_too_many_certificates(void **state)
{
    (void)state;
    uint8_t bytes[8192] = {0};
    struct writer writer = writer_of(bytes, sizeof(bytes));
    struct verifier_request request = {.operation = VERIFIER_TRUSTED,
                                       .certificate_count = VERIFIER_CERTIFICATES_MAX + 1};
    struct verifier_request read;

    assert_false(verifier_write_head(&writer, &request));
    assert_int_equal(writer.len, 0);

    static const uint32_t counts[] = {VERIFIER_CERTIFICATES_MAX + 1, 0x40000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        writer = writer_of(bytes, sizeof(bytes));
        writer_u32le(&writer, 1);
        writer_u32le(&writer, VERIFIER_TRUSTED);
        writer_u32le(&writer, 0);
        writer_u32le(&writer, 0);
        writer_u32le(&writer, counts[i]);
        writer_zeros(&writer, (VERIFIER_CERTIFICATES_MAX + 1) * 4);
        assert_false(verifier_read_request(&read, writer_span(&writer)));
    }
}

static void request_of_the_greatest_length(void **state)
{
    (void)state;
    static uint8_t bytes[VERIFIER_LENGTH_SIZE + VERIFIER_REQUEST_MAX];
    const size_t head = VERIFIER_HEAD_SIZE - VERIFIER_LENGTH_SIZE;
    struct verifier_request request = {.operation = VERIFIER_TRUSTED};
    struct verifier_request read;

    request.content = span_of(filler, VERIFIER_REQUEST_MAX - head - 1);
    request.pkcs7 = span_of(filler, 1);
    assert_int_equal(encode(bytes, sizeof(bytes), &request), sizeof(bytes));
    assert_true(verifier_read_request(&read, behind_length(bytes, sizeof(bytes))));
    request.pkcs7 = span_of(filler, 2);
    assert_int_equal(encode(bytes, sizeof(bytes), &request), 0);
}

static void answer_round_trip(void **state)
{
    (void)state;
    uint8_t bytes[VERIFIER_ANSWER_SIZE + 1] = {0};
    struct verifier_answer answer = {.sequence = 7, .yes = true, .owner = {1, 2, 3}};
    struct verifier_answer read;
    struct writer writer = writer_of(bytes, sizeof(bytes));

    verifier_write_answer(&writer, &answer);
    assert_int_equal(writer.len, VERIFIER_ANSWER_SIZE);
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        assert_int_equal(verifier_read_answer(&read, span_of(bytes, cut)), cut == writer.len);
    }
    assert_true(verifier_read_answer(&read, writer_span(&writer)));
    assert_int_equal(read.sequence, 7);
    assert_true(read.yes);
    assert_memory_equal(read.owner, answer.owner, SHA256_SIZE);
}

static void answer_that_is_neither_yes_nor_no(void **state)
{
    (void)state;
    static const uint32_t values[] = {2, 0x100, 0x80000001, UINT32_MAX};
    struct verifier_answer read;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint8_t bytes[VERIFIER_ANSWER_SIZE];
        struct writer writer = writer_of(bytes, sizeof(bytes));

        writer_u32le(&writer, 1);
        writer_u32le(&writer, values[i]);
        writer_zeros(&writer, SHA256_SIZE);
        assert_false(verifier_read_answer(&read, writer_span(&writer)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_round_trip),
        cmocka_unit_test(request_cut_or_lengthened),
        cmocka_unit_test(request_of_a_wrong_shape),
        cmocka_unit_test(request_with_too_many_certificates),
        cmocka_unit_test(request_of_the_greatest_length),
        cmocka_unit_test(answer_round_trip),
        cmocka_unit_test(answer_that_is_neither_yes_nor_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
