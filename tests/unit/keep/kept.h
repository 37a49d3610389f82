/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of kept packets as tests have it: a disk in memory, frames, and what is found again. */
#ifndef TH_TESTS_KEPT_H
#define TH_TESTS_KEPT_H

#include "unit.h"

#include "../frames.h"
#include "base/mem.h"
#include "base/time.h"
#include "file.h"
#include "io_record.h"
#include "keep/search.h"

#define ROOM_BYTES (UINT64_C(1) << 30)
#define START_NS (INT64_C(1700000000) * TH_NS_PER_S)

static const uint8_t the_key[TH_KEEP_KEY_BYTES] = "the key of the sensor, 32 bytes";

/* A UDP datagram between 10.0.0.src and 10.0.0.dst, with so many bytes of payload. */
static inline void put_udp(struct th_buf *b, uint8_t src, uint8_t dst, uint16_t sport,
    uint16_t dport, uint16_t payload_bytes)
{
    frame_ether(b, 0x0800);
    frame_ipv4(b, src, dst, 17, 1, 0, (uint16_t)(28 + payload_bytes));
    frame_udp(b, sport, dport, (uint16_t)(8 + payload_bytes));
    uint8_t *payload = th_buf_reserve(b, payload_bytes);
    for (unsigned i = 0; i < payload_bytes; i++)
        payload[i] = (uint8_t)i;
    th_buf_commit(b, payload_bytes);
}

static inline void put_record(
    struct th_buf *block, int64_t time_ns, uint16_t linktype, struct th_str frame)
{
    const struct th_keep_record r = {.time_ns = time_ns,
        .len = frame.len,
        .wire_len = frame.len,
        .linktype = linktype,
        .frame = (const uint8_t *)frame.p};
    uint8_t *to = th_buf_reserve(block, TH_KEEP_RECORD_BYTES + (size_t)frame.len);
    th_keep_record_put(to, &r);
    th_buf_commit(block, TH_KEEP_RECORD_BYTES + (size_t)frame.len);
}

/* A record of such a datagram. */
static inline void put_packet(
    struct th_buf *block, int64_t time_ns, uint8_t src, uint8_t dst, uint16_t payload_bytes)
{
    TH_AUTOBUF struct th_buf frame = TH_BUF_INIT;
    put_udp(&frame, src, dst, 5000, 53, payload_bytes);
    put_record(block, time_ns, 1, th_buf_view(&frame));
}

static inline struct th_keep *open_keep(const struct th_io *io, uint64_t bytes, int64_t now_ns)
{
    const struct th_keep_config config = {.bytes = bytes};
    struct th_keep *k = NULL;
    assert_int_equal(th_keep_open(io, the_key, &config, now_ns, &k), 0);
    return k;
}

/* Writes one block of `count` packets from 10.0.0.src, a millisecond apart. */
static inline void keep_some(
    struct th_keep *k, int64_t time_ns, uint8_t src, unsigned count, uint16_t payload_bytes)
{
    TH_AUTOBUF struct th_buf block = TH_BUF_INIT;
    for (unsigned i = 0; i < count; i++)
        put_packet(&block, time_ns + i * TH_NS_PER_MS, src, 1, payload_bytes);
    assert_int_equal(th_keep_put(k, th_buf_view(&block), time_ns), 0);
}

static inline struct th_packets_request wish_for(uint8_t host)
{
    const uint8_t addr[4] = {10, 0, 0, host};
    return (struct th_packets_request){.host = th_addr_v4(addr),
        .from_ns = 0,
        .to_ns = INT64_MAX,
        .limit_bytes = TH_PACKETS_MAX_BYTES};
}

/* All that is found, appended to out. */
static inline struct th_keep_found find_into(
    const struct th_io *io, const struct th_packets_request *wish, struct th_buf *out)
{
    struct th_keep_search *s = NULL;
    struct th_keep_found found;
    int r;
    assert_int_equal(th_keep_search_new(io, the_key, wish, &s), 0);
    while ((r = th_keep_search_step(s, out)) > 0)
        ;
    assert_int_equal(r, 0);
    th_keep_search_found(s, &found);
    assert_int_equal(found.bytes, out->len);
    th_keep_search_free(s);
    return found;
}

static inline struct th_keep_found find(const struct th_io *io, uint8_t host)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    const struct th_packets_request wish = wish_for(host);
    return find_into(io, &wish, &out);
}

/* The packets of a pcap file: the next, false at its end. */
struct pcap_packet {
    int64_t time_ns;
    uint32_t wire_len;
    struct th_str frame;
};
static inline bool next_packet(struct th_cur *c, struct pcap_packet *ret)
{
    if (th_cur_left(c) == 0)
        return false;
    uint32_t s = th_cur_le32(c);
    ret->time_ns = s * TH_NS_PER_S + th_cur_le32(c);
    uint32_t len = th_cur_le32(c);
    ret->wire_len = th_cur_le32(c);
    ret->frame = th_cur_bytes(c, len);
    assert_false(c->failed);
    return true;
}

#endif
