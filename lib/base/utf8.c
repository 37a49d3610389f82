/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

size_t th_utf8_len(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    if ((c == 0xc2 && p[1] < 0xa0) || (c == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8))
        return 0;
    return n;
}

/* Bytes at the front that may stay. Nearly all text is ASCII: eight bytes at a time. */
static size_t clean_len(struct th_str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    size_t i = 0;
    while (i < s.len) {
        uint64_t word;
        if (s.len - i >= sizeof(word)) {
            memcpy(&word, p + i, sizeof(word));
            if (!(word & UINT64_C(0x8080808080808080))) {
                i += sizeof(word);
                continue;
            }
        }
        size_t n = th_utf8_len(p + i, s.len - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

struct th_str th_utf8_clean(struct th_str s, struct th_buf *storage)
{
    size_t good = clean_len(s);
    if (good == s.len)
        return s;
    size_t begin = storage->len;
    while (s.len > 0) {
        th_buf_put(storage, s.p, good);
        s = th_str_n(s.p + good, s.len - good);
        if (s.len > 0) {
            th_buf_printf(storage, "\\x%02x", (uint8_t)s.p[0]);
            s = th_str_n(s.p + 1, s.len - 1);
        }
        good = clean_len(s);
    }
    return th_str_n(storage->p + begin, storage->len - begin);
}
