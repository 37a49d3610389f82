/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213), GRE (RFC 2784, RFC 2890) with IP, Ethernet
 * or ERSPAN inside, over UDP too (RFC 8086), and PPTP's with PPP (RFC 2637), VXLAN (RFC 7348) with
 * group policy or as GPE, GENEVE (RFC 8926), GTP-U (3GPP TS 29.281), Teredo (RFC 4380), MPLS over
 * IP and UDP (RFC 4023, 7510); tunnel_access.c has those of access networks. A packet is taken for
 * a tunnel's only when what is inside decodes.
 */
#include "tunnel_priv.h"

enum {
    PROTO_IPIP = 4,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_GRE = 47,
    PROTO_L2TP = 115,
    PROTO_MPLS = 137,
    ETHER_ERSPAN2 = 0x88be,
    ETHER_ERSPAN3 = 0x22eb,
    ERSPAN_SESSION_MASK = 0x3ff,
    ERSPAN_IP = 2,
    VXLAN_VNI = 0x08,
    GPE_NEXT = 0x04,
    GENEVE_AWS = 0x0108, /* class of options */
    GENEVE_AWS_ENDPOINT = 1,
    IPV6_LEN = 40,
    GTPU_DATA = 0xff,
    GTPU_MAX_EXTENSIONS = 8
};

/* IP of either version, by the first byte of it. */
static uint32_t ip_of(const struct th_cur *c)
{
    unsigned version = th_cur_peek(c, 0) >> 4;
    return version == 4 ? TH_ETHER_IPV4 : version == 6 ? TH_ETHER_IPV6 : 0;
}

static uint32_t erspan2(struct th_cur *c, struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_ERSPAN;
    th_cur_skip(c, 2);
    t->id = th_cur_be16(c) & ERSPAN_SESSION_MASK;
    th_cur_skip(c, 4);
    return TH_ETHER_BRIDGING;
}

/* draft-foschiano-erspan-03, 4.3: behind time stamp and group tag stand the frame's type and
 * whether a platform's own header of eight bytes follows. */
static uint32_t erspan3(struct th_cur *c, struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_ERSPAN;
    th_cur_skip(c, 2);
    t->id = th_cur_be16(c) & ERSPAN_SESSION_MASK;
    th_cur_skip(c, 6);
    unsigned flags = th_cur_be16(c);
    th_cur_skip(c, flags & 1 ? 8 : 0);
    return (flags >> 10 & 0x1f) == ERSPAN_IP ? ip_of(c) : TH_ETHER_BRIDGING;
}

/* RFC 2637 4.1: the key is the length of what is inside and the number of the call. */
static uint32_t pptp(struct th_cur *c, struct th_tunnel *t, unsigned flags)
{
    t->kind = TH_TUNNEL_GRE;
    unsigned inside = th_cur_be16(c);
    t->id = th_cur_be16(c);
    th_cur_skip(c, flags & 0x1000 ? 4 : 0);
    th_cur_skip(c, flags & 0x0080 ? 4 : 0);
    return inside ? TH_ETHER_PPP : 0; /* without it: an acknowledgement */
}

static uint32_t gre(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_be16(c);
    unsigned type = th_cur_be16(c);
    bool sequence = flags & 0x1000;
    if (type == TH_ETHER_PPP && (flags & 0xe007) == 0x2001)
        return pptp(c, t, flags);
    if (flags & 0x4007) /* routing of old, and other versions */
        return 0;
    t->kind = TH_TUNNEL_GRE;
    th_cur_skip(c, flags & 0x8000 ? 4 : 0);
    t->id = flags & 0x2000 ? th_cur_be32(c) : 0;
    th_cur_skip(c, sequence ? 4 : 0);
    if (type == ETHER_ERSPAN2 && sequence)
        return erspan2(c, t);
    if (type == ETHER_ERSPAN3)
        return erspan3(c, t);
    if (type != ETHER_ERSPAN2)
        return type;
    t->kind = TH_TUNNEL_ERSPAN; /* without a number: type I, which has no header */
    return TH_ETHER_BRIDGING;
}

/* Reserved bits are not looked at (RFC 7348 5): group policy (draft-smith-vxlan-group-policy) has
 * some of them. */
static uint32_t vxlan(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_u8(c);
    th_cur_skip(c, 3);
    t->kind = TH_TUNNEL_VXLAN;
    t->id = th_cur_be24(c);
    th_cur_skip(c, 1);
    return flags & VXLAN_VNI ? TH_ETHER_BRIDGING : 0;
}

/* draft-ietf-nvo3-vxlan-gpe, 3: version 0, no operations message, and what is inside. */
static uint32_t vxlan_gpe(struct th_cur *c, struct th_tunnel *t)
{
    static const uint16_t next[] = {
        0, TH_ETHER_IPV4, TH_ETHER_IPV6, TH_ETHER_BRIDGING, TH_ETHER_NSH, TH_ETHER_MPLS};
    unsigned flags = th_cur_u8(c);
    th_cur_skip(c, 2);
    unsigned proto = th_cur_u8(c);
    t->kind = TH_TUNNEL_VXLAN;
    t->id = flags & VXLAN_VNI ? th_cur_be24(c) : 0;
    th_cur_skip(c, flags & VXLAN_VNI ? 1 : 4);
    if (flags & ~(unsigned)(VXLAN_VNI | GPE_NEXT | 0x02)) /* 0x02: flooded, no matter here */
        return 0;
    if (!(flags & GPE_NEXT))
        return TH_ETHER_BRIDGING;
    return proto < TH_ARRAY_LEN(next) ? next[proto] : 0;
}

