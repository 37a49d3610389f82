/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which networks are inside? A sensor at an edge sees connections between inside and
 * outside, so the inside networks are a small set that has an end in nearly every
 * connection: a vertex cover of the graph of network pairs, found greedily.
 *
 * The graph is a sample by hash (a pair is kept while its hash lies below a limit that
 * falls when memory is full), so it is bounded and the same for any order of events.
 */
#include "identity_i.h"

#define MAX_PAIRS 65536u
#define PAIR_CELLS (MAX_PAIRS * 2)
#define MAX_VERTICES 1024u
#define COVER_SHARE 0.95 /* stop when so much is covered */
#define MIN_GAIN 0.02    /* ... or the next network adds less than this */

struct net {
    uint8_t b[16]; /* address with host bits zero: IPv4 /24, IPv6 /64 */
};

struct pair {
    uint64_t hash; /* 0: empty */
    struct net orig, resp;
    uint64_t conns;
    bool orig_local, resp_local; /* the log itself says so */
};

struct th_site {
    struct pair *cell;
    uint32_t count;
    uint64_t limit; /* pairs with a hash above are not kept */
    uint64_t conns, private_conns;
};

/* Fixed: sampling must be equal in every run. Nothing here is found by an outsider's key. */
static const struct th_hash_key site_key = {0x7468796d75730001, 0x7369746500000001};

struct th_site *th_site_new(void)
{
    struct th_site *s = th_xcalloc(1, sizeof(*s));
    s->cell = th_xcalloc(PAIR_CELLS, sizeof(*s->cell));
    s->limit = UINT64_MAX;
    return s;
}

void th_site_free(struct th_site *s)
{
    if (!s)
        return;
    free(s->cell);
    free(s);
}

static struct net net_of(const struct th_addr *a)
{
    struct net n = {0};
    memcpy(n.b, a->b, th_addr_is_v4(a) ? 15 : 8);
    return n;
}

static struct pair *cell_of(struct pair *cells, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (PAIR_CELLS - 1);
    while (cells[at].hash && cells[at].hash != hash)
        at = (at + 1) & (PAIR_CELLS - 1);
    return &cells[at];
}

/* Halves the sample. */
static void thin(struct th_site *s)
{
    struct pair *old = s->cell;
    s->cell = th_xcalloc(PAIR_CELLS, sizeof(*s->cell));
    s->count = 0;
    s->limit /= 2;
    for (uint32_t i = 0; i < PAIR_CELLS; i++)
        if (old[i].hash && old[i].hash <= s->limit) {
            *cell_of(s->cell, old[i].hash) = old[i];
            s->count++;
        }
    free(old);
}

void th_site_event(struct th_site *s, const struct th_event *h)
{
    const struct th_ev_conn *ev = (const struct th_ev_conn *)h;
    if (h->kind != TH_KIND_CONN || !addr_is_host(&ev->id_orig_h) || !addr_is_host(&ev->id_resp_h))
        return;
    s->conns++;
    if (th_addr_is_private(&ev->id_orig_h) || th_addr_is_private(&ev->id_resp_h)) {
        s->private_conns++;
        return;
    }
    struct net both[2] = {net_of(&ev->id_orig_h), net_of(&ev->id_resp_h)};
    uint64_t hash = th_siphash(&site_key, both, sizeof(both)) | 1;
    if (hash > s->limit)
        return;
    struct pair *p = cell_of(s->cell, hash);
    if (!p->hash) {
        *p = (struct pair){.hash = hash, .orig = both[0], .resp = both[1]};
        s->count++;
    }
    p->conns++;
    p->orig_local |= ev->local_orig;
    p->resp_local |= ev->local_resp;
    while (s->count > MAX_PAIRS)
        thin(s);
}

struct vertex {
    struct net net;
    uint64_t weight, as_orig;
    bool local;
};

struct graph {
    struct vertex *v;
    uint32_t count, cap;
    struct index by_net;
};

static uint32_t vertex_of(struct graph *g, const struct net *n)
{
    uint32_t hash = index_hash(th_siphash(&site_key, n->b, sizeof(n->b)));
    uint32_t at = hash;
    for (uint32_t r; (r = index_next(&g->by_net, hash, &at)) != NONE;)
        if (memcmp(g->v[r].net.b, n->b, sizeof(n->b)) == 0)
            return r;
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 256;
        g->v = th_xreallocarray(g->v, g->cap, sizeof(*g->v));
    }
    g->v[g->count] = (struct vertex){.net = *n};
    index_put(&g->by_net, hash, g->count);
    return g->count++;
}

/* Heavier first; then who asks rather than answers (clients are inside more often); then by
 * address, so that ties are no matter of order. */
