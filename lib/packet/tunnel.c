/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213), GRE (RFC 2784, RFC 2890) with IP,
 * Ethernet or ERSPAN inside, VXLAN (RFC 7348), GENEVE (RFC 8926), GTP-U (3GPP TS 29.281), Teredo
 * (RFC 4380). A packet is taken for a tunnel's only when what is inside decodes.
 */
#include "decode_priv.h"

enum {
    PROTO_IPIP = 4,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_GRE = 47,
    PORT_GTPU = 2152,
    PORT_TEREDO = 3544,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    ETHER_BRIDGING = 0x6558,
    ETHER_ERSPAN2 = 0x88be,
    ETHER_ERSPAN3 = 0x22eb,
    ERSPAN_SESSION_MASK = 0x3ff,
    IPV6_LEN = 40,
    GTPU_DATA = 0xff,
    GTPU_MAX_EXTENSIONS = 8
};

/* Each reads its header from the cursor, sets kind and id of the tunnel, and says of what link type
 * the inside is; 0 for nothing that we read. */

static uint32_t link_of(unsigned ethertype)
{
    switch (ethertype) {
    case TH_ETHER_IPV4:
    case TH_ETHER_IPV6: return TH_LINK_RAW;
    case ETHER_BRIDGING: return TH_LINK_ETHERNET;
    default: return 0;
    }
}

static uint32_t erspan2(struct th_cur *c, struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_ERSPAN;
    th_cur_skip(c, 2);
    t->id = th_cur_be16(c) & ERSPAN_SESSION_MASK;
    th_cur_skip(c, 4);
    return TH_LINK_ETHERNET;
}

static uint32_t erspan3(struct th_cur *c, struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_ERSPAN;
    th_cur_skip(c, 2);
    t->id = th_cur_be16(c) & ERSPAN_SESSION_MASK;
    th_cur_skip(c, 7);
    th_cur_skip(c, th_cur_u8(c) & 1 ? 8 : 0); /* a platform's own header follows */
    return TH_LINK_ETHERNET;
}

static uint32_t gre(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_be16(c);
    unsigned type = th_cur_be16(c);
    bool sequence = flags & 0x1000;
    if (flags & 0x4007) /* routing of old, and versions (1 is PPTP's) */
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
        return link_of(type);
    t->kind = TH_TUNNEL_ERSPAN; /* without a number: type I, which has no header */
    return TH_LINK_ETHERNET;
}

static uint32_t vxlan(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_u8(c);
    uint32_t reserved = th_cur_be24(c);
    t->kind = TH_TUNNEL_VXLAN;
    t->id = th_cur_be24(c);
    return flags == 0x08 && !reserved && !th_cur_u8(c) ? TH_LINK_ETHERNET : 0;
}

static uint32_t geneve(struct th_cur *c, struct th_tunnel *t)
{
    unsigned first = th_cur_u8(c);
    th_cur_skip(c, 1);
    unsigned type = th_cur_be16(c);
    t->kind = TH_TUNNEL_GENEVE;
    t->id = th_cur_be24(c);
    th_cur_skip(c, 1 + (first & 0x3f) * 4u);
    return first >> 6 ? 0 : link_of(type);
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
    unsigned version = th_cur_peek(c, 0) >> 4;
    return version == 4 || version == 6 ? TH_LINK_RAW : 0;
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
    return version == 6 && fits ? TH_LINK_RAW : 0;
}

static uint32_t header(
    const struct th_pkt *p, struct th_cur *c, struct th_tunnel *t, uint32_t missing)
{
    switch (p->proto) {
    case PROTO_IPIP:
    case PROTO_IPV6: t->kind = TH_TUNNEL_IPIP; return TH_LINK_RAW;
    case PROTO_GRE: return gre(c, t);
    case PROTO_UDP: break;
    default: return 0;
    }
    switch (p->dst_port) {
    case PORT_VXLAN: return vxlan(c, t);
    case PORT_GENEVE: return geneve(c, t);
    case PORT_GTPU: return gtpu(c, t);
    default: break;
    }
    return p->dst_port == PORT_TEREDO || p->src_port == PORT_TEREDO ? teredo(c, t, missing) : 0;
}

bool th_decap_inside(const struct th_pkt *outer, struct th_pkt *ret, struct th_tunnel *ret_tunnel)
{
    struct th_cur c = th_cur_init(outer->payload.p, outer->payload.len);
    uint32_t missing = outer->payload_len - outer->payload.len;
    *ret_tunnel = (struct th_tunnel){.src = outer->src};
    uint32_t link = outer->fragment ? 0 : header(outer, &c, ret_tunnel, missing);
    size_t left = th_cur_left(&c);
    if (!link || c.failed || !left)
        return false;
    int err = th_decode(link, outer->time_ns, c.p, (uint32_t)left, (uint32_t)left + missing, ret);
    return err == 0 && (ret->kind == TH_PKT_IP || ret->kind == TH_PKT_ARP);
}
