/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels of access networks: CAPWAP (RFC 5415), from radios to their controller; TZSP, by which
 * routers and radios mirror; L2TP (RFC 2661, RFC 3931).
 */
#include "tunnel_priv.h"

enum {
    CAPWAP_NATIVE = 0x100,
    CAPWAP_FRAGMENT = 0x80,
    CAPWAP_KEEPALIVE = 0x08,
    CAPWAP_80211 = 1,
    TZSP_MAX_TAGS = 64,
    TZSP_PAD = 0,
    TZSP_END = 1,
    TZSP_ETHERNET = 1,
    TZSP_80211 = 18,
    L2TP_CONTROL = 0x8000,
    L2TP_LENGTH = 0x4000,
    L2TP_SEQUENCE = 0x0800,
    L2TP_OFFSET = 0x0200
};

/* RFC 5415 4.3: preamble, length in words, radio, binding, flags. The frame is the radio's own, or
 * Ethernet. One in DTLS, or in fragments, is left alone. */
uint32_t th_tunnel_capwap(struct th_cur *c, struct th_tunnel *t)
{
    uint32_t first = th_cur_be32(c);
    unsigned words = first >> 19 & 0x1f, binding = first >> 9 & 0x1f;
    if (first >> 24 || words < 2 || first & (CAPWAP_FRAGMENT | CAPWAP_KEEPALIVE))
        return 0;
    t->kind = TH_TUNNEL_CAPWAP;
    t->id = first >> 14 & 0x1f;
    th_cur_skip(c, words * 4u - 4);
    if (!(first & CAPWAP_NATIVE))
        return TH_ETHER_BRIDGING;
    return binding == CAPWAP_80211 ? TH_INSIDE_WLAN : 0;
}

/* Version, type (0: received, 1: to be sent), protocol; then tags up to an end. */
uint32_t th_tunnel_tzsp(struct th_cur *c, struct th_tunnel *t)
{
    unsigned version = th_cur_u8(c), type = th_cur_u8(c), proto = th_cur_be16(c);
    if (version != 1 || type > 1)
        return 0;
    t->kind = TH_TUNNEL_TZSP;
    for (unsigned i = 0; i < TZSP_MAX_TAGS && !c->failed; i++) {
        unsigned tag = th_cur_u8(c);
        if (tag == TZSP_END)
            return proto == TZSP_ETHERNET ? TH_ETHER_BRIDGING
                : proto == TZSP_80211     ? TH_INSIDE_WLAN
                                          : 0;
        if (tag != TZSP_PAD)
            th_cur_skip(c, th_cur_u8(c));
    }
    return 0;
}

/* RFC 3931 4.1: behind the session a cookie of 0, 4 or 8 bytes, and perhaps a word of the service
 * that it carries (4.6), as both ends agreed; an Ethernet frame is looked for at these places. */
static uint32_t version3(struct th_cur *c, struct th_tunnel *t)
{
    t->id = th_cur_be32(c);
    if (t->id == 0) /* a control message */
        return 0;
    for (unsigned skip = 0; skip <= 12; skip += 4) {
        if (!th_decode_is_frame(c, skip))
            continue;
        th_cur_skip(c, skip);
        return TH_ETHER_BRIDGING;
    }
    return 0;
}

/* RFC 2661 3.1; version 3 over UDP: RFC 3931 4.1.2.1. */
uint32_t th_tunnel_l2tp_udp(struct th_cur *c, struct th_tunnel *t)
{
    unsigned flags = th_cur_be16(c), version = flags & 0xf;
    t->kind = TH_TUNNEL_L2TP;
    if (flags & L2TP_CONTROL || (version != 2 && version != 3))
        return 0;
    if (version == 3) {
        th_cur_skip(c, 2);
        return version3(c, t);
    }
    th_cur_skip(c, flags & L2TP_LENGTH ? 2 : 0);
    t->id = th_cur_be32(c); /* tunnel and session */
    th_cur_skip(c, flags & L2TP_SEQUENCE ? 4 : 0);
    if (flags & L2TP_OFFSET)
        th_cur_skip(c, th_cur_be16(c));
    return TH_ETHER_PPP;
}

uint32_t th_tunnel_l2tp_ip(struct th_cur *c, struct th_tunnel *t)
{
    t->kind = TH_TUNNEL_L2TP;
    return version3(c, t);
}
