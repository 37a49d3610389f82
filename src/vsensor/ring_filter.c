/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include "base/mem.h"

static void add(struct th_ring_program *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    TH_ASSERT(f->count < TH_RING_MAX_FILTER);
    f->v[f->count++] = (struct sock_filter){.code = code, .k = k, .jt = yes, .jf = no};
}

static void finish(struct th_ring_program *f, uint32_t value)
{
    add(f, BPF_RET | BPF_K, value, 0, 0);
}

/* ---- what is not wanted ---- */

/* Offset from the network header, whatever the link layer is. */
static uint32_t net(uint32_t offset)
{
    return (uint32_t)SKF_NET_OFF + offset;
}

/* Loads a word and goes on when it is the value; else `skip` instructions further. */
static void want(
    struct th_ring_program *f, uint16_t size, uint32_t at, uint32_t value, uint8_t skip)
{
    add(f, (uint16_t)(BPF_LD | BPF_ABS | size), at, 0, 0);
    add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static uint32_t word_of(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Drops TCP with this address and port at one end. Our own kernel sends no IP options, so the
 * ports stand at a fixed place. */
static void drop_end(struct th_ring_program *f, const struct th_ring_own *own, bool source)
{
    bool v4 = th_addr_is_v4(&own->addr);
    unsigned words = v4 ? 1 : 4;
    uint32_t addr_at = v4 ? (source ? 12u : 16u) : (source ? 8u : 24u);
    uint32_t port_at = (v4 ? 20u : 40u) + (source ? 0u : 2u);
    unsigned left = 2 * (3 + words) + 1; /* instructions of this end, for the way out */
    want(f, BPF_W, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), v4 ? ETH_P_IP : ETH_P_IPV6,
        (uint8_t)(left -= 2));
    want(f, BPF_B, net(v4 ? 9 : 6), IPPROTO_TCP, (uint8_t)(left -= 2));
    for (unsigned i = 0; i < words; i++)
        want(f, BPF_W, net(addr_at + 4 * i), word_of(own->addr.b + (v4 ? 12 : 0) + 4 * i),
            (uint8_t)(left -= 2));
    want(f, BPF_H, net(port_at), own->port, (uint8_t)(left - 2));
    finish(f, 0);
}

void th_ring_filter_none(struct th_ring_program *p)
{
    p->count = 0;
    finish(p, 0);
}

void th_ring_filter_own(struct th_ring_program *p, const struct th_ring_own *own, size_t own_count)
{
    p->count = 0;
    for (size_t i = 0; i < own_count && p->count < TH_RING_MAX_FILTER - 40; i++) {
        drop_end(p, &own[i], true);
        drop_end(p, &own[i], false);
    }
    finish(p, UINT32_MAX);
}

/* ---- which worker ----
 *
 * Offsets count from the network header of the outermost packet, where the kernel stands when it
 * asks. X is the offset of the IP header that is looked at; what cannot be loaded (a packet cut
 * short) makes the program's answer 0. Jumps lead forward only: a place to go to is patched when it
 * is reached.
 */

enum {
    IPV4_FRAGMENT = 6,
    IPV4_PROTO = 9,
    IPV4_SRC = 12,
    IPV4_DST = 16,
    IPV6_NEXT = 6,
    IPV6_LEN = 40,
    IPV6_SRC_END = 20, /* the last word of the address: interface ids differ there */
    IPV6_DST_END = 36,
    UDP_LEN = 8,
    VXLAN_LEN = 8,
    GENEVE_LEN = 8,
    ETHER_TYPE = 12,
    ETHER_LEN = 14,
    PORT_DHCP_SERVER = 67,
    PORT_DHCP_CLIENT = 68,
    PORT_DHCP6_CLIENT = 546,
    PORT_DHCP6_SERVER = 547,
    PORT_VXLAN = 4789,
    PORT_GENEVE = 6081,
    MAX_WAITING = 8
};

/* Jumps to one place that is not known yet. */
struct place {
    unsigned short from[MAX_WAITING];
    bool on_true[MAX_WAITING];
    unsigned count;
};

static void wait_for(struct th_ring_program *f, struct place *p, bool on_true)
{
    TH_ASSERT(p->count < MAX_WAITING);
    p->from[p->count] = (unsigned short)(f->count - 1);
    p->on_true[p->count++] = on_true;
}

/* The place is here. */
static void here(struct th_ring_program *f, const struct place *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        struct sock_filter *jump = &f->v[p->from[i]];
        unsigned distance = f->count - p->from[i] - 1u;
        if (BPF_OP(jump->code) == BPF_JA) {
            jump->k = distance;
            continue;
        }
        TH_ASSERT(distance <= UINT8_MAX);
        *(p->on_true[i] ? &jump->jt : &jump->jf) = (uint8_t)distance;
    }
}

/* Loads what stands `offset` behind X. */
static void load(struct th_ring_program *f, uint16_t size, uint32_t offset)
{
    add(f, (uint16_t)(BPF_LD | BPF_IND | size), offset, 0, 0);
}

static void go_if(struct th_ring_program *f, uint32_t value, struct place *to)
{
    add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
    wait_for(f, to, true);
}

