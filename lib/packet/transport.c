/* SPDX-License-Identifier: Apache-2.0 */
/* TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443). */
#include "decode_priv.h"

enum {
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_AH = 51,
    PROTO_ICMP6 = 58,
    PROTO_SCTP = 132,
    PROTO_UDPLITE = 136,
    TCP_MIN = 20,
    UDP_LEN = 8
};

/* Requests and their answers: the two ends of one exchange. */
static const uint8_t icmp4_pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}};
static const uint8_t icmp6_pairs[][2] = {
    {128, 129}, {133, 134}, {135, 136}, {139, 140}, {144, 145}, {130, 131}};

static void set_icmp(struct th_pkt *p, uint8_t type, uint8_t code)
{
    const uint8_t(*pairs)[2] = p->proto == PROTO_ICMP ? icmp4_pairs : icmp6_pairs;
    unsigned n = p->proto == PROTO_ICMP ? sizeof(icmp4_pairs) / 2 : sizeof(icmp6_pairs) / 2;
    p->src_port = type;
    p->dst_port = code;
    for (unsigned i = 0; i < n; i++) {
        if (pairs[i][0] == type) {
            p->dst_port = pairs[i][1];
        } else if (pairs[i][1] == type) {
            p->dst_port = pairs[i][0];
            p->icmp_is_reply = true;
        }
    }
}

static void set_payload(struct th_pkt *p, struct th_cur *c, uint32_t whole_len, uint32_t header_len)
{
    p->payload = th_str_n(c->p, th_cur_left(c));
    p->payload_len = whole_len > header_len ? whole_len - header_len : 0;
    if (p->payload.len > p->payload_len)
        p->payload.len = p->payload_len;
}

static void short_header(struct th_pkt *p, uint32_t captured, uint32_t whole_len)
{
    /* Cut by the capture, or too short in truth. */
    p->weird = captured < whole_len ? "internally_truncated_header" : "truncated_header";
}

static void decode_tcp(struct th_pkt *p, struct th_cur c, uint32_t whole_len)
{
    uint32_t captured = (uint32_t)th_cur_left(&c);
    p->src_port = th_cur_be16(&c);
    p->dst_port = th_cur_be16(&c);
    p->seq = th_cur_be32(&c);
    p->ack = th_cur_be32(&c);
    uint32_t header_len = (th_cur_u8(&c) >> 4) * 4u;
    p->tcp_flags = th_cur_u8(&c);
    p->window = th_cur_be16(&c);
    th_cur_skip(&c, 4);
    if (__builtin_expect(c.failed, 0)) {
        short_header(p, captured, whole_len);
        return;
    }
    if (__builtin_expect(header_len < TCP_MIN || header_len > whole_len, 0)) {
        p->weird = "bad_TCP_header_len";
        return;
    }
    th_cur_skip(&c, header_len - TCP_MIN);
    if (c.failed) {
        c = (struct th_cur){.p = c.end, .end = c.end, .failed = false};
        p->weird = "internally_truncated_header";
    }
    set_payload(p, &c, whole_len, header_len);
}

static void decode_udp(struct th_pkt *p, struct th_cur c, uint32_t whole_len)
{
    uint32_t captured = (uint32_t)th_cur_left(&c);
    p->src_port = th_cur_be16(&c);
    p->dst_port = th_cur_be16(&c);
    uint32_t len = th_cur_be16(&c);
    th_cur_skip(&c, 2);
    if (__builtin_expect(c.failed, 0)) {
        short_header(p, captured, whole_len);
        return;
    }
    /* Zero means offload or a jumbogram; UDP-Lite keeps its checksum coverage here. */
    if (len >= UDP_LEN && len < whole_len && p->proto == PROTO_UDP)
        whole_len = len;
    else if ((len > whole_len || (len != 0 && len < UDP_LEN)) && p->proto == PROTO_UDP && !p->weird)
        p->weird = "UDP_datagram_length_mismatch";
    set_payload(p, &c, whole_len, UDP_LEN);
}

static void decode_icmp(struct th_pkt *p, struct th_cur c, uint32_t whole_len)
{
    uint32_t captured = (uint32_t)th_cur_left(&c);
    uint8_t type = th_cur_u8(&c);
    uint8_t code = th_cur_u8(&c);
    th_cur_skip(&c, 2);
    if (c.failed) {
        short_header(p, captured, whole_len);
        return;
    }
    set_icmp(p, type, code);
    if (th_cur_left(&c) >= 4)
        p->icmp_rest = th_cur_be32(&c);
    else
        th_cur_skip(&c, th_cur_left(&c));
    set_payload(p, &c, whole_len, 8);
}

static void decode_sctp(struct th_pkt *p, struct th_cur c, uint32_t whole_len)
{
    uint32_t captured = (uint32_t)th_cur_left(&c);
    p->src_port = th_cur_be16(&c);
    p->dst_port = th_cur_be16(&c);
    th_cur_skip(&c, 8);
    if (c.failed)
        short_header(p, captured, whole_len);
    else
        set_payload(p, &c, whole_len, 12);
}

/* RFC 4302 over IPv4: authenticated, not hidden; what is inside can be read. */
static bool strip_ah(struct th_pkt *p, struct th_cur *c, uint32_t *whole_len)
{
    struct th_cur before = *c;
    uint8_t next = th_cur_u8(c);
    uint32_t len = (th_cur_u8(c) + 2u) * 4u;
    th_cur_skip(c, len - 2);
    if (c->failed || len > *whole_len || next == PROTO_AH) {
        *c = before;
        return false;
    }
    p->proto = next;
    *whole_len -= len;
    return true;
}

void th_decode_transport(struct th_pkt *p, struct th_str data, uint32_t whole_len)
{
    struct th_cur c = th_cur_init(data.p, data.len);
    if (__builtin_expect(p->proto == PROTO_AH, 0) && !strip_ah(p, &c, &whole_len))
        p->weird = "truncated_header";
    switch (p->proto) {
    case PROTO_TCP: decode_tcp(p, c, whole_len); break;
    case PROTO_UDP:
    case PROTO_UDPLITE: decode_udp(p, c, whole_len); break;
    case PROTO_ICMP:
    case PROTO_ICMP6: decode_icmp(p, c, whole_len); break;
    case PROTO_SCTP: decode_sctp(p, c, whole_len); break;
    default: set_payload(p, &c, whole_len, 0); break;
    }
}
