/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences under way, in order of (entity, model). */
#include "model_i.h"

static uint32_t chain_at(const struct th_scorer *s, uint64_t entity, uint64_t id_hash)
{
    uint32_t low = 0;
    uint32_t high = s->chain_count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct chain *c = &s->chain[mid];
        if (c->entity < entity || (c->entity == entity && c->id_hash < id_hash))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

int chain_find(const struct th_scorer *s, uint64_t entity, uint64_t id_hash)
{
    uint32_t at = chain_at(s, entity, id_hash);
    bool found =
        at < s->chain_count && s->chain[at].entity == entity && s->chain[at].id_hash == id_hash;
    return found ? (int)at : -1;
}

struct chain *chain_add(struct th_scorer *s, uint64_t entity, uint64_t id_hash)
{
    uint32_t at = chain_at(s, entity, id_hash);
    if ((s->chain_count & (s->chain_count + 1)) == 0)
        s->chain = th_xreallocarray(s->chain, 2 * (size_t)(s->chain_count + 1), sizeof(*s->chain));
    memmove(s->chain + at + 1, s->chain + at, (s->chain_count - at) * sizeof(*s->chain));
    s->chain_count++;
    s->chain[at] = (struct chain){.entity = entity, .id_hash = id_hash};
    s->chain[at].evidence = th_xcalloc(MAX_COMPONENTS, sizeof(struct th_signal));
    return &s->chain[at];
}

void chain_remove(struct th_scorer *s, uint32_t at)
{
    free(s->chain[at].evidence);
    s->chain_count--;
    memmove(s->chain + at, s->chain + at + 1, (s->chain_count - at) * sizeof(*s->chain));
}

static void chain_moved(struct partial *p, uint64_t entity)
{
    if (p->chain_count && p->chain[p->chain_count - 1] == entity)
        return;
    if (p->chain_count == p->chain_cap) {
        p->chain_cap = p->chain_cap ? p->chain_cap * 2 : 16;
        p->chain = th_xreallocarray(p->chain, p->chain_cap, sizeof(*p->chain));
    }
    p->chain[p->chain_count++] = entity;
}

/* Does what was found go on with the sequence? NULL: there is nothing. */
static enum th_refusal chain_refused(
    const struct model *m, const struct chain *c, const struct th_signal *found)
{
    if (!found)
        return TH_REFUSED_FEATURE;
    if (c->stage == 0)
        return TH_REFUSED_NOT;
    if (found->last_ns < c->last_ns)
        return TH_REFUSED_ORDER;
    return th_time_sub(found->last_ns, c->first_ns) > m->within_ns ? TH_REFUSED_WITHIN
                                                                   : TH_REFUSED_NOT;
}

enum th_refusal chain_advance(const struct model *m, const struct th_window *w,
    const struct support *support, struct chain *c)
{
    while (c->stage < m->component_count) {
        const struct th_signal *found = component_find(m, c->stage, w, support, NULL);
        enum th_refusal refusal = chain_refused(m, c, found);
        if (refusal != TH_REFUSED_NOT)
            return refusal;
        if (c->stage == 0)
            c->first_ns = found->first_ns;
        signal_copy(&c->evidence[c->stage++], found);
        c->last_ns = found->last_ns;
    }
    return TH_REFUSED_NOT;
}

struct chain chain_copy(const struct th_scorer *s, const struct model *m, const struct th_window *w,
    struct th_signal held[MAX_COMPONENTS])
{
    int at = chain_find(s, w->entity, m->id_hash);
    struct chain c = {.entity = w->entity, .id_hash = m->id_hash};
    if (at >= 0 && th_time_sub(w->start_ns, s->chain[at].first_ns) <= m->within_ns) {
        c = s->chain[at];
        for (uint32_t i = 0; i < c.stage; i++)
            signal_copy(&held[i], &s->chain[at].evidence[i]);
    }
    c.evidence = held;
    return c;
}

void chain_keep(struct th_scorer *s, const struct model *m, const struct chain *c)
{
    int at = chain_find(s, c->entity, m->id_hash);
    uint32_t before = at >= 0 ? s->chain[at].stage : 0;
    bool gone = c->stage == 0 || c->stage == m->component_count;
    if (c->stage == before && !gone && s->chain[at].first_ns == c->first_ns)
        return;
    if (at < 0 && c->stage == 0)
        return;
    chain_moved(&s->part[th_entity_partition(c->entity)], c->entity);
    if (gone) {
        if (at >= 0)
            chain_remove(s, (uint32_t)at);
        return;
    }
    struct chain *kept = at >= 0 ? &s->chain[at] : chain_add(s, c->entity, m->id_hash);
    kept->stage = c->stage;
    kept->first_ns = c->first_ns;
    kept->last_ns = c->last_ns;
    for (uint32_t i = 0; i < c->stage; i++)
        signal_copy(&kept->evidence[i], &c->evidence[i]);
}
