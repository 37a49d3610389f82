/* SPDX-License-Identifier: Apache-2.0 */
/* Floods of packets: what fills the flow table, the fragments, the holes in streams. */
#include <string.h>

#include "rig.h"

static const uint8_t filler[1400] = "filler";

static struct ends stranger(uint32_t n, uint16_t port)
{
    return (struct ends){0x0b000000 | (mixed(n) & 0xffffff), 0xc6336401,
        (uint16_t)(1024 + (mixed(n ^ 0x55555555) & 0x7fff)), port};
}

static void syn(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = stranger(n, 443);
        rig_tcp(r, &x, n, 0, SYN, NULL, 0);
    }
}

/* A server that answers all of them. */
static void half_open(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = stranger(n, 443);
        const struct ends back = {x.dst, x.src, x.dst_port, x.src_port};
        rig_tcp(r, &x, n, 0, SYN, NULL, 0);
        rig_tcp(r, &back, 7, n + 1, SYN | ACK, NULL, 0);
    }
}

static void udp(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = stranger(n, 9999);
        rig_udp(r, &x, filler, 12);
    }
}

static const char *many_evicted(const struct flood_end *end)
{
    if (end->flow.evicted < end->frames / 4)
        return "so many flows cannot have had room";
    return end->cut < end->flow.evicted ? "records do not tell that their flows were ended early"
                                        : NULL;
}

/* ---- fragments ---- */

static void fragments_first(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {mixed(n), 0xc6336401, 0, 0};
        rig_fragment(r, &x, (uint16_t)n, 0, true, filler, 1400);
    }
}

/* Nobody knows their ports. */
static void fragments_rest(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {mixed(n / 3), 0xc6336401, 0, 0};
        rig_fragment(r, &x, (uint16_t)n, 1400 + n % 3 * 1400, n % 2, filler, 1400);
    }
}

/* The smallest pieces, each with a neighbour that says something else. */
static void fragments_overlap(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends x = {n / 20000, 0xc6336401, 0, 0};
        uint8_t piece[24];
        memset(piece, (int)n, sizeof(piece));
        rig_fragment(r, &x, 7, mixed(n) % 8000 * 8, true, piece, n % 2 ? 8 : sizeof(piece));
    }
}

static const char *fragments_told(const struct flood_end *end)
{
    return end->flow.fragments_dropped || end->flow.flows > 1000 ? NULL : "nothing was dropped";
}

/* ---- holes ---- */

/* Begins in a protocol that goes on being listened to: a question over TCP, a mail server's word.
 */
static void open_dns(struct rig *r, struct stream *s, uint32_t n)
{
    static const char question[] = "\x00\x1b\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01"
                                   "a\x07"
                                   "example\x00\x00\x01\x00\x01";
    stream_open(r, s, n, 53);
    stream_say(r, s, 0, question, sizeof(question) - 1);
}

static void open_mail(struct rig *r, struct stream *s, uint32_t n)
{
    static const char banner[] = "220 mail.example ESMTP\r\n";
    stream_open(r, s, n, 25);
    stream_say(r, s, 1, banner, sizeof(banner) - 1);
}

/* Each third connection has lost a segment for ever. */
static void holes(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        open_dns(r, &s, n);
        s.seq[0] += n % 3 ? 0 : 1400;
        stream_say(r, &s, 0, filler, n % 3 ? 1 : 1360);
    }
}

static const char *all_kept(const struct flood_end *end)
{
    return end->flow.evicted || end->flow.reassembly_given_up || end->cut ? "there was room for all"
                                                                          : NULL;
}

/* Few connections, each with as many holes as it can. */
static void swiss_cheese(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct stream s;
        open_mail(r, &s, n);
        for (unsigned i = 0; i < 600; i++) {
            s.seq[1] += 1;
            stream_say(r, &s, 1, filler, 1400);
        }
    }
}

