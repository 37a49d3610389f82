/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine over edges. Each row is a connection, without a port, a size or an outcome; each
 * address is a device that meets all others as hosts outside. At the end of each minute the engine
 * looks at the hours under way of those that had a part in it, as the product does live. Its
 * calibrated signals are joined by their harmonic mean, with equal shares for families of
 * features (how much, with how many, with whom, when), and what was told of an address is not told
 * again within a day unless it gets worse, as models do. A score knows what came before its
 * minute's end and nothing else.
 */
#include <math.h>

#include "base/hash.h"
#include "counts.h"
#include "learn/learn.h"
#include "scorers.h"

/* A model's throttle: 24 hours, 5 points of score. */
#define TOLD_HOURS 24
#define TOLD_RISE 0.4
#define TOLD_LEAST 3.0 /* decades: weaker was not told at all */

static const struct th_hash_key key = {0x65646765732e6b30, 0x65646765732e6b31};

enum family { HOW_MUCH, HOW_MANY, WHOM, WHEN, FAMILIES };

struct share {
    enum th_feature feature;
    enum family family;
};

/* What an address does, and what is done to it. */
static const struct share as_src[] = {{TH_FEAT_CONNS_OUT_EXT, HOW_MUCH},
    {TH_FEAT_BURST_OUT, HOW_MUCH}, {TH_FEAT_TO_ONE, HOW_MUCH}, {TH_FEAT_PEERS_EXT, HOW_MANY},
    {TH_FEAT_NEW_DESTS, HOW_MANY}, {TH_FEAT_NEW_DESTINATION, WHOM}, {TH_FEAT_STRANGERS_OUT, WHOM},
    {TH_FEAT_ACTIVE_HOUR, WHEN}};
static const struct share as_dst[] = {{TH_FEAT_CONNS_IN_EXT, HOW_MUCH},
    {TH_FEAT_BURST_IN, HOW_MUCH}, {TH_FEAT_FROM_ONE, HOW_MUCH}, {TH_FEAT_CLIENTS, HOW_MANY},
    {TH_FEAT_NEW_CLIENTS, HOW_MANY}, {TH_FEAT_NEW_CLIENT, WHOM}, {TH_FEAT_STRANGERS_IN, WHOM}};

struct told {
    double lgp;
    int64_t hour;
};

struct node {
    struct th_entity entity;
    struct th_peer peer;
    struct told told[TH_FEATURE_COUNT];
    uint32_t tick;   /* of the latest look */
    double src, dst; /* what it then had to say: mean of 1 / p */
};

struct learner {
    const struct edges_job *j;
    struct th_learn *l;
    struct node *node;
    struct edges_counts counts;
    uint32_t tick;
    int64_t epoch_ns;
};

static int64_t minute_ns(int32_t minute)
{
    return minute * TH_NS_PER_MIN;
}

static void init_node(struct node *n, uint32_t number)
{
    uint8_t v4[4] = {(uint8_t)(1 + (number >> 24)), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
        (uint8_t)number};
    n->entity = (struct th_entity){.id = (th_mix64(number + 1) >> 14) | 1,
        .slot = number,
        .kind = TH_ENTITY_DEVICE,
        .addr = th_addr_v4(v4)};
    n->peer = (struct th_peer){.key = th_siphash16(&key, number, 1) | 1,
        .addr = n->entity.addr,
        .has_addr = true,
        .slot = UINT32_MAX,
        .host = {.p = "", .len = 0},
        .domain = {.p = "", .len = 0}};
}

static bool is_repeat(const struct told *t, double lgp, int64_t hour)
{
    return t->lgp > 0 && hour - t->hour < TOLD_HOURS && lgp < t->lgp + TOLD_RISE;
}

/* The rarest signal of each feature that is news. */
static void news_of(const struct node *n, const struct th_window *w, double best[TH_FEATURE_COUNT])
{
    int64_t hour = w->start_ns / TH_NS_PER_HOUR;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct th_signal *s = &w->signals[i];
        if (!is_repeat(&n->told[s->feature], s->lgp, hour))
            best[s->feature] = fmax(best[s->feature], s->lgp);
    }
}

static double mean_of(const double best[TH_FEATURE_COUNT], const struct share *of, unsigned n)
{
    double most[FAMILIES] = {0};
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        most[of[i].family] = fmax(most[of[i].family], best[of[i].feature]);
    for (unsigned k = 0; k < FAMILIES; k++)
        sum += pow(10, most[k]) / FAMILIES;
    return sum;
}

