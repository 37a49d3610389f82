/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets count from where the kernel stands when it asks: at the network header of the outermost
 * packet when it came in, at its link header when it goes out. X is the offset of the header that
 * is looked at; what cannot be loaded (a packet cut short) makes the program's answer 0. Jumps lead
 * forward only: a place to go to is patched when it is reached.
 */
#include "ring_fan.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>

#include "base/mem.h"

enum {
    IPV4_FRAGMENT = 6,
    IPV4_PROTO = 9,
    IPV4_SRC = 12,
    IPV4_DST = 16,
    IPV6_NEXT = 6,
    IPV6_LEN = 40,
    IPV6_SRC_END = 20, /* the last word of the address: interface ids differ there */
    IPV6_DST_END = 36,
    UDP_DST = 2,
    UDP_LEN = 8,
    VXLAN_LEN = 8,
    VXLAN_VNI = 0x08,
    GENEVE_LEN = 8,
    GRE_LEN = 4,
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_OTHER = 0x4007, /* routing of old, and other versions */
    ETHER_ERSPAN3 = 0x22eb,
    ERSPAN2_LEN = 8,
    ERSPAN3_LEN = 12,
    ERSPAN3_FLAGS = 10,
    ERSPAN3_MORE = 1, /* a platform's own header of eight bytes */
    ERSPAN3_TYPE = 0x7c00,
    ERSPAN3_IP = 0x0800,
    GTPU_LEN = 8,
    GTPU_VERSION_AND_TYPE = 0xf0ff,
    GTPU_DATA = 0x30ff,
    GTPU_OPTIONS = 0x0700,
    GTPU_OPTIONS_LEN = 4,
    GTPU_MAX_EXTENSIONS = 3,
    ETHER_TYPE = 12,
    ETHER_LEN = 14,
    PORT_DHCP_SERVER = 67,
    PORT_DHCP_CLIENT = 68,
    PORT_DHCP6_CLIENT = 546,
    PORT_DHCP6_SERVER = 547,
    PORT_GTPU = 2152,
    PORT_GRE = 4754,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    MAX_WAITING = 16
};

/* The program's memory. */
enum { CELL_SRC, CELL_IP, CELL_TYPE, CELL_FLAGS };

/* ---- instructions ---- */

/* Long jumps to one place that is not known yet. */
struct place {
    unsigned short from[MAX_WAITING];
    unsigned count;
};

static void go(struct th_ring_program *f, struct place *to)
{
    TH_ASSERT(to->count < MAX_WAITING);
    to->from[to->count++] = f->count;
    th_ring_step(f, BPF_JMP | BPF_JA, 0, 0, 0);
}

/* The place is here. */
static void here(struct th_ring_program *f, const struct place *p)
{
    for (unsigned i = 0; i < p->count; i++)
        f->v[p->from[i]].k = f->count - p->from[i] - 1u;
}

