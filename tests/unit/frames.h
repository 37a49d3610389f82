/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames made by hand, for tests of what reads packets: each function appends one header to
 * a buffer. Checksums are left zero: nothing reads them.
 */
#ifndef TH_TESTS_FRAMES_H
#define TH_TESTS_FRAMES_H

#include "base/buf.h"

static inline void frame_ether(struct th_buf *b, uint16_t type)
{
    static const uint8_t macs[12] = {2, 0, 0, 0, 0, 0xd, 2, 0, 0, 0, 0, 0xa};
    th_buf_put(b, macs, sizeof(macs));
    th_buf_be16(b, type);
}

/* From 10.0.0.src to 10.0.0.dst; total is the length field. */
static inline void frame_ipv4(struct th_buf *b, uint8_t src, uint8_t dst, uint8_t proto,
    uint16_t id, uint16_t frag, uint16_t total)
{
    const uint8_t addrs[8] = {10, 0, 0, src, 10, 0, 0, dst};
    th_buf_u8(b, 0x45);
    th_buf_u8(b, 0);
    th_buf_be16(b, total);
    th_buf_be16(b, id);
    th_buf_be16(b, frag);
    th_buf_u8(b, 64);
    th_buf_u8(b, proto);
    th_buf_be16(b, 0);
    th_buf_put(b, addrs, sizeof(addrs));
}

/* From fd00::src to fd00::dst. */
static inline void frame_ipv6(
    struct th_buf *b, uint8_t src, uint8_t dst, uint8_t next, uint16_t payload)
{
    uint8_t addrs[32] = {[0] = 0xfd, [15] = src, [16] = 0xfd, [31] = dst};
    th_buf_be32(b, 0x60000000);
    th_buf_be16(b, payload);
    th_buf_u8(b, next);
    th_buf_u8(b, 64);
    th_buf_put(b, addrs, sizeof(addrs));
}

static inline void frame_udp(struct th_buf *b, uint16_t src, uint16_t dst, uint16_t len)
{
    th_buf_be16(b, src);
    th_buf_be16(b, dst);
    th_buf_be16(b, len);
    th_buf_be16(b, 0);
}

static inline void frame_tcp(
    struct th_buf *b, uint16_t src, uint16_t dst, uint32_t seq, uint32_t ack, uint8_t flags)
{
    th_buf_be16(b, src);
    th_buf_be16(b, dst);
    th_buf_be32(b, seq);
    th_buf_be32(b, ack);
    th_buf_u8(b, 0x50);
    th_buf_u8(b, flags);
    th_buf_be16(b, 0x2000);
    th_buf_be32(b, 0);
}

#endif
