/* SPDX-License-Identifier: Apache-2.0 */
/* Link types other than Ethernet; numbers and layouts from the tcpdump group's LINKTYPE list. */
#include "decode_priv.h"

enum {
    SLL_P_802_3 = 1, /* raw 802.3 without LLC: Novell, not read */
    SLL_P_802_2 = 4,
    ARPHRD_ETHER = 1,
    NFLOG_HWADDR = 8,
    NFLOG_PAYLOAD = 9
};

static bool is_bsd_inet6(uint32_t family)
{
    /* NetBSD/OpenBSD, FreeBSD, macOS, Linux, Windows. */
    return family == 24 || family == 28 || family == 30 || family == 10 || family == 23;
}

/* Four bytes of address family, in the byte order of whoever captured (LOOP: network order). */
static void decode_loopback(struct th_decode *d)
{
    uint32_t family = th_cur_be32(&d->c);
    if (d->c.failed) {
        th_decode_bad(d, "truncated_link_header");
        return;
    }
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    if (family == 2)
        th_decode_ipv4(d);
    else if (is_bsd_inet6(family))
        th_decode_ipv6(d);
}

static void cooked_proto(struct th_decode *d, uint16_t proto)
{
    if (d->c.failed)
        th_decode_bad(d, "truncated_link_header");
    else if (proto == SLL_P_802_2)
        th_decode_llc(d);
    else if (proto != SLL_P_802_3)
        th_decode_ethertype(d, proto);
}

static void cooked_mac(struct th_decode *d, uint16_t hardware, size_t len, struct th_str addr)
{
    if (hardware != ARPHRD_ETHER || len != 6 || addr.len < 6)
        return;
    memcpy(d->p->src_mac.b, addr.p, 6);
    d->p->has_mac = true;
}

static void decode_sll(struct th_decode *d)
{
    th_cur_skip(&d->c, 2);
    uint16_t hardware = th_cur_be16(&d->c);
    uint16_t addr_len = th_cur_be16(&d->c);
    struct th_str addr = th_cur_bytes(&d->c, 8);
    cooked_mac(d, hardware, addr_len, addr);
    cooked_proto(d, th_cur_be16(&d->c));
}

static void decode_sll2(struct th_decode *d)
{
    uint16_t proto = th_cur_be16(&d->c);
    th_cur_skip(&d->c, 2 + 4);
    uint16_t hardware = th_cur_be16(&d->c);
    th_cur_skip(&d->c, 1);
    uint8_t addr_len = th_cur_u8(&d->c);
    struct th_str addr = th_cur_bytes(&d->c, 8);
    cooked_mac(d, hardware, addr_len, addr);
    cooked_proto(d, proto);
}

/* Cisco HDLC: address, control, ethertype. */
static void decode_chdlc(struct th_decode *d)
{
    th_cur_skip(&d->c, 2);
    uint16_t type = th_cur_be16(&d->c);
    if (d->c.failed)
        th_decode_bad(d, "truncated_link_header");
    else
        th_decode_ethertype(d, type);
}

/* RFC 1662 framing, or Cisco's header in its place (its address is 0x0f or 0x8f). */
static void decode_ppp_hdlc(struct th_decode *d)
{
    uint8_t address = th_cur_peek(&d->c, 0);
    if (address == 0x0f || address == 0x8f)
        decode_chdlc(d);
    else
        th_decode_ppp(d, true);
}

/* Q.922 address of 2 to 4 bytes, then RFC 2427's control and NLPID, or Cisco's ethertype. */
static void decode_frelay(struct th_decode *d)
{
    unsigned n = 0;
    while (n < 4 && !(th_cur_u8(&d->c) & 1) && !d->c.failed)
        n++;
    if (th_cur_peek(&d->c, 0) != 0x03) {
        uint16_t type = th_cur_be16(&d->c);
        if (!d->c.failed)
            th_decode_ethertype(d, type);
        return;
    }
    th_cur_skip(&d->c, 1);
    if (th_cur_peek(&d->c, 0) == 0)
        th_cur_skip(&d->c, 1); /* padding before the NLPID */
    switch (th_cur_u8(&d->c)) {
    case 0xcc: th_decode_ipv4(d); break;
    case 0x8e: th_decode_ipv6(d); break;
    case 0x80: /* SNAP */
        th_cur_skip(&d->c, 3);
        uint16_t type = th_cur_be16(&d->c);
        if (!d->c.failed)
            th_decode_ethertype(d, type);
        break;
    default: break;
    }
}

