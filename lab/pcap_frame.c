/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and checksums: Ethernet, ARP (RFC 826), IPv4, IPv6, UDP, TCP. */
#include "base/mem.h"
#include "out_pcap.h"

/* Sum of 16-bit words (RFC 1071). */
static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        s += (uint32_t)(p[i] << 8 | p[i + 1]);
    return n & 1 ? s + (uint32_t)(p[n - 1] << 8) : s;
}

static uint16_t fold(uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)~s;
}

static void set16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void ethernet(
    struct th_buf *out, const struct th_mac *dst, const struct th_mac *src, uint16_t type)
{
    th_buf_put(out, dst->b, 6);
    th_buf_put(out, src->b, 6);
    th_buf_be16(out, type);
}

void lab_frame_arp(const struct th_ev_arp *e, struct th_buf *out)
{
    ethernet(out, &e->dst_mac, &e->src_mac, 0x0806);
    th_buf_put(out, "\0\1\x08\0\6\4\0", 7);
    th_buf_u8(out, th_str_is(e->operation, "reply") ? 2 : 1);
    th_buf_put(out, e->orig_hw.b, 6);
    th_buf_put(out, e->orig_h.b + 12, 4);
    th_buf_put(out, e->resp_hw.b, 6);
    th_buf_put(out, e->resp_h.b + 12, 4);
    while (out->len < 60)
        th_buf_u8(out, 0);
}

static void tcp_options(struct th_buf *out, const struct lab_packet *k)
{
    uint32_t value = (uint32_t)(k->since_ns / TH_NS_PER_MS);
    if (k->flags & LAB_SYN)
        th_buf_put(out, "\2\4\5\xb4\4\2\x08\x0a", 8);
    else
        th_buf_put(out, "\1\1\x08\x0a", 4);
    th_buf_be32(out, value + 1000);
    th_buf_be32(out, k->flags & LAB_ACK ? value + 900 : 0);
    if (k->flags & LAB_SYN)
        th_buf_put(out, "\1\3\3\7", 4);
}

static void tcp(const struct lab_flow *f, const struct lab_packet *k, struct th_buf *out)
{
    uint16_t ports[2] = {f->sport, f->dport};
    bool bare = (k->flags & LAB_RST) && f->state == LAB_REJ;
    uint8_t words = bare ? 5 : k->flags & LAB_SYN ? 10 : 8;
    th_buf_be16(out, ports[k->dir]);
    th_buf_be16(out, ports[!k->dir]);
    th_buf_be32(out, k->seq);
    th_buf_be32(out, k->flags & LAB_ACK ? k->ack : 0);
    th_buf_u8(out, (uint8_t)(words << 4));
    th_buf_u8(out, k->flags);
    th_buf_be16(out, k->flags & LAB_RST ? 0 : 502);
    th_buf_be32(out, 0);
    if (!bare)
        tcp_options(out, k);
}

/* Echo request and reply (RFC 792). */
static void icmp(const struct lab_flow *f, const struct lab_packet *k, struct th_buf *out)
{
    th_buf_u8(out, k->dir ? 0 : 8);
    th_buf_u8(out, 0);
    th_buf_be16(out, 0);
    th_buf_be16(out, (uint16_t)f->id);
    th_buf_be16(out, k->ip_id);
}

static void udp(const struct lab_flow *f, const struct lab_packet *k, struct th_buf *out)
{
    uint16_t ports[2] = {f->sport, f->dport};
    th_buf_be16(out, ports[k->dir]);
    th_buf_be16(out, ports[!k->dir]);
    th_buf_be16(out, (uint16_t)(k->payload_len + 8));
    th_buf_be16(out, 0);
}

static void ip_header(
    const struct lab_flow *f, const struct lab_packet *k, uint32_t len, struct th_buf *out)
{
    const struct th_addr *a = k->dir ? &f->dst : &f->src, *b = k->dir ? &f->src : &f->dst;
    bool inside = k->dir ? f->local_dst : f->local_src;
    uint8_t ttl = inside ? 64 : 52;
    if (!th_addr_is_v4(&f->src)) {
        th_buf_put(out, "\x60\0\0\0", 4);
        th_buf_be16(out, (uint16_t)len);
        th_buf_u8(out, f->proto);
        th_buf_u8(out, ttl);
        th_buf_put(out, a->b, 16);
        th_buf_put(out, b->b, 16);
        return;
    }
    size_t at = out->len;
    th_buf_put(out, "\x45\0", 2);
    th_buf_be16(out, (uint16_t)(len + 20));
    th_buf_be16(out, k->ip_id);
    th_buf_put(out, "\x40\0", 2);
    th_buf_u8(out, ttl);
    th_buf_u8(out, f->proto);
    th_buf_be16(out, 0);
    th_buf_put(out, a->b + 12, 4);
    th_buf_put(out, b->b + 12, 4);
    set16(out->p + at + 10, fold(sum(0, out->p + at, 20)));
}

uint32_t lab_frame(const struct lab_flow *f, const struct lab_packet *k, struct th_buf *out)
{
    bool v4 = th_addr_is_v4(&f->src);
    TH_AUTOBUF struct th_buf l4 = TH_BUF_INIT;
    if (f->proto == LAB_TCP)
        tcp(f, k, &l4);
    else if (f->proto == LAB_UDP)
        udp(f, k, &l4);
    else
        icmp(f, k, &l4);
    uint32_t len = (uint32_t)l4.len + k->payload_len;
    ethernet(out, k->dir ? &f->src_mac : &f->dst_mac, k->dir ? &f->dst_mac : &f->src_mac,
        v4 ? 0x0800 : 0x86dd);
    ip_header(f, k, len, out);
    uint32_t s = f->proto == LAB_ICMP ? 0 : f->proto + len;
    const struct th_addr *ends[2] = {&f->src, &f->dst};
    for (int i = 0; i < 2 && f->proto != LAB_ICMP; i++)
        s = sum(s, v4 ? ends[i]->b + 12 : ends[i]->b, v4 ? 4 : 16);
    s = sum(s, l4.p, l4.len);
    s = sum(s, (const uint8_t *)k->payload.p, k->payload.len);
    uint16_t check = fold(s);
    if (f->proto == LAB_UDP && check == 0)
        check = 0xffff;
    set16(l4.p + (f->proto == LAB_TCP ? 16 : f->proto == LAB_UDP ? 6 : 2), check);
    th_buf_str(out, th_buf_view(&l4));
    th_buf_str(out, k->payload);
    return (v4 ? 34u : 54u) + len;
}
