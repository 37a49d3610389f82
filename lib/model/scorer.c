/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "model_i.h"

#define SCORE_PER_LGP 12.5
#define SCORE_MAX 100.0
#define CONTINUATION 3.0 /* points left for rank past what the device-hours support */
#define CONTINUATION_SCALE 25.0
#define MIN_CAP_LGP 6.0
#define MAX_CHAIN_AGE_NS (14 * TH_NS_PER_DAY)

struct th_scorer *th_scorer_new(const struct th_models *m, uint64_t partitions)
{
    struct th_scorer *s = th_xcalloc(1, sizeof(*s));
    s->models = m;
    s->partitions = partitions;
    s->model = th_xcalloc(m->count + 1, sizeof(*s->model));
    s->epoch_ns = TH_TIME_UNSET;
    s->permits = th_permits_new();
    for (unsigned i = 0; i < m->count; i++)
        s->mean_weight += m->model[i].weight / m->count;
    return s;
}

void th_scorer_free(struct th_scorer *s)
{
    if (!s)
        return;
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        free(s->part[p].best);
        free(s->part[p].model);
        free(s->part[p].throttle);
        free(s->part[p].chain);
        free(s->part[p].held);
    }
    th_permits_free(s->permits);
    for (uint32_t i = 0; i < s->chain_count; i++)
        free(s->chain[i].evidence);
    free(s->chain);
    free(s->throttle.cell);
    free(s->model);
    free(s);
}

struct th_permits *th_scorer_permits(struct th_scorer *s)
{
    return s->permits;
}

double scorer_hours(const struct th_scorer *s)
{
    return (double)s->hours / CALIB_ONE;
}

double th_scorer_pooled_device_hours(const struct th_scorer *s)
{
    return scorer_hours(s);
}

double scorer_score(const struct th_scorer *s, double lgp)
{
    double raw = SCORE_PER_LGP * lgp;
    double support = SCORE_PER_LGP * log10(fmax(scorer_hours(s), 1));
    if (raw > support)
        raw = support + CONTINUATION * (1 - exp((support - raw) / CONTINUATION_SCALE));
    return fmin(raw, SCORE_MAX);
}

double th_scorer_threshold(const struct th_scorer *s, double alerts_per_day, double active_devices)
{
    double p = fmin(alerts_per_day / (24 * fmax(active_devices, 1)), 1);
    return scorer_score(s, p > 0 ? -log10(p) : SCORE_MAX);
}

const struct model *scorer_model(const struct th_scorer *s, uint64_t id_hash)
{
    for (unsigned i = 0; i < s->models->count; i++)
        if (s->models->model[i].id_hash == id_hash)
            return &s->models->model[i];
    return NULL;
}

/* ---- throttles: an open table; order plays no part, since only times and keys are asked ---- */

struct throttle *throttle_find(const struct table *t, uint64_t key)
{
    for (uint32_t at = (uint32_t)key; t->cells; at++) {
        struct throttle *c = &t->cell[at & (t->cells - 1)];
        if (c->key == key)
            return c;
        if (!c->key)
            return NULL;
    }
    return NULL;
}

static void throttle_place(struct table *t, const struct throttle *v)
{
    uint32_t at = (uint32_t)v->key;
    while (t->cell[at & (t->cells - 1)].key)
        at++;
    t->cell[at & (t->cells - 1)] = *v;
    t->count++;
}

void throttle_put(struct table *t, uint64_t key, int64_t time_ns, double score)
{
    struct throttle *c = throttle_find(t, key);
    struct throttle v = {.key = key, .time_ns = time_ns, .score = score};
    if (c) {
        *c = v;
        return;
    }
    if (t->count >= t->cells / 2) {
        struct table bigger = {.cells = t->cells ? t->cells * 2 : 256};
        bigger.cell = th_xcalloc(bigger.cells, sizeof(*bigger.cell));
        for (uint32_t i = 0; i < t->cells; i++)
            if (t->cell[i].key)
                throttle_place(&bigger, &t->cell[i]);
        free(t->cell);
        *t = bigger;
    }
    throttle_place(t, &v);
}