static void looked(void *arg, const struct th_window *w)
{
    struct learner *e = arg;
    struct node *n = &e->node[w->slot];
    double best[TH_FEATURE_COUNT] = {0};
    news_of(n, w, best);
    n->tick = e->tick;
    n->src = mean_of(best, as_src, TH_ARRAY_LEN(as_src));
    n->dst = mean_of(best, as_dst, TH_ARRAY_LEN(as_dst));
}

static void closed(void *arg, const struct th_window *w)
{
    struct learner *e = arg;
    struct node *n = &e->node[w->slot];
    double best[TH_FEATURE_COUNT] = {0};
    news_of(n, w, best);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        if (best[f] >= TOLD_LEAST)
            n->told[f] = (struct told){.lgp = best[f], .hour = w->start_ns / TH_NS_PER_HOUR};
    }
}

/* Hours that have ended are closed, and teach. */
static void advance(struct learner *e, int64_t time_ns)
{
    while (time_ns >= e->epoch_ns + TH_NS_PER_HOUR) {
        e->epoch_ns += TH_NS_PER_HOUR;
        th_learn_close(e->l, e->epoch_ns, closed, e);
        for (unsigned p = 0; p < TH_PARTITIONS; p++) {
            TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
            th_learn_epoch_out(e->l, p, &b);
            TH_ASSERT(th_learn_epoch_in(e->l, p, b.p, b.len) == 0);
        }
        th_learn_epoch_done(e->l, e->epoch_ns);
    }
}

static void feed(struct learner *e, const struct edges_row *r, uint64_t seq)
{
    struct node *src = &e->node[r->src];
    struct node *dst = &e->node[r->dst];
    struct th_ev_conn ev = {
        .h = {.kind = TH_KIND_CONN, .time_ns = minute_ns(r->minute), .seq = seq},
        .ts = minute_ns(r->minute),
        .id_orig_h = src->entity.addr,
        .id_resp_h = dst->entity.addr};
    struct th_who who = {
        .orig = &src->entity, .resp = &dst->entity, .orig_peer = src->peer, .resp_peer = dst->peer};
    edges_counts_add(&e->counts, r);
    th_learn_event(e->l, &ev.h, &who);
}

/* A unit takes its own end's evidence whole. Of the other end's a destination takes its part among
 * the sources that it met, a source the part of the destination's records that are its own: who
 * asks a flooded server for a page is no flooder. */
static void score(struct learner *e, uint32_t from, uint32_t to, struct edges_scores *ret)
{
    const struct edges_job *j = e->j;
    for (uint32_t i = from; i < to; i++) {
        const struct edges_row *r = &j->t->row[i];
        const struct node *src = &e->node[r->src];
        const struct node *dst = &e->node[r->dst];
        const struct edges_count *met = &e->counts.dst[r->dst];
        double s = src->tick == e->tick ? src->src : 1;
        double d = dst->tick == e->tick ? dst->dst : 1;
        double part = (double)e->counts.edge[r->edge].in_hour / met->in_hour;
        double *du = &ret->dst[j->dst->of[i]];
        double *su = &ret->src[j->src->of[i]];
        ret->row[i] = log10((s + d) / 2);
        *du = fmax(*du, log10((s / met->others + d) / 2));
        *su = fmax(*su, log10((s + d * part) / 2));
    }
}

void edges_score_learner(const struct edges_job *j, struct edges_scores *ret)
{
    const struct edges_table *t = j->t;
    struct th_learn_config config = {.key = key, .partitions = UINT64_MAX};
    struct learner e = {.j = j, .l = th_learn_new(&config)};
    e.node = th_xcalloc(t->nodes + 1, sizeof *e.node);
    edges_counts_init(&e.counts, t);
    ret->row = th_xcalloc(t->rows + 1, sizeof *ret->row);
    ret->dst = th_xcalloc(j->dst->count + 1, sizeof *ret->dst);
    ret->src = th_xcalloc(j->src->count + 1, sizeof *ret->src);
    for (uint32_t i = 0; i < j->dst->count; i++)
        ret->dst[i] = -INFINITY;
    for (uint32_t i = 0; i < j->src->count; i++)
        ret->src[i] = -INFINITY;
    for (uint32_t i = 0; i < t->nodes; i++)
        init_node(&e.node[i], i);
    e.epoch_ns = t->rows ? th_time_floor(minute_ns(t->row[0].minute), TH_NS_PER_HOUR) : 0;
    for (uint32_t i = 0; i < t->rows;) {
        uint32_t from = i;
        e.tick = t->row[i].tick;
        advance(&e, minute_ns(t->row[i].minute));
        for (; i < t->rows && t->row[i].tick == e.tick; i++)
            feed(&e, &t->row[i], i);
        th_learn_look(e.l, looked, &e);
        score(&e, from, i, ret);
    }
    edges_counts_done(&e.counts);
    th_learn_free(e.l);
    free(e.node);
}
