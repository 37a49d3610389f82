/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only way to read bytes that came from outside. A cursor knows where its
 * data ends; reading past it returns zero or an empty view and sets a sticky
 * error, so that a parser reads a whole structure and checks once. Numbers are
 * assembled from bytes: no casts, no alignment, no host order.
 */
#ifndef TH_BASE_CURSOR_H
#define TH_BASE_CURSOR_H

#include "base/str.h"

struct th_cur {
    const uint8_t *p;
    const uint8_t *end;
    bool failed; /* sticky: a read went past the end, or the parser said so */
};

static inline struct th_cur th_cur_init(const void *data, size_t len_bytes)
{
    const uint8_t *p = data;
    return (struct th_cur){.p = p, .end = p ? p + len_bytes : p, .failed = false};
}

static inline size_t th_cur_left(const struct th_cur *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->p);
}

static inline void th_cur_fail(struct th_cur *c)
{
    c->failed = true;
}

/* True when n bytes can be read; else sets the error. */
static inline bool th_cur_need(struct th_cur *c, size_t n)
{
    if (__builtin_expect(c->failed || (size_t)(c->end - c->p) < n, 0)) {
        c->failed = true;
        return false;
    }
    return true;
}

static inline uint8_t th_cur_u8(struct th_cur *c)
{
    return th_cur_need(c, 1) ? *c->p++ : 0;
}

static inline uint16_t th_cur_be16(struct th_cur *c)
{
    if (!th_cur_need(c, 2))
        return 0;
    uint16_t v = (uint16_t)(c->p[0] << 8 | c->p[1]);
    c->p += 2;
    return v;
}

static inline uint32_t th_cur_be24(struct th_cur *c)
{
    if (!th_cur_need(c, 3))
        return 0;
    uint32_t v = (uint32_t)c->p[0] << 16 | (uint32_t)c->p[1] << 8 | c->p[2];
    c->p += 3;
    return v;
}

static inline uint32_t th_cur_be32(struct th_cur *c)
{
    uint32_t hi = th_cur_need(c, 4) ? th_cur_be16(c) : 0;
    return hi << 16 | th_cur_be16(c);
}

static inline uint64_t th_cur_be64(struct th_cur *c)
{
    uint64_t hi = th_cur_need(c, 8) ? th_cur_be32(c) : 0;
    return hi << 32 | th_cur_be32(c);
}

static inline uint16_t th_cur_le16(struct th_cur *c)
{
    return __builtin_bswap16(th_cur_be16(c));
}

static inline uint32_t th_cur_le32(struct th_cur *c)
{
    return __builtin_bswap32(th_cur_be32(c));
}

static inline uint64_t th_cur_le64(struct th_cur *c)
{
    return __builtin_bswap64(th_cur_be64(c));
}

/* A double as th_buf_double writes it; one that is no finite number is an error. */
static inline double th_cur_double(struct th_cur *c)
{
    uint64_t bits = th_cur_le64(c);
    double v;
    memcpy(&v, &bits, sizeof(v));
    if (!__builtin_isfinite(v)) {
        th_cur_fail(c);
        return 0;
    }
    return v;
}

/* Unsigned LEB128 of at most 64 bits, as th_buf_varint writes it. */
static inline uint64_t th_cur_varint(struct th_cur *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = th_cur_u8(c);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    th_cur_fail(c);
    return 0;
}

static inline void th_cur_skip(struct th_cur *c, size_t n)
{
    if (th_cur_need(c, n))
        c->p += n;
}

/* A view of the next n bytes, which stay owned by whoever owns the data. */
static inline struct th_str th_cur_bytes(struct th_cur *c, size_t n)
{
    if (!th_cur_need(c, n))
        return (struct th_str){.p = "", .len = 0};
    struct th_str s = th_str_n(c->p, n);
    c->p += n;
    return s;
}

/* A cursor over the next n bytes; the outer one moves behind them. */
static inline struct th_cur th_cur_sub(struct th_cur *c, size_t n)
{
    if (!th_cur_need(c, n))
        return (struct th_cur){.p = c->end, .end = c->end, .failed = true};
    struct th_cur sub = {.p = c->p, .end = c->p + n, .failed = false};
    c->p += n;
    return sub;
}

/* The byte at offset `at` from here, without moving; 0 past the end, no error. */
static inline uint8_t th_cur_peek(const struct th_cur *c, size_t at)
{
    return th_cur_left(c) > at ? c->p[at] : 0;
}

#endif
