// SPDX-License-Identifier: BSD-2-Clause
/* The VARS codec: round trips, malformed blobs, no memory. */
#include "backend/vars.h"

#include "base/cleanup.h"
#include "support/alloc_fault.h"
#include "support/sample.h"
#include "support/vars_blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct blob blob; /* too large for a stack */

/* Decodes the blob made so far. */
static bool blob_decode(struct decoded *decoded)
{
    *decoded = decoded_new();
    return decoded_read(decoded, writer_span(&blob.writer));
}

/* Can't be decoded at all. */
static void expect_refused(void)
{
    struct decoded decoded;

    assert_false(blob_decode(&decoded));
    decoded_free(&decoded);
}

/* ------------------------------------------------------------------------------------- encoding */

static struct store *random_store(struct sample *sample, uint32_t most)
{
    static struct sample_variable variable;
    struct store *store = store_new(0);
    size_t mark = store_begin(store);

    for (uint32_t n = sample_below(sample, most + 1); n > 0; n--) {
        sample_variable(sample, &variable);
        assert_true(store_put(store, &variable.variable));
    }
    store_commit(store, mark);
    return store;
}

static void decodes_what_it_encodes(void **state)
{
    struct sample sample = {.state = 1};

    (void)state;
    for (int round = 0; round < 150; round++) {
        struct store *store = random_store(&sample, round % 10 == 0 ? 300 : 12);
        struct decoded decoded = decoded_new();
        size_t len;
        auto_free uint8_t *bytes = vars_encode_store(store, &len, NULL);

        assert_non_null(bytes);
        assert_true(decoded_read(&decoded, span_of(bytes, len)));
        assert_true(sample_same_stores(store, decoded.store, true));
        assert_int_equal(decoded.rejected, 0);
        assert_int_equal(decoded.devices, 1);
        decoded_free(&decoded);
        store_free(store);
    }
}

static void encodes_the_documented_bytes(void **state)
{
    static const uint8_t record[] = {
        2,    0,    0,  0,  0, 0, 0, 0, 'X', 0,                            /* name */
        3,    0,    0,  0,  0, 0, 0, 0, 7,   8,  9,                        /* data */
        1,    2,    3,  4,  5, 6, 7, 8, 9,   10, 11,   12, 13, 14, 15, 16, /* guid */
        0x27, 0,    0,  0,                                                 /* attributes */
        0xea, 0x07, 11, 23, 1, 2, 3, 0, 0,   0,  0,    0,  0,  0,  0,  0,  /* time */
        0xcc, 0,    0,  0,  0, 0, 0, 0, 0,   0,  0,    0,  0,  0,  0,  0,
        0,    0,    0,  0,  0, /* owner */
        0,    0,    0,  0,  0, 0, 0, 0, 0,   0,  0xdd,
    };
    static const uint8_t header[] = {'V', 'A', 'R', 'S',           2, 0, 0, 0, 1, 0, 0, 0, 0,
                                     0,   0,   0,   sizeof(record)};
    static const uint8_t data[] = {7, 8, 9};
    uint8_t expected[VARS_HEADER_SIZE + sizeof(record)] = {0};
    struct variable variable = {.guid = blob_guid,
                                .name = EFI_NAME("X"),
                                .data = span_of(data, 3),
                                .attributes = 0x27,
                                .time = {2026, 11, 23, 1, 2, 3, 0, 0, 0, 0, 0},
                                .owner = {[0] = 0xcc, [31] = 0xdd}};
    struct store *store = store_new(0);
    size_t len;

    (void)state;
    store_begin(store);
    assert_true(store_put(store, &variable));
    variable.name = EFI_NAME("Volatile");
    variable.attributes = 6;
    assert_true(store_put(store, &variable));
    auto_free uint8_t *bytes = vars_encode_store(store, &len, NULL);
    memcpy(expected, header, sizeof(header));
    memcpy(expected + VARS_HEADER_SIZE, record, sizeof(record));
    assert_int_equal(len, sizeof(expected));
    assert_memory_equal(bytes, expected, len);
    store_free(store);
}