static bool better(const struct vertex *a, const struct vertex *b)
{
    if (a->weight != b->weight)
        return a->weight > b->weight;
    if (a->as_orig != b->as_orig)
        return a->as_orig > b->as_orig;
    return memcmp(a->net.b, b->net.b, sizeof(a->net.b)) < 0;
}

/* A pair counts by the size of its traffic, damped: one busy pair is one pair of networks. */
static uint64_t weight_of(const struct pair *p)
{
    return 1 + (uint64_t)(63 - __builtin_clzll(p->conns));
}

static uint64_t graph_fill(struct graph *g, const struct th_site *s, const bool *covered)
{
    uint64_t open = 0;
    for (uint32_t i = 0; i < g->count; i++)
        g->v[i].weight = g->v[i].as_orig = 0;
    for (uint32_t i = 0; i < PAIR_CELLS; i++) {
        const struct pair *p = &s->cell[i];
        if (!p->hash || covered[i])
            continue;
        uint64_t w = weight_of(p);
        uint32_t o = vertex_of(g, &p->orig);
        uint32_t r = vertex_of(g, &p->resp);
        g->v[o].weight += w;
        g->v[o].as_orig += w;
        if (o != r)
            g->v[r].weight += w;
        g->v[o].local |= p->orig_local;
        g->v[r].local |= p->resp_local;
        open += w;
    }
    return open;
}

static struct th_subnet subnet_of(const struct net *n)
{
    struct th_subnet net;
    memcpy(net.addr.b, n->b, sizeof(net.addr.b));
    net.bits = th_addr_is_v4(&net.addr) ? 120 : 64;
    return net;
}

static size_t take_local(const struct graph *g, struct th_subnet *ret, size_t max)
{
    size_t n = 0;
    for (uint32_t i = 0; i < g->count && n < max; i++)
        if (g->v[i].local)
            ret[n++] = subnet_of(&g->v[i].net);
    return n;
}

static size_t take_cover(const struct th_site *s, struct graph *g, bool *covered, uint64_t all,
    struct th_subnet *ret, size_t max)
{
    size_t n = 0;
    uint64_t open = all;
    while (n < max && (double)open > (1 - COVER_SHARE) * (double)all) {
        const struct vertex *best = &g->v[0];
        for (uint32_t i = 1; i < g->count; i++)
            if (better(&g->v[i], best))
                best = &g->v[i];
        if ((double)best->weight < MIN_GAIN * (double)all)
            break;
        struct net net = best->net;
        ret[n++] = subnet_of(&net);
        for (uint32_t i = 0; i < PAIR_CELLS; i++)
            covered[i] = covered[i] || memcmp(&s->cell[i].orig, &net, sizeof(net)) == 0 ||
                memcmp(&s->cell[i].resp, &net, sizeof(net)) == 0;
        open = graph_fill(g, s, covered);
    }
    return n;
}

static int by_addr(const void *a, const void *b)
{
    const struct th_subnet *x = a;
    const struct th_subnet *y = b;
    int c = memcmp(x->addr.b, y->addr.b, sizeof(x->addr.b));
    return c ? c : x->bits - y->bits;
}

/* Two halves of one larger network become it. */
static size_t merge(struct th_subnet *v, size_t n)
{
    for (bool again = n > 0; again;) {
        again = false;
        qsort(v, n, sizeof(*v), by_addr);
        for (size_t i = 0; i + 1 < n; i++) {
            struct th_subnet up = v[i];
            up.bits--;
            bool low = !(v[i].addr.b[up.bits / 8] & 0x80 >> up.bits % 8);
            if (v[i].bits != v[i + 1].bits || !low || !th_subnet_has(&up, &v[i + 1].addr))
                continue;
            v[i] = up;
            memmove(v + i + 1, v + i + 2, (n - i - 2) * sizeof(*v));
            n--;
            again = true;
        }
    }
    return n;
}

size_t th_site_networks(const struct th_site *s, struct th_subnet *ret, size_t max)
{
    if (s->conns == 0 || s->private_conns * 10 >= s->conns || max == 0)
        return 0;
    TH_AUTOFREE bool *covered = th_xcalloc(PAIR_CELLS, sizeof(bool));
    struct graph g = {0};
    uint64_t all = graph_fill(&g, s, covered);
    size_t n = take_local(&g, ret, TH_MIN(max, (size_t)MAX_VERTICES));
    if (n == 0 && g.count)
        n = take_cover(s, &g, covered, all, ret, TH_MIN(max, (size_t)MAX_VERTICES));
    free(g.v);
    index_done(&g.by_net);
    return merge(ret, n);
}
