// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest's driver (firmware/) and this project's service, which speak to each other here as in a
 * guest; and the driver alone with a service that answers what it likes: it writes no more of the
 * caller's memory than the caller gave, and takes nothing for success that is none.
 */
#include "base/reader.h"
#include "support/firmware.h"
#include "support/sample.h"
#include "support/vm.h"
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CANARY 0xa5
#define ROOM_MAX 66000u
#define GET_DATA_MAX                                                                               \
    (WIRE_BUFFER_SIZE - 20u) /* what there is behind status, attributes and length */

static const struct guid vendor = GUID_INIT(0x12345678, 0x1234, 0x5678, 1, 2, 3, 4, 5, 6, 7, 8);

/* ------------------------------------------------------------------------------ with the service
 */

/* What the transport does: a copy of no more than the request, and the reply into the buffer. */
static void serve(void *self, uint8_t *buffer)
{
    static struct request_buffers buffers;
    const struct vm *vm = self;

    assert_in_range(transport_serve_buffer(&buffers, buffer, WIRE_BUFFER_SIZE, &vm->handler), 8,
                    WIRE_BUFFER_SIZE);
}

struct served {
    struct vm *vm;
    struct firmware_port port;
};

static void served_open(struct served *served)
{
    const struct service_config config = {.enforce = true};

    served->vm = vm_open(&config, NULL);
    served->port = (struct firmware_port){.self = served->vm, .request = serve};
    assert_int_equal(firmware_start(&served->port), EFI_SUCCESS);
}

static void served_close(struct served *served)
{
    assert_true(firmware_is_idle());
    vm_close(served->vm);
}

static void put_and_get(const char16_t *name, uint64_t size)
{
    static uint8_t data[WIRE_DATA_MAX], got[WIRE_DATA_MAX + 1];
    struct sample sample = {.state = size + 1};
    uint32_t attributes = 0;
    uint64_t room = sizeof(got);

    sample_bytes(&sample, data, size);
    assert_int_equal(firmware_set(name, &vendor, EFI_VARIABLE_NV_BS_RT, size, data), EFI_SUCCESS);
    assert_int_equal(firmware_get(name, &vendor, &attributes, &room, got), EFI_SUCCESS);
    assert_int_equal(attributes, EFI_VARIABLE_NV_BS_RT);
    assert_int_equal(room, size);
    assert_memory_equal(got, data, size);
}

static void what_is_written_is_read(void **state)
{
    struct served served;

    (void)state;
    served_open(&served);
    put_and_get(u"One", 1);
    put_and_get(u"A name of some length", 1000);
    put_and_get(u"Large", WIRE_DATA_MAX);
    assert_int_equal(firmware_set(u"Large", &vendor, EFI_VARIABLE_NV_BS_RT, 0, NULL), EFI_SUCCESS);
    uint64_t none = 0;
    assert_int_equal(firmware_get(u"Large", &vendor, NULL, &none, NULL), EFI_NOT_FOUND);
    served_close(&served);
}

/* UEFI 2.10, 8.2.1: the size that is needed, and the attributes. */
static void a_buffer_that_is_too_small_is_told_of_with_the_attributes(void **state)
{
    struct served served;
    uint8_t got[8];

    (void)state;
    served_open(&served);
    assert_int_equal(firmware_set(u"Eight", &vendor, EFI_VARIABLE_NV_BS_RT, 8, "12345678"),
                     EFI_SUCCESS);
    for (uint64_t room = 0; room < 8; room++) {
        uint64_t size = room;
        uint32_t attributes = 0;

        memset(got, CANARY, sizeof(got));
        assert_int_equal(firmware_get(u"Eight", &vendor, &attributes, &size, got),
                         EFI_BUFFER_TOO_SMALL);
        assert_int_equal(size, 8);
        assert_int_equal(attributes, EFI_VARIABLE_NV_BS_RT);
        assert_int_equal(got[0], CANARY);
    }
    served_close(&served);
}

