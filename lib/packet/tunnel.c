/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: IP in IP (RFC 2003), IPv6 in IPv4 (RFC 4213), GRE (RFC 2784, RFC 2890) with IP,
 * Ethernet or ERSPAN inside, VXLAN (RFC 7348), GENEVE (RFC 8926), GTP-U (3GPP TS 29.281).
 * A packet is taken for a tunnel's only when what is inside decodes.
 */
#include "decode_priv.h"

enum {
    PROTO_IPIP = 4,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_GRE = 47,
    PORT_GTPU = 2152,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    ETHER_BRIDGING = 0x6558,
    ETHER_ERSPAN2 = 0x88be,
    ETHER_ERSPAN3 = 0x22eb,
    GTPU_DATA = 0xff,
    GTPU_MAX_EXTENSIONS = 8
};

/* What the header says is inside; 0 for nothing that we read. */
static uint32_t link_of(unsigned ethertype)
{
    switch (ethertype) {
    case TH_ETHER_IPV4:
    case TH_ETHER_IPV6: return TH_LINK_RAW;
    case ETHER_BRIDGING: return TH_LINK_ETHERNET;
    default: return 0;
    }
}

static uint32_t gre(struct th_cur *c)
{
    unsigned flags = th_cur_be16(c);
    unsigned type = th_cur_be16(c);
    bool sequence = flags & 0x1000;
    if (flags & 0x4007) /* routing of old, and versions (1 is PPTP's) */
        return 0;
    th_cur_skip(c, (flags & 0x8000 ? 4u : 0u) + (flags & 0x2000 ? 4u : 0u) + (sequence ? 4u : 0u));
    if (type == ETHER_ERSPAN2) {
        th_cur_skip(c, sequence ? 8 : 0); /* without: type I, which has no header */
        return TH_LINK_ETHERNET;
    }
    if (type == ETHER_ERSPAN3) {
        th_cur_skip(c, 11);
        th_cur_skip(c, th_cur_u8(c) & 1 ? 8 : 0);
        return TH_LINK_ETHERNET;
    }
    return link_of(type);
}

static uint32_t vxlan(struct th_cur *c)
{
    unsigned flags = th_cur_u8(c);
    uint32_t reserved = th_cur_be24(c);
    th_cur_skip(c, 3);
    return flags == 0x08 && !reserved && !th_cur_u8(c) ? TH_LINK_ETHERNET : 0;
}

static uint32_t geneve(struct th_cur *c)
{
    unsigned first = th_cur_u8(c);
    th_cur_skip(c, 1);
    unsigned type = th_cur_be16(c);
    th_cur_skip(c, 4 + (first & 0x3f) * 4u);
    return first >> 6 ? 0 : link_of(type);
}

static uint32_t gtpu(struct th_cur *c)
{
    unsigned flags = th_cur_u8(c);
    if (flags >> 4 != 3 || th_cur_u8(c) != GTPU_DATA)
        return 0;
    th_cur_skip(c, 6);
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

static uint32_t header(const struct th_pkt *p, struct th_cur *c)
{
    switch (p->proto) {
    case PROTO_IPIP:
    case PROTO_IPV6: return TH_LINK_RAW;
    case PROTO_GRE: return gre(c);
    case PROTO_UDP:
        switch (p->dst_port) {
        case PORT_VXLAN: return vxlan(c);
        case PORT_GENEVE: return geneve(c);
        case PORT_GTPU: return gtpu(c);
        default: return 0;
        }
    default: return 0;
    }
}

bool th_decap_inside(const struct th_pkt *outer, struct th_pkt *ret)
{
    struct th_cur c = th_cur_init(outer->payload.p, outer->payload.len);
    uint32_t link = outer->fragment ? 0 : header(outer, &c);
    size_t left = th_cur_left(&c);
    if (!link || !left)
        return false;
    uint32_t missing = outer->payload_len - outer->payload.len;
    int err = th_decode(link, outer->time_ns, c.p, (uint32_t)left, (uint32_t)left + missing, ret);
    return err == 0 && (ret->kind == TH_PKT_IP || ret->kind == TH_PKT_ARP);
}