/* RFC 8926 3.5; a gateway load balancer names its endpoint and leaves the VNI empty. */
static void geneve_options(struct th_cur c, struct th_tunnel *t)
{
    while (th_cur_left(&c) >= 4) {
        unsigned class = th_cur_be16(&c);
        unsigned type = th_cur_u8(&c) & 0x7f;
        struct th_cur value = th_cur_sub(&c, (th_cur_u8(&c) & 0x1f) * 4u);
        if (class == GENEVE_AWS && type == GENEVE_AWS_ENDPOINT && th_cur_left(&value) == 8)
            t->endpoint = th_cur_be64(&value);
    }
}

static uint32_t geneve(struct th_cur *c, struct th_tunnel *t)
{
    unsigned first = th_cur_u8(c);
    th_cur_skip(c, 1);
    unsigned type = th_cur_be16(c);
    t->kind = TH_TUNNEL_GENEVE;
    t->id = th_cur_be24(c);
    th_cur_skip(c, 1);
    geneve_options(th_cur_sub(c, (first & 0x3f) * 4u), t);
    return first >> 6 ? 0 : type;
}

static uint32_t gtpu(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_u8(c);
    if (flags >> 4 != 3 || th_cur_u8(c) != GTPU_DATA)
        return 0;
    th_cur_skip(c, 2);
    t->kind = TH_TUNNEL_GTPU;
    t->id = th_cur_be32(c);
    if (flags & 7) {
        th_cur_skip(c, 3);
        unsigned next = th_cur_u8(c);
        for (unsigned i = 0; next && i < GTPU_MAX_EXTENSIONS; i++) {
            unsigned words = th_cur_u8(c);
            if (!words)
                return 0;
            th_cur_skip(c, words * 4u - 2);
            next = th_cur_u8(c);
        }
    }
    return ip_of(c);
}

/* RFC 4380 5.1.1: an authentication and an origin indication may stand before the IPv6 packet,
 * which must fill the datagram exactly: the port alone says little. */
static uint32_t teredo(struct th_cur *c, struct th_tunnel *t, uint32_t missing)
{
    t->kind = TH_TUNNEL_TEREDO;
    if (th_cur_peek(c, 0) == 0 && th_cur_peek(c, 1) == 1) {
        th_cur_skip(c, 2);
        unsigned id_len = th_cur_u8(c);
        unsigned value_len = th_cur_u8(c);
        th_cur_skip(c, id_len + value_len + 9); /* nonce and confirmation */
    }
    if (th_cur_peek(c, 0) == 0 && th_cur_peek(c, 1) == 0)
        th_cur_skip(c, 8);
    struct th_cur h = *c;
    unsigned version = th_cur_u8(&h) >> 4;
    th_cur_skip(&h, 3);
    unsigned payload = th_cur_be16(&h);
    bool fits = !h.failed && th_cur_left(c) + missing == payload + IPV6_LEN;
    return version == 6 && fits ? TH_ETHER_IPV6 : 0;
}

static uint32_t mpls(struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_MPLS;
    return TH_ETHER_MPLS;
}

static uint32_t over_udp(
    const struct th_pkt *p, struct th_cur *c, struct th_tunnel *t, uint32_t missing)
{
    switch (p->dst_port) {
    case TH_PORT_GRE: return gre(c, t);
    case TH_PORT_VXLAN: return vxlan(c, t);
    case TH_PORT_VXLAN_GPE: return vxlan_gpe(c, t);
    case TH_PORT_GENEVE: return geneve(c, t);
    case TH_PORT_GTPU: return gtpu(c, t);
    case TH_PORT_MPLS: return mpls(t);
    case TH_PORT_TZSP: return th_tunnel_tzsp(c, t);
    default: break;
    }
    if (p->dst_port == TH_PORT_TEREDO || p->src_port == TH_PORT_TEREDO)
        return teredo(c, t, missing);
    if (p->dst_port == TH_PORT_CAPWAP || p->src_port == TH_PORT_CAPWAP)
        return th_tunnel_capwap(c, t);
    if (p->dst_port == TH_PORT_L2TP || p->src_port == TH_PORT_L2TP)
        return th_tunnel_l2tp_udp(c, t);
    return 0;
}

static uint32_t header(
    const struct th_pkt *p, struct th_cur *c, struct th_tunnel *t, uint32_t missing)
{
    switch (p->proto) {
    case PROTO_IPIP:
    case PROTO_IPV6: t->kind = TH_TUNNEL_IPIP; return ip_of(c);
    case PROTO_GRE: return gre(c, t);
    case PROTO_MPLS: return mpls(t);
    case PROTO_L2TP: return th_tunnel_l2tp_ip(c, t);
    case PROTO_UDP: return over_udp(p, c, t, missing);
    default: return 0;
    }
}

bool th_decap_inside(const struct th_pkt *outer, struct th_pkt *ret, struct th_tunnel *ret_tunnel)
{
    struct th_cur c = th_cur_init(outer->payload.p, outer->payload.len);
    uint32_t missing = outer->payload_len - outer->payload.len;
    *ret_tunnel = (struct th_tunnel){.src = outer->src};
    uint32_t type = outer->fragment ? 0 : header(outer, &c, ret_tunnel, missing);
    uint32_t left = (uint32_t)th_cur_left(&c);
    if (!type || c.failed || !left)
        return false;
    struct th_decode d = th_decode_begin(ret, outer->time_ns, c.p, left, left + missing);
    d.inside = true;
    if (type == TH_INSIDE_WLAN)
        th_decode_80211(&d);
    else
        th_decode_ethertype(&d, (uint16_t)type);
    return ret->kind == TH_PKT_IP || ret->kind == TH_PKT_ARP;
}