static void a_walk_finds_every_variable(void **state)
{
    struct served served;
    char16_t name[64] = u"";
    struct guid guid = vendor;
    unsigned found = 0, ours = 0;
    uint64_t size;

    (void)state;
    served_open(&served);
    put_and_get(u"One", 1);
    put_and_get(u"Two", 2);
    firmware_leave_boot();
    for (;;) {
        efi_status status;

        size = 2 * (found % 4); /* too small at times */
        status = size > 0 ? firmware_next(&size, name, &guid) : EFI_BUFFER_TOO_SMALL;
        if (status == EFI_INVALID_PARAMETER || status == EFI_BUFFER_TOO_SMALL) {
            size = sizeof(name);
            status = firmware_next(&size, name, &guid);
        }
        if (status != EFI_SUCCESS) {
            assert_int_equal(status, EFI_NOT_FOUND);
            break;
        }
        assert_int_equal(name[size / 2 - 1], 0);
        ours += guid_equal(&guid, &vendor);
        assert_in_range(++found, 1, 100);
    }
    assert_int_equal(ours, 2);
    assert_in_range(found, 5, 100);
    served_close(&served);
}

static void space_is_what_the_service_says(void **state)
{
    struct served served;
    uint64_t got[3];

    (void)state;
    served_open(&served);
    assert_int_equal(firmware_query(EFI_VARIABLE_NV_BS_RT, got), EFI_SUCCESS);
    assert_int_equal(got[0], STORE_SIZE_MAX);
    assert_in_range(got[1], 1, got[0]);
    assert_int_equal(got[2], STORE_DATA_MAX);
    assert_int_equal(firmware_query(0, got), EFI_INVALID_PARAMETER);
    served_close(&served);
}

/* What the driver doesn't ask at all, and what it asks whose answer is an error. */
static void calls_that_make_no_sense_are_refused(void **state)
{
    static uint8_t large[ROOM_MAX];
    static char16_t endless[WIRE_BUFFER_SIZE];
    struct served served;
    struct guid guid = vendor;
    uint64_t size = 4;
    char16_t name[2] = u"x";

    (void)state;
    served_open(&served);
    for (size_t i = 0; i < WIRE_BUFFER_SIZE; i++) {
        endless[i] = u'x';
    }
    assert_int_equal(firmware_get(NULL, &vendor, NULL, &size, large), EFI_INVALID_PARAMETER);
    assert_int_equal(firmware_get(u"x", &vendor, NULL, NULL, large), EFI_INVALID_PARAMETER);
    assert_int_equal(firmware_get(endless, &vendor, NULL, &size, large), EFI_NOT_FOUND);
    assert_int_equal(firmware_set(u"", &vendor, 7, 1, "1"), EFI_INVALID_PARAMETER);
    assert_int_equal(firmware_set(u"x", &vendor, 7, 1, NULL), EFI_INVALID_PARAMETER);
    assert_int_equal(firmware_set(endless, &vendor, 7, 1, "1"), EFI_OUT_OF_RESOURCES);
    assert_int_equal(firmware_set(u"x", &vendor, 7, sizeof(large), large), EFI_OUT_OF_RESOURCES);
    assert_int_equal(firmware_set(u"x", &vendor, 7, UINT64_MAX, large), EFI_OUT_OF_RESOURCES);
    name[1] = u'x';
    assert_int_equal(firmware_next(&size, name, &guid), EFI_INVALID_PARAMETER);
    name[1] = 0;
    assert_int_equal(firmware_next(&size, name, &guid), EFI_INVALID_PARAMETER); /* no such place */
    served_close(&served);
}

/* --------------------------------------------------------------------------- with a hostile answer
 */

/* Puts bytes over the start of the request, and can tell what that was. */
struct liar {
    struct span reply;
    unsigned asked;
};

static void lie(void *self, uint8_t *buffer)
{
    struct liar *liar = self;

    liar->asked++;
    if (liar->reply.len > 0) {
        memcpy(buffer, liar->reply.data, liar->reply.len);
    }
}