static void go_if(struct th_ring_program *f, uint32_t value, struct place *to)
{
    th_ring_step(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    go(f, to);
}

static void go_unless(struct th_ring_program *f, uint32_t value, struct place *to)
{
    th_ring_step(f, BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    go(f, to);
}

static void go_if_any(struct th_ring_program *f, uint32_t bits, struct place *to)
{
    th_ring_step(f, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    go(f, to);
}

static void go_unless_any(struct th_ring_program *f, uint32_t bits, struct place *to)
{
    th_ring_step(f, BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
    go(f, to);
}

/* Loads what stands `offset` behind X. */
static void load(struct th_ring_program *f, uint16_t size, uint32_t offset)
{
    th_ring_step(f, (uint16_t)(BPF_LD | BPF_IND | size), offset, 0, 0);
}

static void set(struct th_ring_program *f, uint32_t value)
{
    th_ring_step(f, BPF_LD | BPF_IMM, value, 0, 0);
}

static void keep(struct th_ring_program *f, uint32_t cell)
{
    th_ring_step(f, BPF_ST, cell, 0, 0);
}

static void recall(struct th_ring_program *f, uint32_t cell)
{
    th_ring_step(f, BPF_LD | BPF_MEM, cell, 0, 0);
}

/* A = A operator k */
static void alu(struct th_ring_program *f, unsigned operator, uint32_t k)
{
    th_ring_step(f, (uint16_t)(BPF_ALU | BPF_K | operator), k, 0, 0);
}

/* X += A */
static void move_by_a(struct th_ring_program *f)
{
    th_ring_step(f, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    th_ring_step(f, BPF_MISC | BPF_TAX, 0, 0, 0);
}

static void move_by(struct th_ring_program *f, uint32_t bytes)
{
    set(f, bytes);
    move_by_a(f);
}

/* X += bytes, when any of these bits is among the flags that were kept. */
static void move_if_any(struct th_ring_program *f, uint32_t bits, uint32_t bytes)
{
    struct place none = {0};
    recall(f, CELL_FLAGS);
    go_unless_any(f, bits, &none);
    move_by(f, bytes);
    here(f, &none);
}

static void answer(struct th_ring_program *f, uint32_t value)
{
    th_ring_step(f, BPF_RET | BPF_K, value, 0, 0);
}

/* ---- the pair ---- */

/* Ends with both words mixed: addresses of one net differ in few bits. */
static void answer_with(struct th_ring_program *f, uint32_t src, uint32_t dst)
{
    load(f, BPF_W, src);
    keep(f, CELL_SRC);
    load(f, BPF_W, dst);
    th_ring_step(f, BPF_LDX | BPF_MEM, CELL_SRC, 0, 0);
    th_ring_step(f, BPF_ALU | BPF_XOR | BPF_X, 0, 0, 0);
    alu(f, BPF_MUL, 0x9e3779b1);
    alu(f, BPF_RSH, 16);
    th_ring_step(f, BPF_RET | BPF_A, 0, 0, 0);
}

/* Of the packet whose header CELL_IP has. */
static void answer_with_pair(struct th_ring_program *f)
{
    struct place v6 = {0};
    th_ring_step(f, BPF_LDX | BPF_MEM, CELL_IP, 0, 0);
    load(f, BPF_B, 0);
    alu(f, BPF_RSH, 4);
    go_if(f, 6, &v6);
    answer_with(f, IPV4_SRC, IPV4_DST);
    here(f, &v6);
    answer_with(f, IPV6_SRC_END, IPV6_DST_END);
}

/* ---- tunnels ---- */

/* Where it goes on from a tunnel's header. */
struct ways {
    struct place gre;     /* X at a header of GRE */
    struct place frame;   /* X at an Ethernet frame */
    struct place ip;      /* X at IP of either version */
    struct place *inside; /* X at the next packet, its ethertype in A */
    struct place *plain;  /* it is no tunnel */
};

/* By the ethertype in A, with X at what it names. */
static void enter_type(struct th_ring_program *f, struct ways *w)
{
    go_if(f, ETH_P_IP, w->inside);
    go_if(f, ETH_P_IPV6, w->inside);
    go_if(f, ETH_P_TEB, &w->frame);
    go(f, w->plain);
}

static void enter_vxlan(struct th_ring_program *f, struct ways *w)
{
    load(f, BPF_B, UDP_LEN);
    go_unless_any(f, VXLAN_VNI, w->plain);
    move_by(f, UDP_LEN + VXLAN_LEN);
    go(f, &w->frame);
}

static void enter_geneve(struct th_ring_program *f, struct ways *w)
{
    load(f, BPF_H, UDP_LEN + 2); /* what is inside */
    keep(f, CELL_TYPE);
    load(f, BPF_B, UDP_LEN);
    alu(f, BPF_AND, 0x3f); /* words of options */
    alu(f, BPF_LSH, 2);
    alu(f, BPF_ADD, UDP_LEN + GENEVE_LEN);
    move_by_a(f);
    recall(f, CELL_TYPE);
    enter_type(f, w);
}

/* The last byte of the optional part, and of each extension, names the one that follows, whose
 * first byte is its length in words: X stays three bytes before it. */
static void enter_gtpu(struct th_ring_program *f, struct ways *w)
{
    struct place last = {0};
    load(f, BPF_H, UDP_LEN);
    keep(f, CELL_FLAGS);
    alu(f, BPF_AND, GTPU_VERSION_AND_TYPE);
    go_unless(f, GTPU_DATA, w->plain);
    move_by(f, UDP_LEN + GTPU_LEN);
    recall(f, CELL_FLAGS);
    go_unless_any(f, GTPU_OPTIONS, &w->ip);
    for (unsigned i = 0; i < GTPU_MAX_EXTENSIONS; i++) {
        load(f, BPF_B, GTPU_OPTIONS_LEN - 1);
        go_if(f, 0, &last);
        load(f, BPF_B, GTPU_OPTIONS_LEN);
        go_if(f, 0, w->plain);
        alu(f, BPF_LSH, 2);
        move_by_a(f);
    }
    load(f, BPF_B, GTPU_OPTIONS_LEN - 1);
    go_unless(f, 0, w->plain);
    here(f, &last);
    move_by(f, GTPU_OPTIONS_LEN);
    go(f, &w->ip);
}

static void enter_udp(struct th_ring_program *f, struct ways *w)
{
    static const uint16_t dhcp[] = {
        PORT_DHCP_SERVER, PORT_DHCP_CLIENT, PORT_DHCP6_CLIENT, PORT_DHCP6_SERVER};
    struct place dhcp_found = {0}, gre = {0}, vxlan = {0}, geneve = {0}, gtpu = {0};
    load(f, BPF_H, UDP_DST);
    for (size_t i = 0; i < TH_ARRAY_LEN(dhcp); i++)
        go_if(f, dhcp[i], &dhcp_found);
    go_if(f, PORT_GRE, &gre);
    go_if(f, PORT_VXLAN, &vxlan);
    go_if(f, PORT_GENEVE, &geneve);
    go_if(f, PORT_GTPU, &gtpu);
    go(f, w->plain);
    here(f, &dhcp_found);
    answer(f, 0);
    here(f, &gre);
    move_by(f, UDP_LEN);
    go(f, &w->gre);
    here(f, &vxlan);
    enter_vxlan(f, w);
    here(f, &geneve);
    enter_geneve(f, w);
    here(f, &gtpu);
    enter_gtpu(f, w);
}

static void enter_gre(struct th_ring_program *f, struct ways *w)
{
    struct place erspan2 = {0}, erspan3 = {0};
    load(f, BPF_H, 2);
    keep(f, CELL_TYPE);
    load(f, BPF_H, 0);
    keep(f, CELL_FLAGS);
    go_if_any(f, GRE_OTHER, w->plain);
    move_by(f, GRE_LEN);
    move_if_any(f, GRE_CHECKSUM, 4);
    move_if_any(f, GRE_KEY, 4);
    move_if_any(f, GRE_SEQUENCE, 4);
    recall(f, CELL_TYPE);
    go_if(f, ETH_P_ERSPAN, &erspan2);
    go_if(f, ETHER_ERSPAN3, &erspan3);
    enter_type(f, w);
    here(f, &erspan2); /* type I has neither a number nor a header */
    move_if_any(f, GRE_SEQUENCE, ERSPAN2_LEN);
    go(f, &w->frame);
    here(f, &erspan3);
    load(f, BPF_H, ERSPAN3_FLAGS);
    keep(f, CELL_FLAGS);
    move_by(f, ERSPAN3_LEN);
    move_if_any(f, ERSPAN3_MORE, 8);
    recall(f, CELL_FLAGS);
    alu(f, BPF_AND, ERSPAN3_TYPE);
    go_if(f, ERSPAN3_IP, &w->ip);
    go(f, &w->frame);
}

static void enter_ip(struct th_ring_program *f, struct ways *w)
{
    struct place v6 = {0};
    load(f, BPF_B, 0);
    alu(f, BPF_RSH, 4);
    go_if(f, 6, &v6);
    go_unless(f, 4, w->plain);
    set(f, ETH_P_IP);
    go(f, w->inside);
    here(f, &v6);
    set(f, ETH_P_IPV6);
    go(f, w->inside);
}

static void enter_frame(struct th_ring_program *f, struct ways *w)
{
    load(f, BPF_H, ETHER_TYPE);
    keep(f, CELL_TYPE);
    move_by(f, ETHER_LEN);
    recall(f, CELL_TYPE);
    go(f, w->inside);
}

/* With IP's protocol in A and X behind its header: goes to one of the two in any case. */
static void enter_tunnel(struct th_ring_program *f, struct place *inside, struct place *plain)
{
    struct place udp = {0};
    struct ways w = {.inside = inside, .plain = plain};
    go_if(f, IPPROTO_UDP, &udp);
    go_if(f, IPPROTO_GRE, &w.gre);
    go_if(f, IPPROTO_IPIP, &w.ip);
    go_if(f, IPPROTO_IPV6, &w.ip);
    go(f, plain);
    here(f, &udp);
    enter_udp(f, &w);
    here(f, &w.gre);
    enter_gre(f, &w);
    here(f, &w.ip);
    enter_ip(f, &w);
    here(f, &w.frame);
    enter_frame(f, &w);
}

/* ---- packets ---- */

/* With an ethertype in A and X behind it: past a VLAN tag, if it is one. Of what comes in the
 * kernel took the outermost off. */
static void skip_tag(struct th_ring_program *f)
{
    struct place tag = {0}, none = {0};
    go_if(f, ETH_P_8021AD, &tag);
    go_unless(f, ETH_P_8021Q, &none);
    here(f, &tag);
    load(f, BPF_H, 2);
    keep(f, CELL_TYPE);
    move_by(f, 4);
    recall(f, CELL_TYPE);
    here(f, &none);
}

/* With X at an IP header, or at tags before it, and the ethertype in A: goes to `inside` with the
 * same of the next packet when there is one (NULL: it is not looked for). */
static void one_packet(struct th_ring_program *f, struct place *inside)
{
    struct place v4 = {0}, v6 = {0}, behind = {0}, plain = {0};
    skip_tag(f);
    skip_tag(f);
    th_ring_step(f, BPF_STX, CELL_IP, 0, 0);
    go_if(f, ETH_P_IPV6, &v6);
    go_if(f, ETH_P_IP, &v4);
    answer(f, 0);
    here(f, &v4);
    if (inside) {
        load(f, BPF_H, IPV4_FRAGMENT);
        go_if_any(f, 0x3fff, &plain);
        load(f, BPF_B, IPV4_PROTO);
        keep(f, CELL_TYPE);
        load(f, BPF_B, 0);
        alu(f, BPF_AND, 0x0f);
        alu(f, BPF_LSH, 2);
        move_by_a(f);
        go(f, &behind);
    }
    here(f, &v6);
    if (inside) {
        load(f, BPF_B, IPV6_NEXT);
        keep(f, CELL_TYPE);
        move_by(f, IPV6_LEN);
        here(f, &behind);
        recall(f, CELL_TYPE);
        enter_tunnel(f, inside, &plain);
    }
    here(f, &plain);
    answer_with_pair(f);
}

void th_ring_fan(struct th_ring_program *p, uint32_t link_bytes)
{
    struct place came_in = {0}, second = {0}, third = {0};
    p->count = 0;
    th_ring_step(p, BPF_LDX | BPF_IMM, 0, 0, 0);
    th_ring_step(p, BPF_LD | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE), 0, 0);
    go_unless(p, PACKET_OUTGOING, &came_in);
    th_ring_step(p, BPF_LDX | BPF_IMM, link_bytes, 0, 0);
    here(p, &came_in);
    th_ring_step(p, BPF_LD | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), 0, 0);
    one_packet(p, &second);
    here(p, &second);
    one_packet(p, &third);
    here(p, &third);
    one_packet(p, NULL);
}
