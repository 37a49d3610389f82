/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet and what stands between it and IP: VLAN tags, MPLS, PPPoE and PPP, LLC/SNAP. */
#include "decode_priv.h"

enum {
    VID_MASK = 0x0fff,
    MPLS_BOTTOM = 0x100,
    LLC_SNAP = 0xaa,
    LLC_IP = 0x06,
    LLC_UI = 0x03,
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281
};

void th_decode_ethernet(struct th_decode *d)
{
    if (!th_decode_enter(d))
        return;
    struct th_str macs = th_cur_bytes(&d->c, 12);
    uint16_t type = th_cur_be16(&d->c);
    if (__builtin_expect(d->c.failed, 0)) {
        th_decode_bad(d, "truncated_ethernet_frame");
        return;
    }
    memcpy(d->p->dst_mac.b, macs.p, 6);
    memcpy(d->p->src_mac.b, macs.p + 6, 6);
    d->p->has_mac = true;
    th_decode_ethertype(d, type);
}

/* IEEE 802.1Q; of more than two tags the inner ones are passed over. */
static bool decode_vlan(struct th_decode *d, uint16_t *type)
{
    uint16_t tag = th_cur_be16(&d->c) & VID_MASK;
    *type = th_cur_be16(&d->c);
    if (d->c.failed) {
        th_decode_bad(d, "truncated_VLAN_header");
        return false;
    }
    if (!d->p->vlan)
        d->p->vlan = tag;
    else if (!d->p->inner_vlan)
        d->p->inner_vlan = tag;
    return th_decode_enter(d);
}

/* RFC 3032; what the label stack carries is not said: IP by its version, or an Ethernet
 * pseudowire behind a control word (RFC 4385, 4448). */
static void decode_mpls(struct th_decode *d)
{
    uint32_t label;
    do {
        label = th_cur_be32(&d->c);
        if (d->c.failed) {
            th_decode_bad(d, "truncated_MPLS_header");
            return;
        }
        if (!th_decode_enter(d))
            return;
    } while (!(label & MPLS_BOTTOM));
    switch (th_cur_peek(&d->c, 0) >> 4) {
    case 4: th_decode_ipv4(d); break;
    case 6: th_decode_ipv6(d); break;
    case 0:
        if (th_cur_left(&d->c) > 4 + 14) {
            th_cur_skip(&d->c, 4);
            th_decode_ethernet(d);
        }
        break;
    default: break;
    }
}

void th_decode_ppp(struct th_decode *d, bool framed)
{
    if (!th_decode_enter(d))
        return;
    if (framed && th_cur_peek(&d->c, 0) == 0xff && th_cur_peek(&d->c, 1) == 0x03)
        th_cur_skip(&d->c, 2);
    /* RFC 1661 2: an odd first byte is a protocol of one byte. */
    uint16_t proto = th_cur_peek(&d->c, 0) & 1 ? (uint16_t)th_cur_u8(&d->c) : th_cur_be16(&d->c);
    if (d->c.failed) {
        th_decode_bad(d, "truncated_link_header");
        return;
    }
    if (proto == PPP_IPV4)
        th_decode_ipv4(d);
    else if (proto == PPP_IPV6)
        th_decode_ipv6(d);
    else if (proto == PPP_MPLS)
        decode_mpls(d);
}

/* RFC 2516 4: version and type, code (0 in a session), session, length. */
void th_decode_pppoe(struct th_decode *d)
{
    th_cur_skip(&d->c, 1);
    uint8_t code = th_cur_u8(&d->c);
    th_cur_skip(&d->c, 4);
    if (d->c.failed)
        th_decode_bad(d, "truncated_link_header");
    else if (code == 0)
        th_decode_ppp(d, false);
}

/* IEEE 802.2 with SNAP (RFC 1042), or IP's own service access point. */
void th_decode_llc(struct th_decode *d)
{
    if (!th_decode_enter(d))
        return;
    uint8_t dsap = th_cur_u8(&d->c);
    uint8_t ssap = th_cur_u8(&d->c);
    uint8_t control = th_cur_u8(&d->c);
    if (d->c.failed || control != LLC_UI)
        return;
    if (dsap == LLC_IP && ssap == LLC_IP) {
        th_decode_ipv4(d);
        return;
    }
    if (dsap != LLC_SNAP || ssap != LLC_SNAP)
        return;
    th_cur_skip(&d->c, 3);
    uint16_t type = th_cur_be16(&d->c);
    if (!d->c.failed && type >= TH_ETHER_MIN)
        th_decode_ethertype(d, type);
}

static void view_rest(struct th_decode *d)
{
    d->p->l3 = th_str_n(d->c.p, th_cur_left(&d->c));
}

void th_decode_ethertype(struct th_decode *d, uint16_t type)
{
    while (type == TH_ETHER_VLAN || type == TH_ETHER_QINQ || type == TH_ETHER_QINQ_OLD ||
        type == TH_ETHER_QINQ_OLD2) {
        if (!decode_vlan(d, &type))
            return;
    }
    d->p->ethertype = type;
    switch (type) {
    case TH_ETHER_IPV4: th_decode_ipv4(d); break;
    case TH_ETHER_IPV6: th_decode_ipv6(d); break;
    case TH_ETHER_ARP:
        d->p->kind = TH_PKT_ARP;
        view_rest(d);
        break;
    case TH_ETHER_MPLS:
    case TH_ETHER_MPLS_MULTICAST: decode_mpls(d); break;
    case TH_ETHER_PPPOE_SESSION: th_decode_pppoe(d); break;
    default:
        view_rest(d);
        if (type < TH_ETHER_MIN)
            th_decode_llc(d);
        break;
    }
}