static void go_unless(struct th_ring_program *f, uint32_t value, struct place *to)
{
    add(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
    wait_for(f, to, false);
}

static void go(struct th_ring_program *f, struct place *to)
{
    add(f, BPF_JMP | BPF_JA, 0, 0, 0);
    wait_for(f, to, true);
}

/* A = A operator k */
static void alu(struct th_ring_program *f, unsigned operator, uint32_t k)
{
    add(f, (uint16_t)(BPF_ALU | BPF_K | operator), k, 0, 0);
}

/* X += A */
static void move_by_a(struct th_ring_program *f)
{
    add(f, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    add(f, BPF_MISC | BPF_TAX, 0, 0, 0);
}

static void move_by(struct th_ring_program *f, uint32_t bytes)
{
    add(f, BPF_LD | BPF_IMM, bytes, 0, 0);
    move_by_a(f);
}

/* Ends with both words mixed: addresses of one net differ in few bits. */
static void finish_pair(struct th_ring_program *f, uint32_t src, uint32_t dst)
{
    load(f, BPF_W, src);
    add(f, BPF_ST, 0, 0, 0);
    load(f, BPF_W, dst);
    add(f, BPF_LDX | BPF_MEM, 0, 0, 0);
    add(f, BPF_ALU | BPF_XOR | BPF_X, 0, 0, 0);
    alu(f, BPF_MUL, 0x9e3779b1);
    alu(f, BPF_RSH, 16);
    add(f, BPF_RET | BPF_A, 0, 0, 0);
}

/* With X at a UDP header: on to what VXLAN or GENEVE carries (X at an IP header, A its ethertype),
 * or to `plain`, which takes X out of cell 1. */
static void enter_tunnel(struct th_ring_program *f, struct place *inside, struct place *plain)
{
    struct place dhcp_found = {0}, vxlan = {0}, geneve = {0}, frame = {0};
    static const uint16_t dhcp[] = {
        PORT_DHCP_SERVER, PORT_DHCP_CLIENT, PORT_DHCP6_CLIENT, PORT_DHCP6_SERVER};
    load(f, BPF_H, 2);
    for (size_t i = 0; i < TH_ARRAY_LEN(dhcp); i++)
        go_if(f, dhcp[i], &dhcp_found);
    go_if(f, PORT_VXLAN, &vxlan);
    go_if(f, PORT_GENEVE, &geneve);
    go(f, plain);
    here(f, &dhcp_found);
    finish(f, 0);
    here(f, &geneve);
    load(f, BPF_H, UDP_LEN + 2); /* what is inside */
    add(f, BPF_ST, 2, 0, 0);
    load(f, BPF_B, UDP_LEN);
    alu(f, BPF_AND, 0x3f); /* words of options */
    alu(f, BPF_LSH, 2);
    alu(f, BPF_ADD, UDP_LEN + GENEVE_LEN);
    move_by_a(f);
    add(f, BPF_LD | BPF_MEM, 2, 0, 0);
    go_if(f, ETH_P_TEB, &frame);
    go(f, inside);
    here(f, &vxlan);
    move_by(f, UDP_LEN + VXLAN_LEN);
    here(f, &frame);
    load(f, BPF_H, ETHER_TYPE);
    add(f, BPF_ST, 2, 0, 0);
    move_by(f, ETHER_LEN);
    add(f, BPF_LD | BPF_MEM, 2, 0, 0);
    go(f, inside);
}

/* With X at an IP header and its ethertype in A: goes to `inside` with the same of the next packet
 * when there is one (NULL: it is not looked for). */
static void one_packet(struct th_ring_program *f, struct place *inside)
{
    struct place v6 = {0}, plain4 = {0}, plain6 = {0}, other = {0};
    go_if(f, ETH_P_IPV6, &v6);
    go_unless(f, ETH_P_IP, &other);
    add(f, BPF_STX, 1, 0, 0);
    if (inside) {
        load(f, BPF_B, IPV4_PROTO);
        go_unless(f, IPPROTO_UDP, &plain4);
        load(f, BPF_H, IPV4_FRAGMENT);
        add(f, BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 0, 0);
        wait_for(f, &plain4, true);
        load(f, BPF_B, 0);
        alu(f, BPF_AND, 0x0f);
        alu(f, BPF_LSH, 2);
        move_by_a(f);
        enter_tunnel(f, inside, &plain4);
    }
    here(f, &plain4);
    add(f, BPF_LDX | BPF_MEM, 1, 0, 0);
    finish_pair(f, IPV4_SRC, IPV4_DST);
    here(f, &v6);
    add(f, BPF_STX, 1, 0, 0);
    if (inside) {
        load(f, BPF_B, IPV6_NEXT);
        go_unless(f, IPPROTO_UDP, &plain6);
        move_by(f, IPV6_LEN);
        enter_tunnel(f, inside, &plain6);
    }
    here(f, &plain6);
    add(f, BPF_LDX | BPF_MEM, 1, 0, 0);
    finish_pair(f, IPV6_SRC_END, IPV6_DST_END);
    here(f, &other);
    finish(f, 0);
}

void th_ring_filter_fan(struct th_ring_program *p)
{
    struct place untagged = {0}, second = {0}, third = {0};
    p->count = 0;
    add(p, BPF_LDX | BPF_IMM, 0, 0, 0);
    add(p, BPF_LD | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL), 0, 0); /* a word */
    go_unless(p, ETH_P_8021Q, &untagged); /* an inner tag: the kernel took the outer one off */
    load(p, BPF_H, 2);
    add(p, BPF_ST, 2, 0, 0);
    move_by(p, 4);
    add(p, BPF_LD | BPF_MEM, 2, 0, 0);
    here(p, &untagged);
    one_packet(p, &second);
    here(p, &second);
    one_packet(p, &third);
    here(p, &third);
    one_packet(p, NULL);
}