static int newest_first(const void *a, const void *b)
{
    const struct throttle *x = a;
    const struct throttle *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

void throttle_sweep(struct table *t, int64_t now_ns)
{
    struct table kept = {.cells = t->cells};
    if (!t->cells)
        return;
    kept.cell = th_xcalloc(kept.cells, sizeof(*kept.cell));
    qsort(t->cell, t->cells, sizeof(*t->cell), newest_first);
    for (uint32_t i = 0; i < t->cells && kept.count < MAX_THROTTLES; i++)
        if (t->cell[i].key && th_time_sub(now_ns, t->cell[i].time_ns) < THROTTLE_KEEP_NS)
            throttle_place(&kept, &t->cell[i]);
    free(t->cell);
    *t = kept;
}

/* ---- chains: sequences under way, in order of (entity, model) ---- */

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

/* What became of it takes the place of what was. */
static void chain_keep(struct th_scorer *s, const struct model *m, const struct chain *c)
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

/* ---- windows ---- */

struct support scorer_support(const struct th_scorer *s)
{
    double hours = scorer_hours(s);
    /* The learner lets rarity go one decade past the device-hours. */
    return (struct support){
        .reach = log10(hours + 1) + 0.99, .cap = fmax(log10(fmax(hours, 1)), MIN_CAP_LGP)};
}

/* keep: NULL, or the same scorer, to remember how far the sequence is. */
static unsigned match_sequence(const struct th_scorer *s, struct th_scorer *keep,
    const struct model *m, const struct th_window *w, const struct support *support,
    struct th_signal held[MAX_COMPONENTS], struct match *ret)
{
    double lgp[MAX_COMPONENTS] = {0};
    struct chain c = chain_copy(s, m, w, held);
    bool complete = chain_advance(m, w, support, &c) == TH_REFUSED_NOT;
    if (keep)
        chain_keep(keep, m, &c);
    if (!complete)
        return 0;
    *ret = (struct match){0};
    for (unsigned i = 0; i < m->component_count; i++) {
        ret->evidence[i] = &held[i];
        lgp[i] = held[i].lgp;
        if (held[i].has_peer && !held[i].peer.inside) {
            ret->has_peer = true; /* the last outside peer stands for the story */
            ret->peer_key = held[i].peer.key;
        }
    }
    ret->lgp = combine_lgp(m, lgp, support->cap);
    return 1;
}

uint64_t throttle_key(const struct model *m, uint64_t entity, const struct match *x)
{
    uint64_t key = th_hash_pair(th_hash_pair(entity, m->id_hash), x->has_peer ? x->peer_key : 0);
    return key ? key : 1;
}

const struct throttle *scorer_throttle(
    const struct th_scorer *s, const struct model *m, const struct th_breach *b, uint64_t key)
{
    const struct throttle *last = throttle_find(&s->throttle, key);
    /* What comes late is measured against its own time, in both directions. */
    bool holds = last && b->score < last->score + m->throttle_rise &&
        th_time_sub(b->time_ns, last->time_ns) < m->throttle_ns &&
        th_time_sub(last->time_ns, b->time_ns) < m->throttle_ns;
    return holds ? last : NULL;
}

static void note_told(struct th_scorer *s, const struct th_breach *b, uint64_t key)
{
    struct partial *p = &s->part[th_entity_partition(b->entity)];
    throttle_put(&s->throttle, key, b->time_ns, b->score);
    if (p->throttle_count == p->throttle_cap) {
        p->throttle_cap = p->throttle_cap ? p->throttle_cap * 2 : 16;
        p->throttle = th_xreallocarray(p->throttle, p->throttle_cap, sizeof(*p->throttle));
    }
    p->throttle[p->throttle_count++] =
        (struct throttle){.key = key, .time_ns = b->time_ns, .score = b->score};
}

static int rarest_first(const void *a, const void *b)
{
    const struct th_signal *x = *(const struct th_signal *const *)a;
    const struct th_signal *y = *(const struct th_signal *const *)b;
    if (x->lgp != y->lgp)
        return x->lgp > y->lgp ? -1 : 1;
    return x->feature - y->feature;
}

static void take_evidence(struct th_breach *b, const struct model *m, const struct match *x)
{
    const struct th_signal *v[MAX_COMPONENTS];
    unsigned n = 0;
    for (unsigned i = 0; i < m->component_count; i++)
        if (x->evidence[i])
            v[n++] = x->evidence[i];
    qsort(v, n, sizeof(v[0]), rarest_first);
    b->evidence_count = TH_MIN(n, TH_BREACH_MAX_EVIDENCE);
    b->time_ns = b->start_ns;
    for (unsigned i = 0; i < b->evidence_count; i++) {
        signal_copy(&b->evidence[i], v[i]);
        b->time_ns = TH_MAX(b->time_ns, v[i]->last_ns);
        b->start_ns = TH_MIN(b->start_ns, v[i]->first_ns);
    }
    b->time_ns = TH_MIN(b->time_ns, b->end_ns);
    for (unsigned i = 0; i < b->evidence_count && !b->has_peer; i++) {
        const struct th_signal *e = &b->evidence[i];
        if (e->has_peer && (!x->has_peer || e->peer.key == x->peer_key)) {
            b->has_peer = true;
            b->peer = e->peer;
        }
    }
}

static uint32_t late_hours(const struct th_scorer *s, const struct th_window *w)
{
    if (s->epoch_ns == TH_TIME_UNSET || w->end_ns > s->epoch_ns)
        return 0;
    int64_t late = th_time_sub(s->epoch_ns, w->end_ns) / TH_NS_PER_HOUR + 1;
    return (uint32_t)TH_MIN(late, (int64_t)UINT32_MAX);
}

static double calibrated(const struct th_scorer *s, unsigned model, double lgp)
{
    const struct model *m = &s->models->model[model];
    double x = calib_lgp(&s->model[model], s->hours, lgp) + log10(m->weight / s->mean_weight);
    return fmax(x, 0);
}

void scorer_breach(const struct th_scorer *s, unsigned model, const struct th_window *w,
    const struct match *x, struct th_breach *ret)
{
    const struct model *m = &s->models->model[model];
    *ret = (struct th_breach){.model = model,
        .entity = w->entity,
        .source = w->source,
        .start_ns = w->start_ns,
        .end_ns = w->end_ns,
        .over = w->over,
        .lgp = x->lgp,
        .late_hours = late_hours(s, w)};
    ret->id = th_hash_pair(th_hash_pair(m->id_hash, w->entity),
        th_hash_pair((uint64_t)w->start_ns, x->has_peer ? x->peer_key : 0));
    ret->score = scorer_score(s, calib_lgp(&s->best, s->hours, calibrated(s, model, x->lgp)));
    take_evidence(ret, m, x);
}

/* Fills the breach in; false when the throttle holds it back. */
static bool make_breach(const struct th_scorer *s, unsigned model, const struct th_window *w,
    const struct match *x, struct th_breach *ret)
{
    const struct model *m = &s->models->model[model];
    scorer_breach(s, model, w, x, ret);
    return !scorer_throttle(s, m, ret, throttle_key(m, w->entity, x));
}

static void count_best(struct th_scorer *s, struct partial *p, unsigned model, double lgp)
{
    if (!p->model)
        p->model = th_xcalloc((size_t)s->models->count * CALIB_BINS, sizeof(*p->model));
    p->model[(size_t)model * CALIB_BINS + calib_bin(lgp)]++;
}

unsigned scorer_match(const struct th_scorer *s, struct th_scorer *keep, const struct model *m,
    const struct th_window *w, const struct support *support, struct th_signal held[MAX_COMPONENTS],
    struct match found[MAX_MATCHES])
{
    if (!model_active(m, w->start_ns))
        return 0;
    if (m->combine == COMBINE_SEQUENCE)
        return match_sequence(s, keep, m, w, support, held, found);
    return evaluate(m, w, support, found);
}

/* ---- what permits hold back ---- */

/* Apart from what was told: what a permit held back must not keep it from being told when the
 * permit has ended. */
#define HELD_KEY UINT64_C(0x68656c64)

struct view scorer_view(const struct th_scorer *s, const struct th_window *w)
{
    struct view v = {.w = w};
    v.covered_count = permits_cover(s->permits, w, &v.covered);
    return v;
}

uint64_t view_permitted(const struct view *v, const struct model *m)
{
    uint64_t signals = 0;
    for (uint32_t i = 0; i < v->covered_count; i++)
        if (permit_means(v->covered[i].permit, m))
            signals |= v->covered[i].signals;
    return signals;
}

static bool is_evidence(const struct match *x, const struct th_signal *signal)
{
    for (unsigned i = 0; i < MAX_COMPONENTS; i++)
        if (x->evidence[i] == signal)
            return true;
    return false;
}

const struct th_permit *view_holder(
    const struct view *v, const struct model *m, const struct match *x)
{
    for (uint32_t i = 0; i < v->covered_count; i++) {
        const struct covered *c = &v->covered[i];
        bool its = permit_means(c->permit, m) && m->combine == COMBINE_SEQUENCE;
        for (uint32_t k = 0; k < v->w->count && !its; k++)
            its = (c->signals >> k & 1) && permit_means(c->permit, m) &&
                is_evidence(x, &v->w->signals[k]);
        if (its)
            return c->permit;
    }
    return NULL;
}

static void note_held(struct th_scorer *s, const struct th_breach *b, uint64_t permit)
{
    struct partial *p = &s->part[th_entity_partition(b->entity)];
    uint32_t at = 0;
    while (at < p->held_count && p->held[at].permit != permit)
        at++;
    if (at == p->held_cap) {
        p->held_cap = p->held_cap ? p->held_cap * 2 : 8;
        p->held = th_xreallocarray(p->held, p->held_cap, sizeof(*p->held));
    }
    if (at == p->held_count)
        p->held[p->held_count++] = (struct held){.permit = permit, .last_ns = b->time_ns};
    p->held[at].count++;
    p->held[at].last_ns = TH_MAX(p->held[at].last_ns, b->time_ns);
}

bool match_is_among(const struct match *x, const struct match *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (v[i].has_peer == x->has_peer && v[i].peer_key == x->peer_key)
            return true;
    return false;
}

/* Counts what is found without permits and not with them, as often as it would have been told. */
static void count_held(struct th_scorer *s, unsigned model, const struct view *v,
    const struct match *without, unsigned without_count, const struct match *found, unsigned n)
{
    const struct model *m = &s->models->model[model];
    for (unsigned k = 0; k < without_count; k++) {
        const struct match *x = &without[k];
        const struct th_permit *permit = match_is_among(x, found, n) ? NULL : view_holder(v, m, x);
        uint64_t key = th_hash_pair(throttle_key(m, v->w->entity, x), HELD_KEY);
        struct th_breach b;
        if (!permit || key == 0 || !make_breach(s, model, v->w, x, &b) ||
            scorer_throttle(s, m, &b, key))
            continue;
        note_told(s, &b, key);
        note_held(s, &b, permit->id);
    }
}

static unsigned find_with_permits(struct th_scorer *s, unsigned model, const struct view *v,
    uint64_t hidden, struct support support, struct th_signal held[MAX_COMPONENTS],
    struct match found[MAX_MATCHES])
{
    const struct model *m = &s->models->model[model];
    struct th_signal held_without[MAX_COMPONENTS];
    struct match without[MAX_MATCHES];
    /* First, since a sequence goes on below. */
    unsigned without_count = scorer_match(s, NULL, m, v->w, &support, held_without, without);
    support.permitted = hidden;
    unsigned n = scorer_match(s, s, m, v->w, &support, held, found);
    count_held(s, model, v, without, without_count, found, n);
    return n;
}

/* What a model finds in a window, best first; what permits held back of it is counted. */
static unsigned find_matches(struct th_scorer *s, unsigned model, const struct view *v,
    const struct support *support, struct th_signal held[MAX_COMPONENTS],
    struct match found[MAX_MATCHES])
{
    const struct model *m = &s->models->model[model];
    uint64_t hidden = view_permitted(v, m);
    return hidden ? find_with_permits(s, model, v, hidden, *support, held, found)
                  : scorer_match(s, s, m, v->w, support, held, found);
}

/* ---- a window ---- */

void th_scorer_window(struct th_scorer *s, const struct th_window *w, th_breach_fn fn, void *arg)
{
    struct partial *p = &s->part[th_entity_partition(w->entity)];
    struct th_signal held[MAX_COMPONENTS];
    struct support support = scorer_support(s);
    struct view v = scorer_view(s, w);
    double best = -1;
    /* Scores are shares of device-hours: what is told of users spends the same budget, but their
     * hours make it no larger (ADR 44). */
    p->hours += !th_entity_is_user(w->entity);
    for (unsigned i = 0; i < s->models->count; i++) {
        const struct model *m = &s->models->model[i];
        struct match found[MAX_MATCHES];
        unsigned n = find_matches(s, i, &v, &support, held, found);
        /* Counted is what is told: a poller that breaches each hour costs an analyst once a day,
         * and what a score costs is what it is to mean. */
        double told = -1;
        for (unsigned k = 0; k < n; k++) {
            struct th_breach b;
            if (!make_breach(s, i, w, &found[k], &b))
                continue;
            note_told(s, &b, throttle_key(m, w->entity, &found[k]));
            fn(arg, &b);
            told = fmax(told, found[k].lgp);
        }
        if (told < 0)
            continue;
        count_best(s, p, i, told);
        best = fmax(best, calibrated(s, i, told));
    }
    if (best < 0)
        return;
    if (!p->best)
        p->best = th_xcalloc(CALIB_BINS, sizeof(*p->best));
    p->best[calib_bin(best)]++;
}

void th_scorer_look(
    const struct th_scorer *s, const struct th_window *w, th_breach_fn fn, void *arg)
{
    struct th_signal held[MAX_COMPONENTS];
    struct support support = scorer_support(s);
    struct view v = scorer_view(s, w);
    for (unsigned i = 0; i < s->models->count; i++) {
        struct match found[MAX_MATCHES];
        support.permitted = view_permitted(&v, &s->models->model[i]);
        unsigned n = scorer_match(s, NULL, &s->models->model[i], w, &support, held, found);
        for (unsigned k = 0; k < n; k++) {
            struct th_breach b;
            if (make_breach(s, i, w, &found[k], &b))
                fn(arg, &b);
        }
    }
}

void th_scorer_forget(struct th_scorer *s, uint64_t entity)
{
    for (uint32_t i = s->chain_count; i-- > 0;)
        if (s->chain[i].entity == entity)
            chain_remove(s, i);
    th_permits_forget(s->permits, entity);
}

static void chains_trim(struct th_scorer *s)
{
    for (uint32_t i = s->chain_count; i-- > 0;) {
        const struct model *m = scorer_model(s, s->chain[i].id_hash);
        int64_t keep = m ? TH_MIN(m->within_ns, MAX_CHAIN_AGE_NS) : 0;
        if (th_time_sub(s->epoch_ns, s->chain[i].first_ns) > keep)
            chain_remove(s, i);
    }
    while (s->chain_count > MAX_CHAINS) {
        uint32_t oldest = 0;
        for (uint32_t i = 1; i < s->chain_count; i++)
            if (s->chain[i].last_ns < s->chain[oldest].last_ns)
                oldest = i;
        chain_remove(s, oldest);
    }
}

static void decay(struct th_scorer *s, unsigned days)
{
    s->hours = calib_decay(s->hours, days);
    for (unsigned b = 0; b < CALIB_BINS; b++) {
        s->best.n[b] = calib_decay(s->best.n[b], days);
        for (unsigned i = 0; i < s->models->count; i++)
            s->model[i].n[b] = calib_decay(s->model[i].n[b], days);
    }
}

void th_scorer_epoch_done(struct th_scorer *s, int64_t time_ns)
{
    int64_t before = s->epoch_ns == TH_TIME_UNSET ? time_ns : s->epoch_ns;
    int64_t days = th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY -
        th_time_floor(before, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    if (days > 0)
        decay(s, (unsigned)TH_MIN(days, (int64_t)365));
    if (s->epoch_ns == TH_TIME_UNSET || time_ns > s->epoch_ns)
        s->epoch_ns = time_ns;
    if (days > 0 || s->throttle.count > MAX_THROTTLES)
        throttle_sweep(&s->throttle, s->epoch_ns);
    chains_trim(s);
}
