/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/base32.h"

#include <sodium.h>

void th_base32_put(const void *data, size_t len_bytes, struct th_buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const uint8_t *p = data;
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        bits = bits << 8 | p[i];
        for (have += 8; have >= 5; have -= 5)
            th_buf_u8(out, (uint8_t)digits[bits >> (have - 5) & 31]);
    }
    if (have > 0)
        th_buf_u8(out, (uint8_t)digits[bits << (5 - have) & 31]);
}

bool th_unhex(struct th_str text, void *ret, size_t len_bytes)
{
    size_t got;
    const char *end;
    return text.len == 2 * len_bytes &&
        sodium_hex2bin(ret, len_bytes, text.p, text.len, NULL, &got, &end) == 0 &&
        got == len_bytes && end == text.p + text.len;
}
