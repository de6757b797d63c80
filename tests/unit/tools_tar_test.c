// SPDX-License-Identifier: BSD-2-Clause
/* Archives of a pool's certificates: round trip, every truncation, every changed byte. */
#include "tools/tar.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ROOM 8192u

static size_t make(uint8_t *archive)
{
    static const uint8_t content[600] = {1, 2, 3};
    struct writer writer = writer_of(archive, ROOM);

    tar_write_file(&writer, "PK.auth", span_of(content, 512));
    tar_write_file(&writer, "db.auth", span_of(content, sizeof(content)));
    tar_write_end(&writer);
    assert_true(writer_ok(&writer));
    assert_int_equal(writer.len, tar_size(512) + tar_size(600) + TAR_END);
    return writer.len;
}

static void round_trip(void **state)
{
    uint8_t archive[ROOM];
    size_t len = make(archive);
    struct reader reader = reader_of(span_of(archive, len));
    char name[101];
    struct span content;
    bool damaged;

    (void)state;
    assert_true(tar_next_file(&reader, name, &content, &damaged));
    assert_string_equal(name, "PK.auth");
    assert_int_equal(content.len, 512);
    assert_true(tar_next_file(&reader, name, &content, &damaged));
    assert_string_equal(name, "db.auth");
    assert_int_equal(content.len, 600);
    assert_int_equal(content.data[1], 2);
    assert_false(tar_next_file(&reader, name, &content, &damaged));
    assert_false(damaged);
}

static void truncations(void **state)
{
    uint8_t archive[ROOM];
    size_t len = make(archive) - TAR_END;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        auto_free uint8_t *part = malloc(cut > 0 ? cut : 1);
        struct reader reader = reader_of(span_of(memcpy(part, archive, cut), cut));
        char name[101];
        struct span content;
        bool damaged;

        while (tar_next_file(&reader, name, &content, &damaged)) {
            assert_true(content.data >= part && content.data + content.len <= part + cut);
        }
        assert_int_equal(damaged, cut != 0 && cut != tar_size(512) && cut != len);
    }
}

static void changes(void **state)
{
    uint8_t archive[ROOM];
    size_t len = make(archive);

    (void)state;
    for (size_t at = 0; at < TAR_BLOCK; at++) {
        struct reader reader = reader_of(span_of(archive, len));
        char name[101];
        struct span content;
        bool damaged;

        archive[at] ^= 1;
        bool taken = tar_next_file(&reader, name, &content, &damaged);
        /* Of the sum's own field, what follows the digits' end says nothing. */
        assert_true(!taken || (at >= 148 && at < 156));
        archive[at] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(truncations),
        cmocka_unit_test(changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
