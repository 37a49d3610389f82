/* SPDX-License-Identifier: Apache-2.0 */
#include "model_i.h"

/* One hour that is being explained. */
struct asker {
    const struct th_scorer *s;
    const struct th_window *w;
    struct view view;
    struct support plain; /* without permits */
    struct th_explanation *e;
};

static struct th_verdict *add_verdict(
    struct th_explanation *e, unsigned model, enum th_outcome outcome)
{
    struct th_verdict *v;
    if ((e->verdict_count & (e->verdict_count + 1)) == 0)
        e->verdicts =
            th_xreallocarray(e->verdicts, 2 * (size_t)(e->verdict_count + 1), sizeof(*e->verdicts));
    v = &e->verdicts[e->verdict_count++];
    *v = (struct th_verdict){.model = model, .outcome = outcome};
    return v;
}

static void add_other(struct th_explanation *e, unsigned model, unsigned models)
{
    if (!e->others)
        e->others = th_xcalloc(models, sizeof(*e->others));
    e->others[e->other_count++] = model;
}

static struct support support_for(const struct asker *a, const struct model *m)
{
    struct support support = a->plain;
    support.permitted = view_permitted(&a->view, m);
    return support;
}

/* ---- what was found ---- */

static struct th_verdict *add_found(
    struct asker *a, unsigned model, enum th_outcome outcome, const struct th_breach *b)
{
    struct th_verdict *v = add_verdict(a->e, model, outcome);
    TH_AUTOBUF struct th_buf peer = TH_BUF_INIT;
    v->breach = b->id;
    v->score = b->score;
    v->closeness = b->score / 100;
    if (b->has_peer)
        text_peer(&peer, &b->peer);
    snprintf(v->peer, sizeof(v->peer), "%.*s", (int)peer.len, peer.len ? (const char *)peer.p : "");
    return v;
}

static void explain_found(struct asker *a, unsigned model, const struct match *x)
{
    const struct model *m = &a->s->models->model[model];
    struct th_breach b;
    scorer_breach(a->s, model, a->w, x, &b);
    const struct memo *last = scorer_throttle(a->s, m, &b, throttle_key(m, a->w->entity, x));
    struct th_verdict *v = add_found(a, model, last ? TH_OUTCOME_THROTTLED : TH_OUTCOME_TOLD, &b);
    if (!last)
        return;
    v->told_score = last->value;
    v->told_ns = last->time_ns;
    v->again_score = last->value + m->throttle_rise;
    v->again_ns = th_time_add(last->time_ns, m->throttle_ns);
}

static bool explain_permitted(struct asker *a, unsigned model, const struct match *x)
{
    const struct th_permit *permit = view_holder(&a->view, &a->s->models->model[model], x);
    struct th_breach b;
    if (!permit)
        return false;
    scorer_breach(a->s, model, a->w, x, &b);
    add_found(a, model, TH_OUTCOME_PERMITTED, &b)->permit = permit->id;
    return true;
}

/* True: the model holds, or would have without a permit. */
static bool explain_matches(struct asker *a, unsigned model)
{
    const struct model *m = &a->s->models->model[model];
    struct th_signal held[MAX_COMPONENTS];
    struct th_signal held_without[MAX_COMPONENTS];
    struct match found[MAX_MATCHES];
    struct match without[MAX_MATCHES];
    struct support support = support_for(a, m);
    unsigned n = scorer_match(a->s, NULL, m, a->w, &support, held, found);
    unsigned all = scorer_match(a->s, NULL, m, a->w, &a->plain, held_without, without);
    bool any = n > 0;
    for (unsigned i = 0; i < n; i++)
        explain_found(a, model, &found[i]);
    for (unsigned i = 0; i < all; i++)
        if (!match_is_among(&without[i], found, n))
            any |= explain_permitted(a, model, &without[i]);
    return any;
}

/* ---- what is missing ---- */

enum { NEAREST = TH_REFUSED_WITHIN + 1 };

/* What holds is nearest; else the reasons stand in the order of how near they are. */
static unsigned nearness(enum th_refusal r)
{
    if (r == TH_REFUSED_NOT)
        return NEAREST;
    return r == TH_REFUSED_FEATURE || r == TH_REFUSED_TURN ? 0 : (unsigned)r;
}