/* Has the driver started by a good answer to its first question. */
static void liar_open(struct liar *liar, struct firmware_port *port)
{
    uint8_t bytes[64];
    struct writer writer = writer_of(bytes, sizeof(bytes));

    wire_reply_query(&writer, 1, 1, 1);
    *liar = (struct liar){.reply = writer_span(&writer)};
    *port = (struct firmware_port){.self = liar, .request = lie};
    assert_int_equal(firmware_start(port), EFI_SUCCESS);
    liar->reply = span_of(NULL, 0);
}

/* Memory of the caller's: exactly that long, for the sanitizers; and nothing in it changes beyond
 * what the driver says it wrote. */
static void get_with_room(uint64_t room)
{
    uint8_t *data = malloc(room > 0 ? room : 1);
    uint32_t attributes = 0;
    uint64_t size = room;

    assert_non_null(data);
    memset(data, CANARY, room > 0 ? room : 1);
    efi_status status = firmware_get(u"Name", &vendor, &attributes, &size, data);
    if (status == EFI_SUCCESS) {
        assert_in_range(size, 0, room < GET_DATA_MAX ? room : GET_DATA_MAX);
    }
    for (uint64_t i = status == EFI_SUCCESS ? size : 0; i < room; i++) {
        assert_int_equal(data[i], CANARY);
    }
    free(data);
    assert_true(firmware_is_idle());
}

static void next_with_room(uint64_t room)
{
    char16_t *name = malloc(room);
    struct guid guid = vendor;
    uint64_t size = room;

    assert_non_null(name);
    memset(name, 0, room);
    efi_status status = firmware_next(&size, name, &guid);
    if (status == EFI_SUCCESS) {
        assert_in_range(size, 4, room);
        assert_int_equal(size % 2, 0);
        assert_int_equal(name[size / 2 - 1], 0);
    } else {
        assert_true(guid_equal(&guid, &vendor));
        assert_true(status == EFI_BUFFER_TOO_SMALL || size == room);
    }
    free(name);
    assert_true(firmware_is_idle());
}

static void ask_everything(void)
{
    static const uint64_t rooms[] = {2, 3, 4, 16, 20, 1024, 65500, ROOM_MAX};
    uint64_t space[3] = {77, 77, 77};

    get_with_room(0);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        get_with_room(rooms[i]);
        next_with_room(rooms[i]);
    }
    if (firmware_query(7, space) != EFI_SUCCESS) {
        assert_int_equal(space[0] + space[1] + space[2], 3 * 77);
    }
    firmware_set(u"Name", &vendor, 7, 3, "123");
    assert_true(firmware_is_idle());
}

static const uint64_t lengths[] = {0,
                                   1,
                                   2,
                                   3,
                                   4,
                                   16,
                                   19,
                                   1024,
                                   65499,
                                   65500,
                                   65516,
                                   65520,
                                   65536,
                                   ROOM_MAX,
                                   UINT32_MAX,
                                   UINT64_MAX / 2 + 1,
                                   UINT64_MAX - 1,
                                   UINT64_MAX};

static void no_length_in_a_reply_is_believed(void **state)
{
    struct liar liar;
    struct firmware_port port;

    (void)state;
    liar_open(&liar, &port);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (unsigned attributes = 0; attributes < 2; attributes++) {
            uint8_t bytes[64] = {0};
            struct writer writer = writer_of(bytes, sizeof(bytes));

            writer_u64le(&writer, EFI_SUCCESS);
            if (attributes == 1) {
                writer_u32le(&writer, 7); /* GetVariable's reply; the other is of a walk */
            }
            writer_u64le(&writer, lengths[i]);
            writer_bytes(&writer, span_of("N\0a\0m\0e\0\0\0", 10));
            liar.reply = writer_span(&writer);
            ask_everything();
        }
        uint8_t bytes[16];
        struct writer writer = writer_of(bytes, sizeof(bytes));

        wire_reply_too_small(&writer, lengths[i]);
        liar.reply = writer_span(&writer);
        ask_everything();
    }
    assert_in_range(liar.asked, 500, 5000);
}

