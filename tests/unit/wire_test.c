// SPDX-License-Identifier: BSD-2-Clause
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t text[] = {'A', 0, 'b', 0};

/* A request of each command, as the firmware writes it. */
static void write_request(struct writer *out, uint32_t command)
{
    writer_u32le(out, WIRE_VERSION);
    writer_u32le(out, command);
    if (command == WIRE_GET_NEXT_VARIABLE_NAME) {
        writer_u64le(out, 512);
    }
    if (command <= WIRE_GET_NEXT_VARIABLE_NAME) {
        writer_u64le(out, sizeof(text));
        writer_bytes(out, span_of(text, sizeof(text)));
        writer_guid(out, &EFI_GLOBAL_VARIABLE);
    }
    if (command == WIRE_GET_VARIABLE) {
        writer_u64le(out, 100);
    }
    if (command == WIRE_SET_VARIABLE) {
        writer_u64le(out, 5);
        writer_bytes(out, span_of("hello", 5));
    }
    if (command == WIRE_SET_VARIABLE || command == WIRE_QUERY_VARIABLE_INFO) {
        writer_u32le(out, 0x27);
    }
    if (command <= WIRE_GET_NEXT_VARIABLE_NAME) {
        writer_u8(out, 1);
    }
}

/* The extent of a request is exact, and what is cut off anywhere is refused. */
static void a_request_needs_exactly_its_bytes(void **state)
{
    (void)state;
    for (uint32_t command = 0; command <= WIRE_NOTIFY_SECURE_BOOT_FAILURE; command++) {
        uint8_t bytes[256] = {0};
        struct writer out = writer_of(bytes, sizeof(bytes));
        struct request request;

        write_request(&out, command);
        assert_int_equal(wire_decode_request(&request, writer_span(&out)), EFI_SUCCESS);
        assert_int_equal(wire_request_extent(writer_span(&out)), out.len);
        assert_int_equal(wire_request_extent(span_of(bytes, sizeof(bytes))), out.len);
        for (size_t len = 0; len < out.len; len++) {
            size_t extent = wire_request_extent(span_of(bytes, len));

            assert_in_range(extent, len + (len >= 8), out.len);
            assert_int_not_equal(wire_decode_request(&request, span_of(bytes, len)), EFI_SUCCESS);
        }
    }
}

static void fields_come_out_as_they_went_in(void **state)
{
    uint8_t bytes[256];
    struct writer out = writer_of(bytes, sizeof(bytes));
    struct request request;

    (void)state;
    write_request(&out, WIRE_SET_VARIABLE);
    assert_int_equal(wire_decode_request(&request, writer_span(&out)), EFI_SUCCESS);
    assert_int_equal(request.command, WIRE_SET_VARIABLE);
    assert_true(span_equal(request.name, span_of(text, sizeof(text))));
    assert_true(guid_equal(&request.guid, &EFI_GLOBAL_VARIABLE));
    assert_true(span_equal(request.data, span_of("hello", 5)));
    assert_int_equal(request.attributes, 0x27);
    assert_true(request.at_runtime);

    out = writer_of(bytes, sizeof(bytes));
    write_request(&out, WIRE_GET_NEXT_VARIABLE_NAME);
    assert_int_equal(wire_decode_request(&request, writer_span(&out)), EFI_SUCCESS);
    assert_int_equal(request.capacity, 512);
}

/* A SetVariable that claims these lengths, in a buffer of 64 KiB. */
static efi_status claim(uint64_t name_len, uint64_t data_len)
{
    static uint8_t buffer[WIRE_BUFFER_SIZE];
    struct writer out = writer_of(buffer, sizeof(buffer));
    struct request request;

    writer_u32le(&out, WIRE_VERSION);
    writer_u32le(&out, WIRE_SET_VARIABLE);
    writer_u64le(&out, name_len);
    writer_zeros(&out, name_len <= WIRE_NAME_MAX ? (size_t)name_len : 0);
    writer_guid(&out, &EFI_GLOBAL_VARIABLE);
    writer_u64le(&out, data_len);
    assert_true(wire_request_extent(span_of(buffer, sizeof(buffer))) <= sizeof(buffer));
    return wire_decode_request(&request, span_of(buffer, sizeof(buffer)));
}

static void lengths_have_limits(void **state)
{
    (void)state;
    assert_int_equal(claim(WIRE_NAME_MAX, WIRE_DATA_MAX), EFI_SUCCESS);
    assert_int_equal(claim(WIRE_NAME_MAX + 2, 1), EFI_INVALID_PARAMETER);
    assert_int_equal(claim(3, 1), EFI_INVALID_PARAMETER);
    assert_int_equal(claim(UINT64_MAX, 1), EFI_INVALID_PARAMETER);
    assert_int_equal(claim(UINT64_MAX - 1, UINT64_MAX), EFI_INVALID_PARAMETER);
    assert_int_equal(claim(4, WIRE_DATA_MAX + 1), EFI_OUT_OF_RESOURCES);
    assert_int_equal(claim(4, UINT64_MAX), EFI_OUT_OF_RESOURCES);
    assert_int_equal(claim(4, UINT64_MAX - 40), EFI_OUT_OF_RESOURCES);
}

static void a_strange_version_or_command_needs_no_more_than_the_head(void **state)
{
    static const uint8_t version[] = {2, 0, 0, 0, 0, 0, 0, 0, 9, 9};
    static const uint8_t command[] = {1, 0, 0, 0, 5, 0, 0, 0, 9, 9};
    struct request request;

    (void)state;
    assert_int_equal(wire_request_extent(span_of(version, sizeof(version))), 8);
    assert_int_equal(wire_request_extent(span_of(command, sizeof(command))), 8);
    assert_int_equal(wire_decode_request(&request, span_of(version, 10)), EFI_DEVICE_ERROR);
    assert_int_equal(wire_decode_request(&request, span_of(command, 10)), EFI_SUCCESS);
    assert_int_equal(request.command, 5);
}

static void replies_are_laid_out_as_documented(void **state)
{
    static const uint8_t get[] = {0, 0, 0, 0, 0, 0, 0, 0, 7, 0,   0,
                                  0, 2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
    static const uint8_t small[] = {5, 0, 0, 0, 0, 0, 0, 0x80, 9, 0, 0, 0, 0, 0, 0, 0};
    uint8_t bytes[64];
    struct writer out = writer_of(bytes, sizeof(bytes));

    (void)state;
    wire_reply_get(&out, 7, span_of("hi", 2));
    assert_true(span_equal(writer_span(&out), span_of(get, sizeof(get))));
    out = writer_of(bytes, sizeof(bytes));
    wire_reply_too_small(&out, 9);
    assert_true(span_equal(writer_span(&out), span_of(small, sizeof(small))));
    out = writer_of(bytes, sizeof(bytes));
    wire_reply_next(&out, span_of(text, sizeof(text)), &EFI_GLOBAL_VARIABLE);
    assert_int_equal(out.len, 8 + 8 + sizeof(text) + 16);
    out = writer_of(bytes, sizeof(bytes));
    wire_reply_query(&out, 1, 2, 3);
    assert_int_equal(out.len, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_needs_exactly_its_bytes),
        cmocka_unit_test(fields_come_out_as_they_went_in),
        cmocka_unit_test(lengths_have_limits),
        cmocka_unit_test(a_strange_version_or_command_needs_no_more_than_the_head),
        cmocka_unit_test(replies_are_laid_out_as_documented),
    };

    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
