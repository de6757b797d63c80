// SPDX-License-Identifier: BSD-2-Clause
#include "tools/hex.h"

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool hex_read(const char *text, uint8_t *out, size_t capacity, size_t *len)
{
    for (*len = 0; *text != '\0'; (*len)++, text += 2) {
        int high = digit(text[0]);
        int low = high < 0 ? -1 : digit(text[1]);

        if (low < 0 || *len == capacity) {
            return false;
        }
        out[*len] = (uint8_t)(high << 4 | low);
    }
    return true;
}
