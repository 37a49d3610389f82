/* SPDX-License-Identifier: Apache-2.0 */
#include "keep/records.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17, PROTO_SCTP = 132, PROTO_UDPLITE = 136 };

bool th_keep_record_next(struct th_cur *c, struct th_keep_record *ret)
{
    if (th_cur_left(c) == 0)
        return false;
    struct th_keep_record r = {.time_ns = (int64_t)th_cur_le64(c)};
    r.len = th_cur_le32(c);
    r.wire_len = th_cur_le32(c);
    r.linktype = th_cur_le16(c);
    if (r.len > TH_KEEP_MAX_FRAME || r.wire_len < r.len)
        th_cur_fail(c);
    struct th_str frame = th_cur_bytes(c, r.len);
    if (c->failed)
        return false;
    r.frame = (const uint8_t *)frame.p;
    *ret = r;
    return true;
}

/* RFC 826 for IPv4; what is none is between nobody. */
static bool read_arp(const struct th_pkt *pkt, struct th_keep_ends *ret)
{
    struct th_cur c = th_cur_init(pkt->l3.p, pkt->l3.len);
    th_cur_skip(&c, 2);
    bool is_ipv4 = th_cur_be16(&c) == 0x0800 && th_cur_be16(&c) == 0x0604;
    th_cur_skip(&c, 2 + 6);
    struct th_str sender = th_cur_bytes(&c, 4);
    th_cur_skip(&c, 6);
    struct th_str target = th_cur_bytes(&c, 4);
    if (!is_ipv4 || c.failed)
        return false;
    *ret = (struct th_keep_ends){.src = th_addr_v4((const uint8_t *)sender.p),
        .dst = th_addr_v4((const uint8_t *)target.p),
        .is_arp = true};
    return true;
}

unsigned th_keep_ends_of(const struct th_pkt *pkt, struct th_keep_ends *ret)
{
    if (pkt->kind == TH_PKT_ARP)
        return read_arp(pkt, ret);
    if (pkt->kind != TH_PKT_IP)
        return 0;
    bool ports = pkt->proto == PROTO_TCP || pkt->proto == PROTO_UDP || pkt->proto == PROTO_SCTP ||
        pkt->proto == PROTO_UDPLITE;
    *ret = (struct th_keep_ends){.src = pkt->src,
        .dst = pkt->dst,
        .src_port = ports ? pkt->src_port : 0, /* ICMP has its type there */
        .dst_port = ports ? pkt->dst_port : 0,
        .proto = pkt->proto,
        .no_ports = ports && pkt->fragment};
    return 1;
}

unsigned th_keep_record_ends(
    const struct th_keep_record *r, struct th_keep_ends ret[TH_KEEP_MAX_ENDS])
{
    struct th_pkt pkts[2];
    struct th_tunnel tunnel;
    if (th_decode(r->linktype, r->time_ns, r->frame, r->len, r->wire_len, &pkts[0]) < 0)
        return 0;
    unsigned n = th_keep_ends_of(&pkts[0], &ret[0]);
    for (unsigned depth = 0; n == depth + 1 && depth < TH_TUNNELS_MAX_DEPTH; depth++) {
        const struct th_pkt *outer = &pkts[depth % 2];
        if (!th_pkt_is_tunnel(outer) || !th_decap_inside(outer, &pkts[(depth + 1) % 2], &tunnel))
            break;
        n += th_keep_ends_of(&pkts[(depth + 1) % 2], &ret[n]);
    }
    return n;
}
