/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer for what we write. It has a limit: past it, the buffer
 * keeps what it has, drops the rest and remembers (`overflow`).
 */
#ifndef TH_BASE_BUF_H
#define TH_BASE_BUF_H

#include "base/mem.h"
#include "base/str.h"

struct th_buf {
    uint8_t *p;
    size_t len;
    size_t cap;
    size_t limit; /* bytes; 0 means 1 GiB */
    bool overflow;
};

#define TH_BUF_INIT ((struct th_buf){0})
#define TH_BUF_DEFAULT_LIMIT ((size_t)1 << 30)

void th_buf_done(struct th_buf *b);
/* Room for n more bytes, which the caller may write before th_buf_commit; NULL at the limit. */
uint8_t *th_buf_reserve(struct th_buf *b, size_t n);
void th_buf_le16(struct th_buf *b, uint16_t v);
void th_buf_le32(struct th_buf *b, uint32_t v);
void th_buf_le64(struct th_buf *b, uint64_t v);
void th_buf_be16(struct th_buf *b, uint16_t v);
void th_buf_be32(struct th_buf *b, uint32_t v);
void th_buf_varint(struct th_buf *b, uint64_t v);
/* The bits of an IEEE 754 double, little-endian. */
void th_buf_double(struct th_buf *b, double v);
void th_buf_printf(struct th_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void th_buf_commit(struct th_buf *b, size_t n)
{
    b->len += n;
}

/* Most puts are a few bytes into room that is there. */
static inline void th_buf_put(struct th_buf *b, const void *data, size_t len_bytes)
{
    size_t limit = b->limit ? b->limit : TH_BUF_DEFAULT_LIMIT;
    size_t room = TH_MIN(b->cap, limit) - b->len;
    uint8_t *at = b->p + b->len;
    if (__builtin_expect(b->len > limit || len_bytes > room || !b->cap, 0))
        at = len_bytes ? th_buf_reserve(b, len_bytes) : NULL;
    if (!at || !len_bytes)
        return;
    memcpy(at, data, len_bytes);
    b->len += len_bytes;
}

static inline void th_buf_u8(struct th_buf *b, uint8_t v)
{
    th_buf_put(b, &v, 1);
}

static inline void th_buf_clear(struct th_buf *b)
{
    b->len = 0;
    b->overflow = false;
}

static inline void th_buf_str(struct th_buf *b, struct th_str s)
{
    th_buf_put(b, s.p, s.len);
}

static inline void th_buf_puts(struct th_buf *b, const char *s)
{
    th_buf_put(b, s, strlen(s));
}

static inline struct th_str th_buf_view(const struct th_buf *b)
{
    return th_str_n(b->p, b->len);
}

#define TH_AUTOBUF TH_CLEANUP(th_buf_done)

#endif
