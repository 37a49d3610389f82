/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders call each other down the layers through one context. A decoder consumes its
 * header from the cursor and hands on by link type, ethertype or IP protocol; when a
 * tunnel is to be stripped, the IP decoder re-enters here with what is inside.
 */
#ifndef TH_PACKET_DECODE_PRIV_H
#define TH_PACKET_DECODE_PRIV_H

#include "base/err.h"
#include "base/mem.h"
#include "packet/decode.h"

/* Headers of all layers together; a frame that has more is not read further. */
#define TH_DECODE_MAX_LAYERS 24u

enum th_linktype {
    TH_LINK_NULL = 0,
    TH_LINK_ETHERNET = 1,
    TH_LINK_PPP = 9,
    TH_LINK_RAW_BSD = 12,
    TH_LINK_RAW_OPENBSD = 14,
    TH_LINK_PPP_HDLC = 50,
    TH_LINK_PPP_ETHER = 51,
    TH_LINK_RAW = 101,
    TH_LINK_C_HDLC = 104,
    TH_LINK_IEEE802_11 = 105,
    TH_LINK_FRELAY = 107,
    TH_LINK_LOOP = 108,
    TH_LINK_SLL = 113,
    TH_LINK_PRISM = 119,
    TH_LINK_RADIOTAP = 127,
    TH_LINK_PPI = 192,
    TH_LINK_IPV4 = 228,
    TH_LINK_IPV6 = 229,
    TH_LINK_NFLOG = 239,
    TH_LINK_SLL2 = 276
};

enum th_ethertype {
    TH_ETHER_MIN = 0x0600, /* below: a length (IEEE 802.3) */
    TH_ETHER_IPV4 = 0x0800,
    TH_ETHER_ARP = 0x0806,
    TH_ETHER_VLAN = 0x8100,
    TH_ETHER_BRIDGING = 0x6558, /* an Ethernet frame */
    TH_ETHER_IPV6 = 0x86dd,
    TH_ETHER_PPP = 0x880b,
    TH_ETHER_MPLS = 0x8847,
    TH_ETHER_MPLS_MULTICAST = 0x8848,
    TH_ETHER_PPPOE_SESSION = 0x8864,
    TH_ETHER_QINQ = 0x88a8,
    TH_ETHER_NSH = 0x894f,
    TH_ETHER_QINQ_OLD = 0x9100,
    TH_ETHER_QINQ_OLD2 = 0x9200
};

struct th_decode {
    struct th_pkt *p;
    struct th_cur c; /* from the next header to the end of what was captured */
    unsigned layers;
    bool inside; /* a tunnel, whose mouth may have cut the packet without a word */
};

/* Whether an Ethernet frame of a kind that we read may begin at this offset: for what carries one
 * without saying so. */
static inline bool th_decode_is_frame(const struct th_cur *c, size_t at)
{
    enum { TYPE = 12, BEHIND = 14 };
    if (th_cur_left(c) < at + BEHIND + 1)
        return false;
    uint16_t type = (uint16_t)(th_cur_peek(c, at + TYPE) << 8 | th_cur_peek(c, at + TYPE + 1));
    switch (type) {
    case TH_ETHER_IPV4: return th_cur_peek(c, at + BEHIND) >> 4 == 4;
    case TH_ETHER_IPV6: return th_cur_peek(c, at + BEHIND) >> 4 == 6;
    case TH_ETHER_ARP:
    case TH_ETHER_VLAN:
    case TH_ETHER_QINQ:
    case TH_ETHER_MPLS:
    case TH_ETHER_PPPOE_SESSION: return true;
    default: return false;
    }
}

/* One more header: false, and the packet is bad, when there are too many. */
static inline bool th_decode_enter(struct th_decode *d)
{
    if (__builtin_expect(++d->layers <= TH_DECODE_MAX_LAYERS, 1))
        return true;
    d->p->kind = TH_PKT_BAD;
    d->p->weird = "too_many_layers";
    return false;
}

static inline void th_decode_bad(struct th_decode *d, const char *weird)
{
    d->p->kind = TH_PKT_BAD;
    d->p->weird = weird;
}

/* Begins at a frame of these lengths; p is cleared: in two halves, because one call of this size
 * becomes "rep stos", which costs more than the whole decoding of an Ethernet header. */
static inline struct th_decode th_decode_begin(
    struct th_pkt *p, int64_t time_ns, const uint8_t *frame, uint32_t cap_len, uint32_t wire_len)
{
    const size_t half = sizeof(*p) / 2;
    memset(p, 0, half);
    memset((char *)p + half, 0, sizeof(*p) - half);
    p->time_ns = time_ns;
    p->cap_len = cap_len;
    p->wire_len = wire_len < cap_len ? cap_len : wire_len;
    p->kind = TH_PKT_OTHER;
    return (struct th_decode){.p = p, .c = th_cur_init(frame, cap_len)};
}

/* link.c: false when the link type is not known. */
bool th_decode_link(struct th_decode *d, uint32_t linktype);
/* ether.c */
void th_decode_ethernet(struct th_decode *d);
void th_decode_ethertype(struct th_decode *d, uint16_t type);
void th_decode_llc(struct th_decode *d);
void th_decode_ppp(struct th_decode *d, bool framed);
void th_decode_pppoe(struct th_decode *d);
/* wlan.c */
void th_decode_80211(struct th_decode *d);
void th_decode_radiotap(struct th_decode *d);
void th_decode_prism(struct th_decode *d);
/* ip.c */
void th_decode_ip(struct th_decode *d); /* version by its first nibble */
void th_decode_ipv4(struct th_decode *d);
void th_decode_ipv6(struct th_decode *d);

#endif