/* The signal that comes nearest to a component, of equally near ones the rarest. */
static struct th_asked ask(
    const struct asker *a, const struct model *m, unsigned component, const struct support *support)
{
    const struct component *c = &m->component[component];
    struct th_asked best = {.feature = c->feature,
        .required = c->required,
        .at_least = c->at_least,
        .rarity = c->rarity,
        .refusal = TH_REFUSED_FEATURE,
        .signal = TH_NO_SIGNAL};
    for (uint32_t i = 0; i < a->w->count; i++) {
        enum th_refusal r = signal_refused(m, c, a->w, support, i, NULL);
        bool nearer = nearness(r) > nearness(best.refusal);
        bool rarer = r == best.refusal && r != TH_REFUSED_FEATURE &&
            a->w->signals[i].lgp > a->w->signals[best.signal].lgp;
        if (!nearer && !rarer)
            continue;
        best.refusal = r;
        best.signal = i;
    }
    return best;
}

static void ask_all(const struct asker *a, const struct model *m, const struct support *support,
    struct th_verdict *v)
{
    v->asked_count = m->component_count;
    for (unsigned i = 0; i < m->component_count; i++)
        v->asked[i] = ask(a, m, i, support);
}

/* Is there anything at all that the model looks for? */
static bool concerns(const struct model *m, const struct th_window *w)
{
    for (unsigned i = 0; i < m->component_count; i++)
        for (uint32_t k = 0; k < w->count && m->component[i].required; k++)
            if (w->signals[k].feature == m->component[i].feature)
                return true;
    return false;
}

/* Which required components hold for the peer, a bit each; and how many. */
static unsigned held_for(const struct asker *a, const struct model *m,
    const struct support *support, uint64_t peer_key, unsigned *ret_count)
{
    unsigned bits = 0;
    *ret_count = 0;
    for (unsigned i = 0; i < m->component_count; i++) {
        if (!m->component[i].required || !component_find(m, i, a->w, support, &peer_key))
            continue;
        bits |= 1u << i;
        ++*ret_count;
    }
    return bits;
}

/* Each component holds, but never all of them for one peer: of the peer for which most do, the
 * others are about other peers. */
static void explain_peers(const struct asker *a, const struct model *m,
    const struct support *support, struct th_verdict *v)
{
    unsigned best_bits = 0;
    unsigned best_count = 0;
    for (uint32_t i = 0; i < a->w->count; i++) {
        unsigned count = 0;
        unsigned bits = a->w->signals[i].has_peer
            ? held_for(a, m, support, a->w->signals[i].peer.key, &count)
            : 0;
        if (count <= best_count)
            continue;
        best_bits = bits;
        best_count = count;
    }
    for (unsigned i = 0; i < v->asked_count; i++)
        if (v->asked[i].required && !(best_bits >> i & 1))
            v->asked[i].refusal = TH_REFUSED_PEER;
}

static bool all_hold(const struct th_verdict *v)
{
    for (unsigned i = 0; i < v->asked_count; i++)
        if (v->asked[i].required && v->asked[i].refusal != TH_REFUSED_NOT)
            return false;
    return true;
}

static double closeness(const struct th_verdict *v)
{
    double sum = 0;
    double most = 0;
    unsigned required = 0;
    for (unsigned i = 0; i < v->asked_count; i++) {
        if (!v->asked[i].required)
            continue;
        double x = (double)nearness(v->asked[i].refusal) / NEAREST;
        sum += x;
        most = TH_MAX(most, x);
        required++;
    }
    return v->any ? most : sum / TH_MAX(required, 1u);
}

static void explain_miss(struct asker *a, unsigned model)
{
    const struct model *m = &a->s->models->model[model];
    struct support support = support_for(a, m);
    struct th_verdict *v = add_verdict(a->e, model, TH_OUTCOME_NEARLY);
    v->any = m->combine == COMBINE_ANY;
    ask_all(a, m, &support, v);
    if (!v->any && all_hold(v))
        explain_peers(a, m, &support, v);
    v->closeness = closeness(v);
}