/* Linux netfilter log: family, version and id, then attributes in the byte order of the capturing
 * host (the little-endian ones are read), of which one is the packet. */
static void decode_nflog(struct th_decode *d)
{
    uint8_t family = th_cur_u8(&d->c);
    th_cur_skip(&d->c, 3);
    while (th_cur_left(&d->c) >= 4) {
        uint16_t len = th_cur_le16(&d->c);
        uint16_t type = th_cur_le16(&d->c) & 0x7fff;
        if (len < 4)
            break;
        if (type == NFLOG_PAYLOAD) {
            if (len - 4u < th_cur_left(&d->c))
                d->c.end = d->c.p + (len - 4u);
            if (family == 10)
                th_decode_ipv6(d);
            else if (family == 2)
                th_decode_ipv4(d);
            return;
        }
        struct th_cur value = th_cur_sub(&d->c, len - 4u);
        if (type == NFLOG_HWADDR) {
            uint16_t addr_len = th_cur_be16(&value);
            th_cur_skip(&value, 2);
            cooked_mac(d, ARPHRD_ETHER, addr_len, th_cur_bytes(&value, 8));
        }
        th_cur_skip(&d->c, (4u - len % 4u) % 4u);
    }
    th_decode_bad(d, "truncated_link_header");
}

/* Per-packet information of CACE: a header of stated length, then another link type. */
static void decode_ppi(struct th_decode *d)
{
    struct th_cur head = d->c;
    th_cur_skip(&head, 2);
    uint16_t len = th_cur_le16(&head);
    uint32_t inner = th_cur_le32(&head);
    th_cur_skip(&d->c, len);
    if (head.failed || d->c.failed || len < 8) {
        th_decode_bad(d, "truncated_link_header");
        return;
    }
    if (inner == TH_LINK_ETHERNET)
        th_decode_ethernet(d);
    else if (inner != TH_LINK_PPI)
        (void)th_decode_link(d, inner); /* an inner type that is not known stays TH_PKT_OTHER */
}

bool th_linktype_supported(uint32_t linktype)
{
    struct th_pkt p = {0};
    struct th_decode d = {.p = &p, .c = th_cur_init(NULL, 0)};
    return linktype == TH_LINK_ETHERNET || th_decode_link(&d, linktype);
}

bool th_decode_link(struct th_decode *d, uint32_t linktype)
{
    if (!th_decode_enter(d))
        return true;
    switch (linktype) {
    case TH_LINK_NULL:
    case TH_LINK_LOOP: decode_loopback(d); return true;
    case TH_LINK_PPP: th_decode_ppp(d, true); return true;
    case TH_LINK_PPP_HDLC: decode_ppp_hdlc(d); return true;
    case TH_LINK_PPP_ETHER: th_decode_pppoe(d); return true;
    case TH_LINK_RAW_BSD:
    case TH_LINK_RAW_OPENBSD:
    case TH_LINK_RAW: th_decode_ip(d); return true;
    case TH_LINK_IPV4: th_decode_ipv4(d); return true;
    case TH_LINK_IPV6: th_decode_ipv6(d); return true;
    case TH_LINK_C_HDLC: decode_chdlc(d); return true;
    case TH_LINK_IEEE802_11: th_decode_80211(d); return true;
    case TH_LINK_FRELAY: decode_frelay(d); return true;
    case TH_LINK_SLL: decode_sll(d); return true;
    case TH_LINK_SLL2: decode_sll2(d); return true;
    case TH_LINK_PRISM: th_decode_prism(d); return true;
    case TH_LINK_RADIOTAP: th_decode_radiotap(d); return true;
    case TH_LINK_NFLOG: decode_nflog(d); return true;
    case TH_LINK_PPI: decode_ppi(d); return true;
    default: return false;
    }
}
