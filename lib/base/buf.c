/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>

void th_buf_done(struct th_buf *b)
{
    free(b->p);
    *b = TH_BUF_INIT;
}

uint8_t *th_buf_reserve(struct th_buf *b, size_t n)
{
    size_t limit = b->limit ? b->limit : TH_BUF_DEFAULT_LIMIT;
    if (n > limit || b->len > limit - n) {
        b->overflow = true;
        return NULL;
    }
    if (b->cap - b->len < n) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap - b->len < n)
            cap *= 2;
        b->p = th_xrealloc(b->p, cap);
        b->cap = cap;
    }
    return b->p + b->len;
}

void th_buf_be16(struct th_buf *b, uint16_t v)
{
    th_buf_put(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

void th_buf_be32(struct th_buf *b, uint32_t v)
{
    th_buf_be16(b, (uint16_t)(v >> 16));
    th_buf_be16(b, (uint16_t)v);
}

void th_buf_le16(struct th_buf *b, uint16_t v)
{
    th_buf_be16(b, __builtin_bswap16(v));
}

void th_buf_le32(struct th_buf *b, uint32_t v)
{
    th_buf_be32(b, __builtin_bswap32(v));
}

void th_buf_le64(struct th_buf *b, uint64_t v)
{
    th_buf_le32(b, (uint32_t)v);
    th_buf_le32(b, (uint32_t)(v >> 32));
}

void th_buf_double(struct th_buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    th_buf_le64(b, bits);
}

void th_buf_varint(struct th_buf *b, uint64_t v)
{
    uint8_t tmp[10];
    size_t n = 0;
    while (v >= 0x80) {
        tmp[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    tmp[n++] = (uint8_t)v;
    th_buf_put(b, tmp, n);
}

void th_buf_printf(struct th_buf *b, const char *fmt, ...)
{
    char small[512];
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n >= 0 && (size_t)n < sizeof(small)) {
        th_buf_put(b, small, (size_t)n);
    } else if (n > 0) {
        uint8_t *at = th_buf_reserve(b, (size_t)n + 1);
        if (at) {
            vsnprintf((char *)at, (size_t)n + 1, fmt, again);
            b->len += (size_t)n;
        }
    }
    va_end(again);
    va_end(ap);
}