static void an_image_has_volatile_variables_modes_and_device_state(void **state)
{
    static const struct device_state device = {.mor_key = {1, 2, 3, 4, 5, 6, 7, 8},
                                               .ppi_index = 0x11223344,
                                               .ppi_volatile = {9, [255] = 8}};
    static const struct service_config config = {.secure_boot = true, .enforce = true};
    struct service *service = service_new(&config, NULL, NULL);
    struct sample sample = {.state = 7};
    static struct sample_variable variable;
    struct decoded decoded = decoded_new();
    size_t len;

    (void)state;
    for (int i = 0; i < 40; i++) {
        sample_variable(&sample, &variable);
        assert_true(service_restore_variable(service, &variable.variable));
    }
    service_restore_device(service, &device);
    auto_free uint8_t *bytes = vars_encode_service(service, &len, NULL);
    assert_non_null(bytes);
    assert_memory_equal(bytes + 24, device.mor_key, MOR_KEY_SIZE);
    assert_int_equal(bytes[32], 0x44);
    assert_int_equal(bytes[36], 9);
    assert_int_equal(bytes[291], 8);
    assert_true(decoded_read(&decoded, span_of(bytes, len)));
    assert_int_equal(decoded.rejected, 0);
    assert_memory_equal(&decoded.device, &device, sizeof(device));
    assert_int_equal(store_count(decoded.store), store_count(service_store(service)) + 5);
    assert_non_null(store_get(decoded.store, &EFI_GLOBAL_VARIABLE, EFI_NAME("SetupMode")));
    decoded_free(&decoded);
    service_free(service);
}

static struct store *store_of_count(size_t count)
{
    static const uint8_t data[1] = {1};
    struct store *store = store_new(0);
    size_t mark = store_begin(store);

    for (size_t i = 0; i < count; i++) {
        uint8_t name[] = {(uint8_t)(1 + i % 200), 1, (uint8_t)(1 + i / 200), 1};
        struct variable variable = {
            .name = span_of(name, 4), .data = span_of(data, 1), .attributes = 7};
        assert_true(store_put(store, &variable));
    }
    store_commit(store, mark);
    return store;
}

static void counts_up_to_the_limit(void **state)
{
    struct store *store = store_of_count(VARS_COUNT_MAX);
    struct decoded decoded = decoded_new();
    size_t len;
    auto_free uint8_t *bytes = vars_encode_store(store, &len, NULL);

    (void)state;
    assert_non_null(bytes);
    assert_true(decoded_read(&decoded, span_of(bytes, len)));
    assert_true(sample_same_stores(store, decoded.store, false));
    bytes[9]++; /* the count: 1280 */
    assert_false(decoded_read(&decoded, span_of(bytes, len)));
    decoded_free(&decoded);
    store_free(store);
}

static void encodes_no_more_than_it_can_read(void **state)
{
    struct store *store = store_of_count(VARS_COUNT_MAX + 1);
    struct err err;
    size_t len;

    (void)state;
    assert_null(vars_encode_store(store, &len, &err));
    assert_non_null(strstr(err.text, "1025"));
    store_free(store);
}

/* ------------------------------------------------------------------------------ malformed blobs */

static void small_blob(uint32_t version)
{
    blob_begin(&blob, version, 3);
    blob_add(&blob, EFI_NAME("One"), 5, 7);
    blob_add(&blob, EFI_NAME("Two"), 6, 0x27);
    blob_add(&blob, EFI_NAME("Six"), 7, 3);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    for (uint32_t version = 0; version <= 2; version++) {
        small_blob(version);
        for (size_t len = 0; len < blob.writer.len; len++) {
            struct decoded decoded = decoded_new();

            assert_false(decoded_read(&decoded, span_of(blob.bytes, len)));
            decoded_free(&decoded);
        }
    }
}

static void gives_what_it_had_of_a_truncated_blob(void **state)
{
    struct decoded decoded = decoded_new();

    (void)state;
    small_blob(2);
    assert_false(decoded_read(&decoded, span_of(blob.bytes, blob.writer.len - 1)));
    assert_int_equal(store_count(decoded.store), 2);
    decoded_free(&decoded);
}

static void refuses_bytes_behind_the_last_record(void **state)
{
    (void)state;
    small_blob(2);
    writer_u8(&blob.writer, 0);
    expect_refused();
    small_blob(1);
    blob.bytes[8] = 2; /* count */
    expect_refused();
    small_blob(1);
    blob.bytes[8] = 4;
    expect_refused();
}

