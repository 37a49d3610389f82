/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kept packets one after the other, as they lie in a block: in the memory that capture and keep
 * share (lane.h), and inside what is sealed on the disk (ring.h). Whoever reads them takes them for
 * outside bytes.
 *
 * A record: time i64, bytes kept u32, bytes on the wire u32, link type u16, then the frame's first
 * bytes; little-endian.
 */
#ifndef TH_KEEP_RECORDS_H
#define TH_KEEP_RECORDS_H

#include <endian.h>

#include "packet/decode.h"
#include "packet/tunnels.h"

#define TH_KEEP_RECORD_BYTES 18u /* of its head */
#define TH_KEEP_MAX_FRAME (256u << 10)
/* Records of a block, all together. */
#define TH_KEEP_MAX_BLOCK ((1u << 20) - 64u)

struct th_keep_record {
    int64_t time_ns;
    uint32_t len, wire_len; /* wire_len is never below len */
    uint16_t linktype;
    const uint8_t *frame;
};

/* Writes it at `to`, which has room for TH_KEEP_RECORD_BYTES + r->len. */
static inline void th_keep_record_put(uint8_t *to, const struct th_keep_record *r)
{
    const uint64_t time = htole64((uint64_t)r->time_ns);
    const uint32_t lens[2] = {htole32(r->len), htole32(r->wire_len)};
    const uint16_t linktype = htole16(r->linktype);
    memcpy(to, &time, sizeof(time));
    memcpy(to + 8, lens, sizeof(lens));
    memcpy(to + 16, &linktype, sizeof(linktype));
    memcpy(to + TH_KEEP_RECORD_BYTES, r->frame, r->len);
}

/* The next; false at the end, or when it cannot be one: then the cursor has failed. */
bool th_keep_record_next(struct th_cur *c, struct th_keep_record *ret);

/* Between whom a packet is, by one of its headers. */
struct th_keep_ends {
    struct th_addr src, dst;
    uint16_t src_port, dst_port; /* 0 where the protocol has none */
    uint8_t proto;
    bool no_ports; /* a fragment: it has ports, but not here */
    bool is_arp;
};
#define TH_KEEP_MAX_ENDS (TH_TUNNELS_MAX_DEPTH + 1)

/* 1 and *ret, or 0: it is between no addresses. */
unsigned th_keep_ends_of(const struct th_pkt *pkt, struct th_keep_ends *ret);
/* The same of all headers of a frame, the outermost first, tunnels taken off. */
unsigned th_keep_record_ends(
    const struct th_keep_record *r, struct th_keep_ends ret[TH_KEEP_MAX_ENDS]);

#endif