/* Of a good reply only so many bytes come; behind them is the rest of the request. */
static void every_prefix_of_a_reply_is_safe(void **state)
{
    uint8_t bytes[3][128];
    struct writer replies[3];
    struct liar liar;
    struct firmware_port port;

    (void)state;
    liar_open(&liar, &port);
    for (unsigned i = 0; i < 3; i++) {
        replies[i] = writer_of(bytes[i], sizeof(bytes[i]));
    }
    wire_reply_get(&replies[0], 7, span_of("some data", 9));
    wire_reply_next(&replies[1], EFI_NAME("SomeName"), &vendor);
    wire_reply_query(&replies[2], 100, 50, 10);
    for (unsigned i = 0; i < 3; i++) {
        for (size_t len = 0; len <= replies[i].len; len++) {
            liar.reply = span_of(bytes[i], len);
            ask_everything();
        }
    }
}

/* The request itself is still there, and its version and command are no success. */
static void without_an_answer_nothing_succeeds(void **state)
{
    struct liar liar;
    struct firmware_port port;
    uint8_t data[8];
    uint64_t size = sizeof(data), space[3];
    char16_t name[4] = u"";
    struct guid guid = vendor;

    (void)state;
    liar_open(&liar, &port);
    assert_int_equal(firmware_get(u"Name", &vendor, NULL, &size, data), EFI_DEVICE_ERROR);
    assert_int_equal(firmware_set(u"Name", &vendor, 7, 1, "1"), EFI_DEVICE_ERROR);
    assert_int_equal(firmware_next(&size, name, &guid), EFI_DEVICE_ERROR);
    assert_int_equal(firmware_query(7, space), EFI_DEVICE_ERROR);
    assert_int_equal(firmware_start(&port), EFI_UNSUPPORTED);
}

/* ------------------------------------------------------------------------------------ Wire.c alone
 */

static void a_cursor_reads_nothing_beyond_its_end(void **state)
{
    uint8_t bytes[32];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i + 1);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        uint8_t out[8] = {0};
        uint32_t small;
        uint64_t large;

        assert_non_null(exact);
        memcpy(exact, bytes, len);
        bool ok = firmware_wire_read(span_of(exact, len), &small, &large, out, sizeof(out));
        assert_int_equal(ok, len >= 20);
        assert_int_equal(small, len >= 4 ? 0x04030201 : 0);
        assert_int_equal(large, len >= 12 ? 0x0c0b0a0908070605 : 0);
        assert_int_equal(out[7], ok ? 20 : 0);
        assert_false(firmware_wire_read(span_of(exact, len), &small, &large, out, UINT64_MAX));
        free(exact);
    }
}

/* src/base/reader.h reads what Wire.c writes. */
static void a_cursor_writes_what_fits_and_nothing_beyond(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity <= 24; capacity++) {
        uint8_t *out = malloc(capacity > 0 ? capacity : 1);
        struct reader reader = reader_of(span_of(out, capacity));
        struct span data;
        uint32_t number;
        uint64_t len;

        assert_non_null(out);
        bool ok = firmware_wire_write(out, capacity, 0x01020304, span_of("data", 4));
        assert_int_equal(ok, capacity >= 16);
        if (ok) {
            assert_true(reader_u32le(&reader, &number));
            assert_true(reader_u64le(&reader, &len));
            assert_true(reader_span(&reader, &data, len));
            assert_int_equal(number, 0x01020304);
            assert_true(span_equal(data, span_of("data", 4)));
        }
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_buffer_that_is_too_small_is_told_of_with_the_attributes),
        cmocka_unit_test(a_walk_finds_every_variable),
        cmocka_unit_test(space_is_what_the_service_says),
        cmocka_unit_test(calls_that_make_no_sense_are_refused),
        cmocka_unit_test(no_length_in_a_reply_is_believed),
        cmocka_unit_test(every_prefix_of_a_reply_is_safe),
        cmocka_unit_test(without_an_answer_nothing_succeeds),
        cmocka_unit_test(a_cursor_reads_nothing_beyond_its_end),
        cmocka_unit_test(a_cursor_writes_what_fits_and_nothing_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