/* ---- sequences ---- */

/* Of the part that is to come, what there is for it in the window; `why` tells of what was found.
 * Those before were seen, `earlier` of them in hours before; those behind have to wait. */
static void ask_parts(struct th_verdict *v, uint32_t earlier, enum th_refusal why)
{
    if (why != TH_REFUSED_FEATURE)
        v->asked[v->stage].refusal = why;
    for (uint32_t i = 0; i < v->stage; i++)
        v->asked[i].refusal = TH_REFUSED_NOT;
    for (uint32_t i = 0; i < earlier; i++)
        v->asked[i].signal = TH_NO_SIGNAL;
    for (uint32_t i = v->stage + 1; i < v->asked_count; i++)
        v->asked[i].refusal = TH_REFUSED_TURN;
}

static void explain_sequence(struct asker *a, unsigned model)
{
    const struct model *m = &a->s->models->model[model];
    struct support support = support_for(a, m);
    struct th_signal held[MAX_COMPONENTS];
    struct chain c = chain_copy(a->s, m, a->w, held);
    uint32_t earlier = c.stage;
    enum th_refusal why = chain_advance(m, a->w, &support, &c);
    if (c.stage == 0 && !concerns(m, a->w)) {
        add_other(a->e, model, a->s->models->count);
        return;
    }
    struct th_verdict *v =
        add_verdict(a->e, model, c.stage > 0 ? TH_OUTCOME_UNDER_WAY : TH_OUTCOME_NEARLY);
    v->sequence = true;
    v->stage = c.stage;
    v->first_ns = c.first_ns;
    v->until_ns = th_time_add(c.first_ns, m->within_ns);
    ask_all(a, m, &support, v);
    ask_parts(v, earlier, why);
    v->closeness = closeness(v);
}

/* ---- the hour ---- */

static void explain_model(struct asker *a, unsigned model)
{
    const struct model *m = &a->s->models->model[model];
    bool concerned = concerns(m, a->w);
    if (!model_active(m, a->w->start_ns)) {
        if (concerned)
            add_verdict(a->e, model, TH_OUTCOME_INACTIVE);
        else
            add_other(a->e, model, a->s->models->count);
        return;
    }
    if (explain_matches(a, model))
        return;
    if (m->combine == COMBINE_SEQUENCE)
        explain_sequence(a, model);
    else if (concerned)
        explain_miss(a, model);
    else
        add_other(a->e, model, a->s->models->count);
}

static void take_window(struct th_explanation *e, const struct th_window *w)
{
    *e = (struct th_explanation){.entity = w->entity,
        .start_ns = w->start_ns,
        .end_ns = w->end_ns,
        .events = w->events,
        .learned_hours = w->learned_hours,
        .signal_count = TH_MIN(w->count, TH_WINDOW_MAX_SIGNALS)};
    for (uint32_t i = 0; i < e->signal_count; i++)
        signal_copy(&e->signals[i], &w->signals[i]);
}

static int best_first(const void *a, const void *b)
{
    const struct th_verdict *x = a;
    const struct th_verdict *y = b;
    if (x->outcome != y->outcome)
        return x->outcome < y->outcome ? -1 : 1;
    if (x->closeness != y->closeness)
        return x->closeness > y->closeness ? -1 : 1;
    if (x->model != y->model)
        return x->model < y->model ? -1 : 1;
    return strcmp(x->peer, y->peer);
}

void th_scorer_explain(
    const struct th_scorer *s, const struct th_window *w, struct th_explanation *ret)
{
    struct asker a = {
        .s = s, .w = w, .view = scorer_view(s, w), .plain = scorer_support(s), .e = ret};
    take_window(ret, w);
    for (unsigned i = 0; i < s->models->count; i++)
        explain_model(&a, i);
    if (ret->verdict_count > 1)
        qsort(ret->verdicts, ret->verdict_count, sizeof(*ret->verdicts), best_first);
}

void th_explanation_done(struct th_explanation *e)
{
    free(e->verdicts);
    free(e->others);
    *e = (struct th_explanation){0};
}
