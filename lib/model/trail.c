/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence over time (ADR 46). What goes on for hours between a device and a peer is worth more
 * than its best hour: a part of what the latest hour with evidence was worth counts with the next
 * one, less with every hour between them.
 */
#include <math.h>

#include "base/hash.h"
#include "model_i.h"

/* Of what an hour was worth, so much counts with the like of the next one; half of it is forgotten
 * in 13.5 hours. */
#define CARRY 0.3
#define CARRY_AN_HOUR 0.95
#define FADED 0.5 /* decades that are left: it begins anew */
#define TRAIL_KEY UINT64_C(0x747261696c)

static uint64_t trail_key(const struct model *m, uint64_t entity, const struct match *x)
{
    uint64_t about = x->has_peer ? x->peer_key : m->id_hash;
    uint64_t key = th_hash_pair(th_hash_pair(entity, TRAIL_KEY), about);
    return key ? key : 1;
}

struct memo trail_of(const struct th_scorer *s, const struct model *m, const struct th_window *w,
    const struct match *x)
{
    uint64_t key = trail_key(m, w->entity, x);
    int64_t start_ns = w->start_ns;
    const struct memo *last = s->alone ? NULL : memo_find(&s->trails, key);
    struct memo v = {.key = key, .time_ns = start_ns, .since_ns = start_ns, .hours = 1};
    if (!last || start_ns < last->time_ns)
        return v;
    bool same = start_ns == last->time_ns;
    double hours = (double)th_time_sub(start_ns, last->time_ns) / (double)TH_NS_PER_HOUR;
    double left = last->value * pow(CARRY_AN_HOUR, hours);
    if (left < FADED && !same)
        return v;
    v.since_ns = last->since_ns;
    v.before = same ? last->before : CARRY * left;
    v.hours = last->hours + (!same && last->hours < UINT32_MAX);
    return v;
}

void trail_keep(struct th_scorer *s, uint64_t entity, const struct memo *at, double value)
{
    const struct memo *last = memo_find(&s->trails, at->key);
    struct memo v = *at;
    if (last && v.time_ns < last->time_ns)
        return;
    v.value = last && v.time_ns == last->time_ns ? fmax(value, last->value) : value;
    memo_put(&s->trails, &v);
    memo_note(&s->part[th_entity_partition(entity)].trail, &v);
}
