/* SPDX-License-Identifier: Apache-2.0 */
#include "base/seal.h"

#include "base/hash.h"

#define HEAD_BYTES 20u
#define LENGTH_AT 8u
#define CRC_AT 16u

static void put_le32_at(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

size_t th_seal_begin(struct th_buf *out, uint32_t magic, uint32_t version)
{
    size_t begin = out->len;
    th_buf_le32(out, magic);
    th_buf_le32(out, version);
    th_buf_le64(out, 0);
    th_buf_le32(out, 0);
    return begin;
}

void th_seal_end(struct th_buf *out, size_t begin)
{
    if (out->overflow)
        return;
    uint64_t len = out->len - begin - HEAD_BYTES;
    uint8_t *head = out->p + begin;
    put_le32_at(head + LENGTH_AT, (uint32_t)len);
    put_le32_at(head + LENGTH_AT + 4, (uint32_t)(len >> 32));
    put_le32_at(head + CRC_AT, th_crc32c(0, head + HEAD_BYTES, len));
}

int th_seal_open(
    const uint8_t *data, size_t len_bytes, uint32_t magic, uint32_t version, struct th_cur *ret)
{
    struct th_cur c = th_cur_init(data, len_bytes);
    uint32_t got_magic = th_cur_le32(&c);
    uint32_t got_version = th_cur_le32(&c);
    uint64_t len = th_cur_le64(&c);
    uint32_t crc = th_cur_le32(&c);
    if (c.failed)
        return TH_E_TRUNCATED;
    if (got_magic != magic)
        return TH_E_UNKNOWN_FORMAT;
    if (got_version != version)
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
