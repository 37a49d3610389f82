/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"

bool model_active(const struct model *m, int64_t time_ns)
{
    int64_t days = th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    unsigned weekday = (unsigned)(((days + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    unsigned hour = (unsigned)((time_ns - days * TH_NS_PER_DAY) / TH_NS_PER_HOUR);
    if (!(m->active_days >> weekday & 1))
        return false;
    if (m->active_from < m->active_to)
        return hour >= m->active_from && hour < m->active_to;
    return hour >= m->active_from || hour < m->active_to;
}

/* While the organisation is young, the calibrated rarity of everything is small. The parametric
 * one must do then, so that an attack in the first hour is found, if at a low score. */
static bool rare_enough(const struct component *c, const struct th_signal *s, double reach)
{
    return s->lgp >= c->rarity || (s->lgp >= reach && s->lgp_raw >= c->rarity);
}

/* The cheapest questions first: most signals are of another feature. */
enum th_refusal signal_refused(const struct model *m, const struct component *c,
    const struct th_window *w, const struct support *support, uint32_t at, const uint64_t *peer_key)
{
    const struct th_signal *s = &w->signals[at];
    if (s->feature != c->feature)
        return TH_REFUSED_FEATURE;
    if (peer_key && s->has_peer && s->peer.key != *peer_key)
        return TH_REFUSED_PEER;
    if (s->observed < c->at_least)
        return TH_REFUSED_OBSERVED;
    if (!rare_enough(c, s, support->reach))
        return TH_REFUSED_RARITY;
    if (!filter_match(c->filter, w, s) || !filter_match(m->filter, w, s))
        return TH_REFUSED_FILTER;
    if (m->exclude && filter_match(m->exclude, w, s))
        return TH_REFUSED_EXCLUDED;
    return support->permitted >> at & 1 ? TH_REFUSED_PERMIT : TH_REFUSED_NOT;
}

const struct th_signal *component_find(const struct model *m, unsigned component,
    const struct th_window *w, const struct support *support, const uint64_t *peer_key)
{
    const struct th_signal *best = NULL;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct th_signal *s = &w->signals[i];
        bool holds =
            signal_refused(m, &m->component[component], w, support, i, peer_key) == TH_REFUSED_NOT;
        if (holds && (!best || s->lgp > best->lgp))
            best = s;
    }
    return best;
}

/* One badly behaved feature must not eat the whole budget: past the cap a value gains at most one
 * more, so that rank is kept. */
static double soft_cap(double lgp, double cap)
{
    if (lgp <= cap)
        return lgp;
    double over = (lgp - cap) / 4;
    return cap + over / (1 + over);
}

double combine_lgp(const struct model *m, const double lgp[MAX_COMPONENTS], double cap)
{
    double v[MAX_COMPONENTS];
    double top = 0;
    for (unsigned i = 0; i < m->component_count; i++)
        if (m->component[i].required)
            top = fmax(top, lgp[i]);
    /* What only supports is worth no more than what it supports. */
    top = soft_cap(top, cap);
    for (unsigned i = 0; i < m->component_count; i++)
        v[i] = fmin(soft_cap(lgp[i], cap), top);
    /* 1/p = sum of w/p (Good 1958; Wilson 2019), in logarithms: the largest term is taken out. */
    double sum = 0;
    for (unsigned i = 0; i < m->component_count; i++)
        sum += m->component[i].weight * pow(10, v[i] - top);
    return fmax(0, top + log10(sum));
}

/* Tries one peer (NULL: signals of any or no peer count). False: does not hold. */
static bool try_peer(const struct model *m, const struct th_window *w,
    const struct support *support, const uint64_t *peer_key, struct match *ret)
{
    double lgp[MAX_COMPONENTS] = {0};
    unsigned found = 0;
    unsigned required = 0;
    *ret = (struct match){.has_peer = peer_key != NULL, .peer_key = peer_key ? *peer_key : 0};
    for (unsigned i = 0; i < m->component_count; i++) {
        ret->evidence[i] = component_find(m, i, w, support, peer_key);
        lgp[i] = ret->evidence[i] ? ret->evidence[i]->lgp : 0;
        required += m->component[i].required;
        found += m->component[i].required && ret->evidence[i];
    }
    if (m->combine == COMBINE_ANY ? found == 0 : found < required)
        return false;
    ret->lgp = combine_lgp(m, lgp, support->cap);
    return true;
}

static void keep(struct match ret[MAX_MATCHES], unsigned *count, const struct match *found)
{
    unsigned at = *count;
    while (at > 0 &&
        (ret[at - 1].lgp < found->lgp ||
            (ret[at - 1].lgp == found->lgp && ret[at - 1].peer_key > found->peer_key)))
        at--;
    if (at == MAX_MATCHES)
        return;
    unsigned tail = TH_MIN(*count, MAX_MATCHES - 1) - at;
    memmove(ret + at + 1, ret + at, tail * sizeof(*ret));
    ret[at] = *found;
    if (*count < MAX_MATCHES)
        ++*count;
}

static bool is_about(const struct match *m, uint64_t key)
{
    for (unsigned i = 0; i < MAX_COMPONENTS; i++)
        if (m->evidence[i] && m->evidence[i]->has_peer && m->evidence[i]->peer.key == key)
            return true;
    return false;
}

/* Is its evidence about more than one peer? */
static bool are_different(const struct match *m)
{
    const struct th_signal *first = NULL;
    for (unsigned i = 0; i < MAX_COMPONENTS; i++) {
        const struct th_signal *s = m->evidence[i];
        if (!s || !s->has_peer)
            continue;
        if (first && first->peer.key != s->peer.key)
            return true;
        first = s;
    }
    return false;
}

/* Most models find nothing in most windows: seen without looking at peers. */
static bool may_hold(
    const struct model *m, const struct th_window *w, const struct support *support)
{
    bool any = false;
    bool all = true;
    for (unsigned i = 0; i < m->component_count; i++) {
        if (!m->component[i].required)
            continue;
        bool found = component_find(m, i, w, support, NULL) != NULL;
        any = any || found;
        all = all && found;
    }
    return m->combine == COMBINE_ANY ? any : all;
}

unsigned evaluate(const struct model *m, const struct th_window *w, const struct support *support,
    struct match ret[MAX_MATCHES])
{
    unsigned count = 0;
    struct match found;
    bool any_peer = false;
    if (!may_hold(m, w, support))
        return 0;
    /* Each peer that a signal of the window names, once. */
    for (uint32_t i = 0; i < w->count; i++) {
        const struct th_signal *s = &w->signals[i];
        bool seen = !s->has_peer;
        for (uint32_t k = 0; k < i && !seen; k++)
            seen = w->signals[k].has_peer && w->signals[k].peer.key == s->peer.key;
        if (seen || !try_peer(m, w, support, &s->peer.key, &found) ||
            !is_about(&found, s->peer.key))
            continue;
        keep(ret, &count, &found);
        any_peer = true;
    }
    /* About nobody, or, where the model says so, of different peers together. */
    if (!any_peer && try_peer(m, w, support, NULL, &found) &&
        (m->any_peers || !are_different(&found)))
        keep(ret, &count, &found);
    return count;
}
