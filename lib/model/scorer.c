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

void th_scorer_without_time(struct th_scorer *s)
{
    s->alone = true;
}

void th_scorer_free(struct th_scorer *s)
{
    if (!s)
        return;
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        free(s->part[p].best);
        free(s->part[p].model);
        free(s->part[p].told.v);
        free(s->part[p].trail.v);
        free(s->part[p].chain);
        free(s->part[p].held);
    }
    th_permits_free(s->permits);
    for (uint32_t i = 0; i < s->chain_count; i++)
        free(s->chain[i].evidence);
    free(s->chain);
    free(s->told.cell);
    free(s->trails.cell);
    free(s->model);
    free(s);
}

uint64_t th_scorer_dropped(const struct th_scorer *s)
{
    return s->told.dropped + s->trails.dropped;
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

/* What goes on is told again in its third hour, its sixth, twelfth and so on: by a count, since a
 * score that grows with every hour passes any step an hour sooner or later. */
static bool is_milestone(uint32_t hours)
{
    return hours > 0 && hours % 3 == 0 && __builtin_popcount(hours / 3) == 1;
}

const struct memo *scorer_throttle(
    const struct th_scorer *s, const struct model *m, const struct th_breach *b, uint64_t key)
{
    const struct memo *last = memo_find(&s->told, key);
    /* What comes late is measured against its own time, in both directions. */
    bool holds = last && !is_milestone(b->hours) && b->score < last->value + m->throttle_rise &&
        th_time_sub(b->time_ns, last->time_ns) < m->throttle_ns &&
        th_time_sub(last->time_ns, b->time_ns) < m->throttle_ns;
    return holds ? last : NULL;
}

static void note_told(struct th_scorer *s, const struct th_breach *b, uint64_t key)
{
    struct memo v = {.key = key, .time_ns = b->time_ns, .value = b->score};
    memo_put(&s->told, &v);
    memo_note(&s->part[th_entity_partition(b->entity)].told, &v);
}

/* A patch day goes on for some hours; what comes of the device afterwards is its own. */
#define DISCOUNTED_NS (4 * TH_NS_PER_HOUR)

void th_scorer_discount(struct th_scorer *s, unsigned model, uint64_t throttle, int64_t time_ns)
{
    struct memo *told = memo_find(&s->told, throttle);
    int64_t shorter = s->models->model[model].throttle_ns - DISCOUNTED_NS;
    if (told && told->time_ns == time_ns && shorter > 0)
        told->time_ns -= shorter;
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
        .throttle = throttle_key(m, w->entity, x),
        .late_hours = late_hours(s, w)};
    struct memo trail = trail_of(s, m, w, x);
    ret->id = th_hash_pair(th_hash_pair(m->id_hash, w->entity),
        th_hash_pair((uint64_t)w->start_ns, x->has_peer ? x->peer_key : 0));
    ret->since_ns = trail.since_ns;
    ret->hours = trail.hours;
    ret->score =
        scorer_score(s, calib_lgp(&s->best, s->hours, calibrated(s, model, x->lgp) + trail.before));
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

/* Apart from what was told: what a permit held back must not keep it from being told when the
 * permit has ended. */
static uint64_t held_key(uint64_t key)
{
    uint64_t held = th_hash_pair(key, UINT64_C(0x68656c64));
    return held ? held : 1;
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
        if (!permit)
            continue;
        struct th_breach b;
        uint64_t key = throttle_key(m, v->w->entity, x);
        struct memo trail = trail_of(s, m, v->w, x);
        scorer_breach(s, model, v->w, x, &b);
        /* It goes on whether it is told or not: nothing else changes for what a permit hides. */
        trail_keep(s, v->w->entity, &trail, calibrated(s, model, x->lgp) + trail.before);
        if (scorer_throttle(s, m, &b, key) || scorer_throttle(s, m, &b, held_key(key)))
            continue;
        note_told(s, &b, held_key(key));
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
            struct memo trail = trail_of(s, m, w, &found[k]);
            double own = calibrated(s, i, found[k].lgp);
            bool is_told = make_breach(s, i, w, &found[k], &b);
            trail_keep(s, w->entity, &trail, own + trail.before);
            if (!is_told)
                continue;
            told = fmax(told, found[k].lgp);
            best = fmax(best, own + trail.before);
            note_told(s, &b, throttle_key(m, w->entity, &found[k]));
            fn(arg, &b);
        }
        if (told >= 0)
            count_best(s, p, i, told);
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
    if (days > 0 || s->told.count > MAX_MEMOS)
        memo_sweep(&s->told, s->epoch_ns);
    if (days > 0 || s->trails.count > MAX_MEMOS)
        memo_sweep(&s->trails, s->epoch_ns);
    chains_trim(s);
}
