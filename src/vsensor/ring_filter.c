/* SPDX-License-Identifier: Apache-2.0 */
#include "ring_filter.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include "base/mem.h"

void th_ring_step(struct th_ring_program *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    TH_ASSERT(f->count < TH_RING_MAX_FILTER);
    f->v[f->count++] = (struct sock_filter){.code = code, .k = k, .jt = yes, .jf = no};
}

static void finish(struct th_ring_program *f, uint32_t value)
{
    th_ring_step(f, BPF_RET | BPF_K, value, 0, 0);
}

/* ---- what is not wanted ---- */

enum { MAX_OWN_STEPS = 1000 };

/* Offset from the network header, whatever the link layer is. */
static uint32_t net(uint32_t offset)
{
    return (uint32_t)SKF_NET_OFF + offset;
}

/* Loads a word and goes on when it is the value; else `skip` instructions further. */
static void want(
    struct th_ring_program *f, uint16_t size, uint32_t at, uint32_t value, uint8_t skip)
{
    th_ring_step(f, (uint16_t)(BPF_LD | BPF_ABS | size), at, 0, 0);
    th_ring_step(f, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
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

_Static_assert(MAX_OWN_STEPS + 40 + TH_FILTER_MAX_STEPS < TH_RING_MAX_FILTER, "both have room");

void th_ring_filter_none(struct th_ring_program *p)
{
    p->count = 0;
    finish(p, 0);
}

/* The filter stands behind: its jumps are relative, and lead nowhere outside it. */
void th_ring_filter_own(struct th_ring_program *p, const struct th_ring_own *own, size_t own_count,
    const struct th_filter_step *filter, uint32_t filter_steps)
{
    p->count = 0;
    for (size_t i = 0; i < own_count && p->count < MAX_OWN_STEPS; i++) {
        drop_end(p, &own[i], true);
        drop_end(p, &own[i], false);
    }
    for (uint32_t i = 0; i < filter_steps; i++)
        th_ring_step(p, filter[i].code, filter[i].k, filter[i].yes, filter[i].no);
    if (filter_steps == 0)
        finish(p, UINT32_MAX);
}
