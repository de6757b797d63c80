// SPDX-License-Identifier: BSD-2-Clause
#include "tools/tar.h"

#include <stdio.h>

#define NAME_SIZE 100u
#define SIZE_OFFSET 124u
#define SIZE_DIGITS 12u
#define SUM_OFFSET 148u
#define SUM_SIZE 8u
#define TYPE_OFFSET 156u

/* All bytes of the header, with blanks in place of the sum. */
static unsigned sum_of(const uint8_t *header)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < TAR_BLOCK; i++) {
        sum += i >= SUM_OFFSET && i < SUM_OFFSET + SUM_SIZE ? ' ' : header[i];
    }
    return sum;
}

void tar_write_file(struct writer *writer, const char *name, struct span content)
{
    char header[TAR_BLOCK + 1] = {0};

    snprintf(header, NAME_SIZE, "%s", name);
    snprintf(header + 100, 8, "%07o", 0644u);
    snprintf(header + 108, 8, "%07o", 0u);
    snprintf(header + 116, 8, "%07o", 0u);
    snprintf(header + SIZE_OFFSET, SIZE_DIGITS, "%011zo", content.len);
    snprintf(header + 136, 12, "%011o", 0u);
    header[TYPE_OFFSET] = '0';
    snprintf(header + 257, 6, "ustar");
    memcpy(header + 263, "00", 2);
    snprintf(header + SUM_OFFSET, SUM_SIZE, "%06o", sum_of((const uint8_t *)header));
    header[SUM_OFFSET + 7] = ' ';
    writer_bytes(writer, span_of(header, TAR_BLOCK));
    writer_bytes(writer, content);
    writer_zeros(writer, (TAR_BLOCK - content.len % TAR_BLOCK) % TAR_BLOCK);
}

void tar_write_end(struct writer *writer)
{
    writer_zeros(writer, TAR_END);
}

/* An octal number, ended by a blank or NUL. */
static bool read_octal(const uint8_t *digits, size_t size, uint64_t *out)
{
    size_t i = 0;

    *out = 0;
    while (i < size && digits[i] == ' ') {
        i++;
    }
    for (; i < size && digits[i] != ' ' && digits[i] != 0; i++) {
        if (digits[i] < '0' || digits[i] > '7' || *out > UINT64_MAX >> 4) {
            return false;
        }
        *out = *out << 3 | (uint64_t)(digits[i] - '0');
    }
    return true;
}

static bool is_zero(struct span block)
{
    for (size_t i = 0; i < block.len; i++) {
        if (block.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool read_header(struct span header, char name[101], uint64_t *size)
{
    uint64_t sum;

    memcpy(name, header.data, NAME_SIZE);
    name[NAME_SIZE] = '\0';
    return read_octal(header.data + SUM_OFFSET, SUM_SIZE, &sum) && sum == sum_of(header.data) &&
           read_octal(header.data + SIZE_OFFSET, SIZE_DIGITS, size);
}

bool tar_next_file(struct reader *reader, char name[101], struct span *content, bool *damaged)
{
    struct span header;
    uint64_t size;

    for (;;) {
        *damaged = false;
        if (reader_end(reader)) {
            return false;
        }
        *damaged = true;
        if (!reader_span(reader, &header, TAR_BLOCK)) {
            return false;
        }
        if (is_zero(header)) {
            *damaged = false;
            return false;
        }
        if (!read_header(header, name, &size) || !reader_span(reader, content, size) ||
            !reader_skip(reader, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK)) {
            return false;
        }
        if (header.data[TYPE_OFFSET] == '0' || header.data[TYPE_OFFSET] == 0) {
            *damaged = false;
            return true;
        }
    }
}
