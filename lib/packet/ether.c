/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet and what stands between it and IP: VLAN tags and those of switches, MPLS, PPPoE and PPP,
 * LLC/SNAP. */
#include "decode_priv.h"

enum {
    VID_MASK = 0x0fff,
    MPLS_BOTTOM = 0x100,
    CONTROL_WORD = 4,
    LLC_SNAP = 0xaa,
    LLC_IP = 0x06,
    LLC_UI = 0x03,
    ETHER_ITAG = 0x88e7,
    ETHER_METADATA = 0x8909,
    ETHER_VNTAG = 0x8926,
    ETHER_ETAG = 0x893f,
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

/* Tags that a switch puts on for itself: of a port extender (VN-Tag, IEEE 802.1BR), of who sent it
 * (Cisco metadata with one option), of a provider's bridges with the customer's frame behind it
 * (IEEE 802.1ah). */
static bool is_switch_tag(uint16_t type)
{
    return type == ETHER_VNTAG || type == ETHER_ETAG || type == ETHER_METADATA ||
        type == ETHER_ITAG;
}

static bool decode_switch_tag(struct th_decode *d, uint16_t *type)
{
    bool customer = *type == ETHER_ITAG;
    th_cur_skip(&d->c, *type == ETHER_VNTAG || customer ? 4 : 6);
    struct th_str macs = th_cur_bytes(&d->c, customer ? 12 : 0);
    *type = th_cur_be16(&d->c);
    if (d->c.failed) {
        th_decode_bad(d, "truncated_link_header");
        return false;
    }
    if (customer) {
        memcpy(d->p->dst_mac.b, macs.p, 6);
        memcpy(d->p->src_mac.b, macs.p + 6, 6);
    }
    return th_decode_enter(d);
}

static bool is_vlan(uint16_t type)
{
    return type == TH_ETHER_VLAN || type == TH_ETHER_QINQ || type == TH_ETHER_QINQ_OLD ||
        type == TH_ETHER_QINQ_OLD2;
}

/* RFC 3032; what the label stack carries is not said: an Ethernet pseudowire (RFC 4448), with or
 * without a control word (RFC 4385), when it looks like one, else IP by its version. */
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
    unsigned first = th_cur_peek(&d->c, 0) >> 4;
    if (first == 0 && th_decode_is_frame(&d->c, CONTROL_WORD)) {
        th_cur_skip(&d->c, CONTROL_WORD);
        th_decode_ethernet(d);
    } else if (th_decode_is_frame(&d->c, 0)) {
        th_decode_ethernet(d);
    } else if (first == 4) {
        th_decode_ipv4(d);
    } else if (first == 6) {
        th_decode_ipv6(d);
    }
}

/* RFC 8300 2: base header with its length in words, service path, metadata. */
static void decode_nsh(struct th_decode *d)
{
    static const uint16_t next[] = {
        0, TH_ETHER_IPV4, TH_ETHER_IPV6, TH_ETHER_BRIDGING, TH_ETHER_NSH, TH_ETHER_MPLS};
    uint16_t first = th_cur_be16(&d->c);
    th_cur_skip(&d->c, 1);
    uint8_t proto = th_cur_u8(&d->c);
    unsigned words = first & 0x3f;
    th_cur_skip(&d->c, words < 2 ? 0 : words * 4u - 4);
    if (d->c.failed || words < 2) {
        th_decode_bad(d, "truncated_link_header");
        return;
    }
    if (first >> 14 == 0 && proto > 0 && proto < TH_ARRAY_LEN(next) && th_decode_enter(d))
        th_decode_ethertype(d, next[proto]);
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
    while (is_vlan(type) || is_switch_tag(type)) {
        if (!(is_vlan(type) ? decode_vlan(d, &type) : decode_switch_tag(d, &type)))
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
    case TH_ETHER_PPP: th_decode_ppp(d, true); break;
    case TH_ETHER_BRIDGING: th_decode_ethernet(d); break;
    case TH_ETHER_NSH: decode_nsh(d); break;
    default:
        view_rest(d);
        if (type < TH_ETHER_MIN)
            th_decode_llc(d);
        break;
    }
}
