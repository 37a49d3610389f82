/* SPDX-License-Identifier: Apache-2.0 */
#include "codec.h"

#include "base/hash.h"

#define HEAD_BYTES 20u /* magic u32, version u32, body length u64, crc u32 */

static void put_le32_at(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

size_t th_frame_begin(struct th_buf *out, uint32_t magic)
{
    size_t begin = out->len;
    th_buf_le32(out, magic);
    th_buf_le32(out, TH_LEARN_VERSION);
    th_buf_le64(out, 0);
    th_buf_le32(out, 0);
    return begin;
}

void th_frame_end(struct th_buf *out, size_t begin)
{
    if (out->overflow)
        return;
    uint64_t len = out->len - begin - HEAD_BYTES;
    uint8_t *head = out->p + begin;
    put_le32_at(head + 8, (uint32_t)len);
    put_le32_at(head + 12, (uint32_t)(len >> 32));
    put_le32_at(head + 16, th_crc32c(0, head + HEAD_BYTES, len));
}

int th_frame_check(const uint8_t *data, size_t len_bytes, uint32_t magic, struct th_cur *ret)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    uint32_t got_magic = th_cur_le32(&c);
    uint32_t version = th_cur_le32(&c);
    uint64_t len = th_cur_le64(&c);
    uint32_t crc = th_cur_le32(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (got_magic != magic)
        return TH_E_MALFORMED;
    if (version != TH_LEARN_VERSION)
        return TH_E_VERSION;
    if (th_cur_left(&c) < len)
        return TH_E_TRUNCATED;
    if (th_cur_left(&c) > len)
        return TH_E_MALFORMED;
    if (th_crc32c(0, c.p, len) != crc)
        return TH_E_CHECKSUM;
    *ret = c;
    return 0;
}

void th_put_sparse(struct th_buf *out, const uint64_t *v, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i] == 0)
            continue;
        th_buf_varint(out, i - at);
        th_buf_varint(out, v[i]);
        at = i + 1;
    }
    th_buf_varint(out, n - at);
}

void th_add_sparse(struct th_cur *c, uint64_t *v, uint32_t n)
{
    uint64_t at = 0;
    while (!c->failed) {
        uint64_t skip = th_cur_varint(c);
        if (skip >= n - at) {
            if (skip > n - at)
                th_cur_fail(c);
            return;
        }
        at += skip;
        uint64_t add = th_cur_varint(c);
        /* A sum past 2^63 is no count. */
        if (add > INT64_MAX || v[at] > INT64_MAX - add)
            th_cur_fail(c);
        else
            v[at] += add;
        at++;
    }
}