static const char *holes_told(const struct flood_end *end)
{
    return end->flow.reassembly_given_up < 1000 || !end->cut
        ? "records do not tell of holes given up"
        : NULL;
}

/* Behind a hole the same bytes again, and other ones. */
static void overlaps(struct rig *r, const void *how)
{
    (void)how;
    struct stream s;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        uint8_t other[1400];
        if (n % 500 == 0)
            open_mail(r, &s, n);
        memset(other, (int)mixed(n), sizeof(other));
        const struct ends back = {s.ends.dst, s.ends.src, s.ends.dst_port, s.ends.src_port};
        rig_tcp(r, &back, s.seq[1] + 100 + mixed(n) % 60000, s.seq[0], ACK, other,
            1 + mixed(~n) % 1400);
    }
}

/* ---- tunnels ---- */

/* IP in IP in IP, as deep as a frame allows. */
static void tunnels_deep(struct rig *r, const void *how)
{
    static const uint8_t ether[14] = {2, 0, 0, 0, 0, 0xd, 2, 0, 0, 0, 0, 0xa, 8, 0};
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        struct th_buf *b = &r->frame;
        th_buf_clear(b);
        th_buf_put(b, ether, sizeof(ether));
        for (unsigned left = 70; left-- > 0;) {
            th_buf_be16(b, 0x4500);
            th_buf_be16(b, (uint16_t)(20 * (left + 1)));
            th_buf_be32(b, 0);
            th_buf_be16(b, 64 << 8 | 4);
            th_buf_be16(b, 0);
            th_buf_be32(b, mixed(n + left));
            th_buf_be32(b, n);
        }
        rig_send(r);
    }
}

/* VXLAN, each packet in a network of its own. */
static void tunnels_many(struct rig *r, const void *how)
{
    (void)how;
    for (uint32_t n = 0; rig_goes_on(r); n++) {
        const struct ends outer = {0x0c000000 | (mixed(n) & 0xffff), 0xc6336402, 4000, 4789};
        uint8_t inside[8 + 14 + 28] = {8, 0, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
            (uint8_t)n, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64,
            17, 0, 0, 10, 1, 1, 1, 10, 1, 1, 2, 0x30, 0x39, 0x27, 0x0f, 0, 8, 0, 0};
        rig_udp(r, &outer, inside, sizeof(inside));
    }
}

const struct flood packet_floods[] = {
    {"syn", 128 * MIB, 128 * MIB, 600000, NULL, syn, NULL, many_evicted},
    {"half_open", 256 * MIB, 256 * MIB, 2000000, NULL, half_open, NULL, many_evicted},
    {"udp", 128 * MIB, 128 * MIB, 600000, NULL, udp, NULL, many_evicted},
    {"fragments_first", 128 * MIB, 80 * MIB, 300000, "fragments_given_up", fragments_first, NULL,
        fragments_told},
    {"fragments_rest", 128 * MIB, 64 * MIB, 300000, "fragments_given_up", fragments_rest, NULL,
        fragments_told},
    {"fragments_overlap", 128 * MIB, 64 * MIB, 60000, "fragment_overlap", fragments_overlap, NULL,
        NULL},
    {"holes", 0, 200 * MIB, 150000 * 5, NULL, holes, NULL, all_kept},
    {"holes_capped", 200 * MIB, 200 * MIB, 150000 * 5, NULL, holes, NULL, holes_told},
    {"swiss_cheese", 128 * MIB, 64 * MIB, 200000, NULL, swiss_cheese, NULL, holes_told},
    {"overlaps", 128 * MIB, 64 * MIB, 100000, "rexmit_inconsistency", overlaps, NULL, NULL},
    {"tunnels_deep", 128 * MIB, 64 * MIB, 100000, NULL, tunnels_deep, NULL, NULL},
    {"tunnels_many", 128 * MIB, 128 * MIB, 400000, NULL, tunnels_many, NULL, NULL},
};
const unsigned packet_flood_count = sizeof(packet_floods) / sizeof(packet_floods[0]);
