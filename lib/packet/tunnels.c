/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/tunnels.h"

#include <inttypes.h>

#include "base/mem.h"

/* Twice as many as there are ways. */
#define SLOTS (2 * TH_TUNNELS_MAX_WAYS)

struct way {
    struct th_tunnel chain[TH_TUNNELS_MAX_DEPTH];
    uint8_t depth;
};

struct th_tunnels {
    struct th_hash_key key;
    uint16_t slots[SLOTS]; /* numbers of ways; 0: free */
    struct way
        ways[TH_TUNNELS_MAX_WAYS + 2]; /* [0] is none, the last stands for all past the limit */
    uint16_t count;
};

#define OTHERS (TH_TUNNELS_MAX_WAYS + 1)

static const char *const names[TH_TUNNEL_KINDS] = {
    [TH_TUNNEL_NONE] = "other",
    [TH_TUNNEL_IPIP] = "ip",
    [TH_TUNNEL_GRE] = "gre",
    [TH_TUNNEL_ERSPAN] = "erspan",
    [TH_TUNNEL_VXLAN] = "vxlan",
    [TH_TUNNEL_GENEVE] = "geneve",
    [TH_TUNNEL_GTPU] = "gtpu",
    [TH_TUNNEL_TEREDO] = "teredo",
    [TH_TUNNEL_MPLS] = "mpls",
    [TH_TUNNEL_CAPWAP] = "capwap",
    [TH_TUNNEL_TZSP] = "tzsp",
    [TH_TUNNEL_L2TP] = "l2tp",
};

struct th_tunnels *th_tunnels_new(const struct th_hash_key *key)
{
    struct th_tunnels *t = th_xcalloc(1, sizeof(*t));
    t->key = *key;
    t->ways[OTHERS].depth = 1;
    return t;
}

void th_tunnels_free(struct th_tunnels *t)
{
    free(t);
}

static uint64_t hash_of(const struct th_tunnels *t, const struct th_tunnel *chain, unsigned depth)
{
    uint64_t h = depth;
    for (unsigned i = 0; i < depth; i++) {
        h = th_hash_pair(h, th_siphash(&t->key, chain[i].src.b, sizeof(chain[i].src.b)));
        h = th_hash_pair(h, (uint64_t)chain[i].kind << 32 | chain[i].id);
        h = th_hash_pair(h, chain[i].endpoint);
    }
    return h;
}

static bool is_same(const struct way *w, const struct th_tunnel *chain, unsigned depth)
{
    for (unsigned i = 0; i < depth && w->depth == depth; i++)
        if (w->chain[i].kind != chain[i].kind || w->chain[i].id != chain[i].id ||
            w->chain[i].endpoint != chain[i].endpoint ||
            !th_addr_eq(&w->chain[i].src, &chain[i].src))
            return false;
    return w->depth == depth;
}

uint16_t th_tunnels_way(struct th_tunnels *t, const struct th_tunnel *chain, unsigned depth)
{
    uint64_t at = hash_of(t, chain, depth) % SLOTS;
    for (; t->slots[at]; at = (at + 1) % SLOTS)
        if (is_same(&t->ways[t->slots[at]], chain, depth))
            return t->slots[at];
    if (t->count == TH_TUNNELS_MAX_WAYS)
        return OTHERS;
    struct way *w = &t->ways[++t->count];
    memcpy(w->chain, chain, depth * sizeof(*chain));
    w->depth = (uint8_t)depth;
    t->slots[at] = t->count;
    return t->count;
}

unsigned th_tunnels_depth(const struct th_tunnels *t, uint16_t way)
{
    return t->ways[way].depth;
}

void th_tunnels_text(const struct th_tunnels *t, uint16_t way, unsigned level, struct th_buf *out)
{
    char addr[TH_ADDR_TEXT_LEN];
    const struct th_tunnel *x = &t->ways[way].chain[level];
    th_buf_puts(out, names[x->kind]);
    if (x->kind == TH_TUNNEL_NONE)
        return;
    th_addr_format(&x->src, addr);
    th_buf_printf(out, "/%s", addr);
    if (x->id || x->endpoint)
        th_buf_printf(out, "/%u", x->id);
    if (x->endpoint)
        th_buf_printf(out, "/%016" PRIx64, x->endpoint);
}
