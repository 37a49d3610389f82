/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200). */
#include "decode_priv.h"

enum {
    IPV4_MIN = 20,
    IPV6_LEN = 40,
    IP_MF = 0x2000,
    IP_OFFSET_MASK = 0x1fff,
    PROTO_HOPOPTS = 0,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_AH = 51,
    PROTO_NONE = 59,
    PROTO_DSTOPTS = 60,
    PROTO_MOBILITY = 135,
    PROTO_HIP = 139,
    PROTO_SHIM6 = 140,
    MAX_EXTENSIONS = 16
};

/* How many bytes of the wire are left for the packet that begins at the cursor: what was captured
 * and what was cut off behind it. */
static uint32_t wire_left(const struct th_decode *d)
{
    return (uint32_t)th_cur_left(&d->c) + (d->p->wire_len - d->p->cap_len);
}

/* Sets the packet's length out of the header's claim and cuts trailing padding off. */
static void set_length(struct th_decode *d, uint32_t claimed, bool offloaded)
{
    uint32_t left = wire_left(d);
    if (d->inside && claimed > left && !offloaded) {
        d->p->wire_len += claimed - left; /* as a capture that was cut says it */
        left = claimed;
    }
    if (offloaded || claimed > left) {
        if (!offloaded)
            d->p->weird = "truncated_IP";
        claimed = left;
    }
    d->p->ip_len = claimed;
    if (claimed < th_cur_left(&d->c))
        d->c.end = d->c.p + claimed;
    d->p->l3 = th_str_n(d->c.p, th_cur_left(&d->c));
}

static void hand_on(struct th_decode *d, uint32_t header_len)
{
    struct th_pkt *p = d->p;
    struct th_str rest = th_str_n(d->c.p, th_cur_left(&d->c));
    uint32_t whole = p->ip_len > header_len ? p->ip_len - header_len : 0;
    p->kind = TH_PKT_IP;
    if (p->fragment) {
        p->payload = rest;
        p->payload_len = whole;
    } else {
        th_decode_transport(p, rest, whole);
    }
}

/* th_addr_v4 into what is zero already. */
static inline void map_v4(struct th_addr *a, const char *b)
{
    a->b[10] = a->b[11] = 0xff;
    memcpy(a->b + 12, b, 4);
}

void th_decode_ipv4(struct th_decode *d)
{
    if (!th_decode_enter(d))
        return;
    struct th_pkt *p = d->p;
    p->ethertype = TH_ETHER_IPV4;
    struct th_cur h = d->c;
    uint8_t first = th_cur_u8(&h);
    th_cur_skip(&h, 1);
    uint16_t total = th_cur_be16(&h);
    p->frag_id = th_cur_be16(&h);
    uint16_t frag = th_cur_be16(&h);
    p->ttl = th_cur_u8(&h);
    p->proto = th_cur_u8(&h);
    th_cur_skip(&h, 2);
    struct th_str addrs = th_cur_bytes(&h, 8);
    uint32_t header_len = (first & 15u) * 4u;
    if (__builtin_expect(h.failed, 0)) {
        th_decode_bad(d, "truncated_header");
        return;
    }
    if (__builtin_expect(first >> 4 != 4, 0)) {
        th_decode_bad(d, "unknown_ip_version");
        return;
    }
    if (__builtin_expect(header_len < IPV4_MIN || (total != 0 && total < header_len), 0)) {
        th_decode_bad(d, "invalid_IP_header_size");
        return;
    }
    map_v4(&p->src, addrs.p);
    map_v4(&p->dst, addrs.p + 4);
    p->frag_offset = (frag & IP_OFFSET_MASK) * 8u;
    p->more_fragments = (frag & IP_MF) != 0;
    p->fragment = p->more_fragments || p->frag_offset != 0;
    set_length(d, total, total == 0);
    if (header_len > th_cur_left(&d->c)) {
        th_decode_bad(d, "truncated_header");
        return;
    }
    th_cur_skip(&d->c, header_len);
    hand_on(d, header_len);
}

static bool is_extension(uint8_t proto)
{
    return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
        proto == PROTO_DSTOPTS || proto == PROTO_AH || proto == PROTO_MOBILITY ||
        proto == PROTO_HIP || proto == PROTO_SHIM6;
}

static void read_fragment(struct th_decode *d)
{
    th_cur_skip(&d->c, 1);
    uint16_t v = th_cur_be16(&d->c);
    d->p->frag_id = th_cur_be32(&d->c);
    d->p->frag_offset = v & 0xfff8u;
    d->p->more_fragments = (v & 1) != 0;
    /* RFC 6946: an atomic fragment is a whole datagram. */
    d->p->fragment = d->p->more_fragments || d->p->frag_offset != 0;
}

/* Walks to the transport header or to a fragment's data; p->proto is the header to read. */
static void walk_extensions(struct th_decode *d)
{
    struct th_pkt *p = d->p;
    for (unsigned n = 0; is_extension(p->proto) && !p->fragment; n++) {
        if (n == MAX_EXTENSIONS) {
            p->weird = "too_many_IPv6_extensions";
            p->proto = PROTO_NONE;
            return;
        }
        uint8_t kind = p->proto;
        struct th_cur before = d->c;
        p->proto = th_cur_u8(&d->c);
        if (kind == PROTO_FRAGMENT) {
            read_fragment(d);
        } else {
            uint32_t units = th_cur_u8(&d->c);
            /* RFC 4302 2.2: AH counts in words of four bytes, the others in eight. */
            th_cur_skip(&d->c, kind == PROTO_AH ? (units + 2) * 4 - 2 : (units + 1) * 8 - 2);
        }
        if (d->c.failed) {
            d->c = before;
            p->proto = PROTO_NONE;
            p->weird = "truncated_header";
            return;
        }
    }
}

void th_decode_ipv6(struct th_decode *d)
{
    if (!th_decode_enter(d))
        return;
    struct th_pkt *p = d->p;
    p->ethertype = TH_ETHER_IPV6;
    struct th_cur h = d->c;
    uint8_t first = th_cur_u8(&h);
    th_cur_skip(&h, 3);
    uint32_t payload = th_cur_be16(&h);
    p->proto = th_cur_u8(&h);
    p->ttl = th_cur_u8(&h);
    struct th_str addrs = th_cur_bytes(&h, 32);
    if (h.failed) {
        th_decode_bad(d, "truncated_header");
        return;
    }
    if (first >> 4 != 6) {
        th_decode_bad(d, "unknown_ip_version");
        return;
    }
    p->src = th_addr_v6((const uint8_t *)addrs.p);
    p->dst = th_addr_v6((const uint8_t *)addrs.p + 16);
    /* Payload length 0: a jumbogram (RFC 2675) or segmentation offload. */
    set_length(d, payload + IPV6_LEN, payload == 0 && p->proto != PROTO_NONE);
    const uint8_t *start = d->c.p;
    th_cur_skip(&d->c, IPV6_LEN);
    walk_extensions(d);
    hand_on(d, (uint32_t)(d->c.p - start));
}

void th_decode_ip(struct th_decode *d)
{
    if (th_cur_peek(&d->c, 0) >> 4 == 6)
        th_decode_ipv6(d);
    else
        th_decode_ipv4(d);
}