static void survives_every_value_of_every_header_byte(void **state)
{
    (void)state;
    for (uint32_t version = 0; version <= 2; version++) {
        for (size_t at = 0; at < 40; at++) {
            for (unsigned value = 0; value < 256; value++) {
                struct decoded decoded;

                small_blob(version);
                blob.bytes[at] = (uint8_t)value;
                blob_decode(&decoded);
                decoded_free(&decoded);
            }
        }
    }
}

static void survives_absurd_lengths(void **state)
{
    static const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 7,    UINT64_MAX / 2,
                                       UINT32_MAX, UINT64_C(1) << 63, 1u << 20};
    const size_t at[] = {8, VARS_HEADER_SIZE, VARS_HEADER_SIZE + 8 + 6};

    (void)state;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        for (size_t j = 0; j < sizeof(lengths) / sizeof(lengths[0]); j++) {
            small_blob(2);
            memcpy(blob.bytes + at[i], &lengths[j], 8);
            expect_refused();
        }
    }
}

/* Whatever is taken of a damaged blob can be written and read again, and is the same then. */
static void takes_nothing_that_it_would_not_take_again(void **state)
{
    struct sample sample = {.state = 3};
    unsigned readable = 0;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct decoded first, second = decoded_new();
        struct err err;
        size_t len;

        small_blob(sample_below(&sample, 3));
        for (uint32_t n = 1 + sample_below(&sample, 4); n > 0; n--) {
            blob.bytes[sample_below(&sample, (uint32_t)blob.writer.len)] =
                (uint8_t)sample_below(&sample, 256);
        }
        readable += blob_decode(&first);
        auto_free uint8_t *bytes = vars_encode_store(first.store, &len, &err);
        assert_non_null(bytes);
        assert_true(decoded_read(&second, span_of(bytes, len)));
        assert_int_equal(second.rejected, 0);
        assert_true(sample_same_stores(first.store, second.store, true));
        decoded_free(&first);
        decoded_free(&second);
    }
    assert_in_range(readable, 100, 2999);
}

/* ------------------------------------------------------------------------------------ no memory */

static void a_sink_without_memory_ends_decoding(void **state)
{
    (void)state;
    for (long left = 0; left < 3; left++) {
        struct decoded decoded = decoded_new();

        decoded.variables_left = left;
        small_blob(2);
        assert_false(decoded_read(&decoded, writer_span(&blob.writer)));
        assert_int_equal(store_count(decoded.store), left);
        decoded_free(&decoded);
    }
}

static void decoding_reports_failed_allocations(void **state)
{
    bool failed;
    long n = 0;

    (void)state;
    small_blob(2);
    do {
        struct decoded decoded = decoded_new();
        struct vars_sink sink = decoded_sink(&decoded);

        alloc_fault_arm(n++);
        bool ok = vars_decode(writer_span(&blob.writer), &sink, NULL);
        failed = alloc_fault_disarm();
        assert_true(ok != failed);
        decoded_free(&decoded);
    } while (failed);
    assert_true(n > 3);
}

static void encoding_reports_failed_allocations(void **state)
{
    struct sample sample = {.state = 11};
    struct store *store = random_store(&sample, 10);
    bool failed;
    long n = 0;

    (void)state;
    do {
        size_t len;

        alloc_fault_arm(n++);
        uint8_t *bytes = vars_encode_store(store, &len, NULL);
        failed = alloc_fault_disarm();
        assert_true((bytes != NULL) != failed);
        free(bytes);
    } while (failed);
    assert_int_equal(n, 2);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_what_it_encodes),
        cmocka_unit_test(encodes_the_documented_bytes),
        cmocka_unit_test(an_image_has_volatile_variables_modes_and_device_state),
        cmocka_unit_test(counts_up_to_the_limit),
        cmocka_unit_test(encodes_no_more_than_it_can_read),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(gives_what_it_had_of_a_truncated_blob),
        cmocka_unit_test(refuses_bytes_behind_the_last_record),
        cmocka_unit_test(survives_every_value_of_every_header_byte),
        cmocka_unit_test(survives_absurd_lengths),
        cmocka_unit_test(takes_nothing_that_it_would_not_take_again),
        cmocka_unit_test(a_sink_without_memory_ends_decoding),
        cmocka_unit_test(decoding_reports_failed_allocations),
        cmocka_unit_test(encoding_reports_failed_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
