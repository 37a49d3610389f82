/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a user's hour, as close.c has it for devices. */
#include <math.h>

#include "learn_i.h"
#include "sketch/hll.h"

#define RAW_MAX 1000.0
#define TELL_RATE_RAW 0.7 /* as of devices */
#define POPULATION_WEIGHT 5.0
#define KEEP 0.990419256 /* 2^(-1/72): half in 72 active hours */
#define GATE_Z 3.0
#define GATE_WEIGHT 0.02
#define GATE_EXPIRES 24u /* hours with logins: some days of them */
#define WINSOR_SD 3.0
#define HOUR_MIN_DAYS 5.0
#define EXPECTED_LEAST 0.05
/* Each further device from which it is refused: a forgotten password fails from one or two. */
#define SPRAY_LGL 0.602
#define SPRAY_USUAL 2.0
#define FEATURES ((unsigned)TH_FEAT_USER_SPRAY - (unsigned)TH_FEAT_USER_LOGINS + 1)
#define AT(FEATURE) ((unsigned)(FEATURE) - (unsigned)TH_FEAT_USER_LOGINS)

/* Of an hour under judgement. */
struct hour {
    struct th_learn *l;
    const struct th_usr *u;
    const struct th_usr_win *w;
    double x[TH_USER_RATES];
    double best[FEATURES];
    uint64_t source;   /* of what is strangest */
    double source_raw; /* and how strange that is */
};

static unsigned group_of(const struct th_usr *u)
{
    return u->hours >= TH_GROWN_HOURS ? TH_GROUP_CLIENT : TH_GROUP_YOUNG;
}

static struct hour hour_of(struct th_learn *l, const struct th_usr *u, const struct th_usr_win *w)
{
    return (struct hour){.l = l,
        .u = u,
        .w = w,
        .x = {w->logins, w->refused, round(th_hll_count(w->hll_source, TH_USER_HLL_LOG2M)),
            round(th_hll_count(w->hll_target, TH_USER_HLL_LOG2M))},
        .source = w->several ? 0 : w->source};
}

static struct th_rate_view view(const struct hour *h, unsigned rate)
{
    const struct th_rate_prior *prior = &h->l->org->user_prior[rate][group_of(h->u)];
    const struct th_moments *m = &h->u->rates[rate];
    struct th_rate_view v = {.rhythm = 1};
    th_moments_shrunk(m, prior->mean, prior->variance, POPULATION_WEIGHT, &v.mean, &v.variance);
    v.active = ((double)m->n + POPULATION_WEIGHT * prior->active) /
        ((double)h->u->weight + POPULATION_WEIGHT);
    v.active = fmin(fmax(v.active, 1e-6), 1);
    th_rate_count(&v, h->x[rate]);
    v.lgp = h->x[rate] > 0 ? fmax(th_lgp_normal(v.z) - log10(v.active), 0) : 0;
    return v;
}

/* What comes once in weeks is none. */
static double expected_of(const struct th_rate_view *v)
{
    double mean = v->mean * v->active;
    return mean < EXPECTED_LEAST ? 0 : mean;
}

static struct th_signal *signal_of(struct hour *h, unsigned feature, double raw)
{
    raw = fmin(fmax(raw, 0), RAW_MAX);
    h->best[AT(feature)] = fmax(h->best[AT(feature)], raw);
    struct th_signal *s = th_signal_add(h->l, raw);
    if (!s)
        return NULL;
    s->feature = (uint16_t)feature;
    s->first_ns = h->w->first_ns;
    s->last_ns = h->w->last_ns;
    s->org_devices = th_org_users(h->l->org);
    return s;
}

static void judge_rates(struct hour *h)
{
    for (unsigned r = 0; r < TH_USER_RATES; r++) {
        struct th_rate_view v = view(h, r);
        unsigned feature = TH_FEAT_USER_LOGINS + r;
        h->best[AT(feature)] = fmin(v.lgp, RAW_MAX);
        struct th_signal *s = v.lgp >= TELL_RATE_RAW ? signal_of(h, feature, v.lgp) : NULL;
        if (!s)
            continue;
        s->observed = h->x[r];
        s->expected = expected_of(&v);
        s->low = v.low;
        s->high = v.high;
    }
}

/* Is the user among those who use it? */
static bool is_counted(const struct hour *h, const struct th_usr_note *n)
{
    return n->first_ns < h->l->org->time_ns;
}

static void put_end(const struct hour *h, const struct th_usr_note *n, struct th_signal *s)
{
    const struct th_usr_end *e = &n->end;
    s->has_peer = true;
    s->peer = (struct th_peer){.key = e->peer_key,
        .addr = e->addr,
        .has_addr = e->has_addr,
        .inside = e->inside,
        .port = e->port,
        .slot = e->slot};
    /* With this one, which is not among them before the hour's end. */
    uint32_t users = th_org_devices(th_org_find(h->l->org, n->key)) + !is_counted(h, n);
    s->peer_devices = TH_MIN(users, s->org_devices);
    memcpy(s->peer_host, e->host, sizeof(e->host));
}

/* The names of the others. */
static void put_others(const struct th_usr_win *w, enum th_user_side side,
    const struct th_usr_note *lead, struct th_signal *s)
{
    char list[TH_USER_NOTES * (TH_USER_HOST_LEN + 2)] = "";
    size_t len = 0;
    for (unsigned i = 0; i < w->note_count[side]; i++) {
        const struct th_usr_note *n = &w->notes[side][i];
        char text[TH_ADDR_TEXT_LEN] = "";
        if (n == lead)
            continue;
        if (n->end.has_addr)
            th_addr_format(&n->end.addr, text);
        const char *name = n->end.host[0] ? n->end.host : text;
        len +=
            (size_t)snprintf(list + len, sizeof(list) - len, "%s%.60s", len == 0 ? "" : ", ", name);
    }
    if (len > 0)
        snprintf(s->detail, sizeof(s->detail), "also %.150s", list);
}

/* The rarest of those that are new speaks for all of them: the hour is told of once. */
static void judge_new(struct hour *h, enum th_user_side side)
{
    const struct th_novelty *novelty = &h->u->novel[side];
    double p = ((double)novelty->fresh + 1) / ((double)novelty->hours + 1); /* as of devices */
    unsigned feature = side == TH_USER_SOURCE ? TH_FEAT_USER_NEW_SOURCE : TH_FEAT_USER_NEW_TARGET;
    const struct th_usr_note *lead = NULL;
    double most = 0;
    for (unsigned i = 0; i < h->w->note_count[side]; i++) {
        const struct th_usr_note *n = &h->w->notes[side][i];
        double raw = -log10(fmin(p, 1)) + th_org_user_rarity(h->l->org, n->key, is_counted(h, n));
        if (lead && raw <= most)
            continue;
        lead = n;
        most = raw;
    }
    if (!lead)
        return;
    if (most > h->source_raw) {
        h->source_raw = most;
        h->source = lead->from;
    }
    struct th_signal *s = signal_of(h, feature, most);
    if (!s)
        return;
    s->observed = lead->logins;
    s->expected = p;
    s->high = ceil(2 * p);
    s->first_ns = lead->first_ns;
    s->last_ns = lead->last_ns;
    put_end(h, lead, s);
    put_others(h->w, side, lead, s);
}

static bool logged_in(const struct th_usr_win *w)
{
    return w->tried[TH_USER_SOURCE] != 0;
}

/* As judge_hour of devices: days of this kind that it was known, and on how many it came at this
 * hour. */
static void judge_time(struct hour *h)
{
    double known = (double)th_time_sub(h->w->start_ns, h->u->first_ns) / (double)TH_NS_PER_DAY;
    unsigned slot = th_week_slot(h->w->start_ns);
    double days = fmin(known * (slot < 24 ? 5 : 2) / 7, UINT8_MAX);
    if (days < HOUR_MIN_DAYS || !logged_in(h->w))
        return;
    double p = fmin((h->u->hour_days[slot] + 1.0) / (days + 2), 1);
    struct th_signal *s = signal_of(h, TH_FEAT_USER_HOUR, -log10(p));
    if (!s)
        return;
    s->observed = h->w->logins;
    s->expected = p;
    snprintf(s->detail, sizeof(s->detail), "at %u:00 UTC; so on %u of %.0f such days", slot % 24,
        h->u->hour_days[slot], days);
}

static void judge_spray(struct hour *h)
{
    double n = round(th_hll_count(h->w->hll_failed, TH_USER_HLL_LOG2M));
    n = fmin(n, h->w->refused);
    struct th_signal *s = n > 1 ? signal_of(h, TH_FEAT_USER_SPRAY, SPRAY_LGL * (n - 1)) : NULL;
    if (!s)
        return;
    s->observed = n;
    s->expected = 1;
    s->high = SPRAY_USUAL;
    s->first_ns = h->w->failed_first_ns;
    s->last_ns = h->w->failed_last_ns;
    char list[TH_USER_NOTES * TH_ADDR_TEXT_LEN + 8] = "";
    size_t len = 0;
    for (unsigned i = 0; i < h->w->examples; i++) {
        char text[TH_ADDR_TEXT_LEN];
        th_addr_format(&h->w->failed[i], text);
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : ", ", text);
    }
    if (len > 0)
        snprintf(s->detail, sizeof(s->detail), "from %.150s", list);
}

static void judge(struct hour *h)
{
    h->l->signal_count = 0;
    h->l->measure_count = 0;
    if (h->u->known) {
        judge_rates(h);
        judge_new(h, TH_USER_SOURCE);
        judge_new(h, TH_USER_TARGET);
        judge_time(h);
    }
    judge_spray(h);
}

static void measure(const struct hour *h)
{
    struct th_learn *l = h->l;
    for (unsigned r = 0; h->u->known && r < TH_USER_RATES; r++) {
        struct th_rate_view v = view(h, r);
        unsigned feature = TH_FEAT_USER_LOGINS + r;
        l->measures[l->measure_count++] = (struct th_measure){.feature = (uint16_t)feature,
            .observed = h->x[r],
            .expected = expected_of(&v),
            .low = v.low,
            .high = v.high,
            .lgp = th_org_calibrate(l->org, feature, group_of(h->u), fmin(v.lgp, RAW_MAX))};
    }
}

static void tell(const struct hour *h, bool over, th_window_fn fn, void *arg)
{
    struct th_learn *l = h->l;
    unsigned group = group_of(h->u);
    th_signals_finish(l, group);
    struct th_window told = {.entity = h->u->id,
        .source = h->source,
        .slot = UINT32_MAX,
        .over = over,
        .start_ns = h->w->start_ns,
        .end_ns = h->w->start_ns + TH_NS_PER_HOUR,
        .events = h->w->events,
        .learned_hours = (double)h->u->hours,
        .habit = (enum th_habit)group,
        .signals = l->signals,
        .count = TH_MIN(l->signal_count, TH_WINDOW_MAX_SIGNALS),
        .measures = l->measures,
        .measure_count = l->measure_count};
    if (fn)
        fn(arg, &told);
}

/* ---- learning ---- */

/* True when the gate held it back. */
static bool learn_rate(const struct hour *h, struct th_usr *u, unsigned rate, double weight)
{
    struct th_moments *m = &u->rates[rate];
    struct th_rate_view v = view(h, rate);
    double x = h->x[rate];
    th_moments_decay(m, 1 - (1 - KEEP) * weight);
    if (!(x > 0))
        return false;
    bool far = v.z > GATE_Z;
    bool gated = far && u->gated[rate] < GATE_EXPIRES && !(h->l->org->without & TH_WITHOUT_GATE);
    if (gated) {
        x = fmin(x, v.mean + WINSOR_SD * sqrt(v.variance) + 1);
        weight *= GATE_WEIGHT;
    }
    th_moments_add(m, x, weight);
    u->gated[rate] = (uint8_t)(far ? TH_MIN(u->gated[rate] + 1u, GATE_EXPIRES) : 0);
    return gated;
}

/* As of devices: what the gate held back counts next to nothing for the distributions, all of it
 * for the calibrators. Hours of users are no device-hours: h->hours stays. */
static void contribute(const struct hour *h, uint64_t gated)
{
    struct th_hists *to = h->l->pending;
    unsigned g = group_of(h->u);
    h->l->pending_any = true;
    for (unsigned r = 0; r < TH_USER_RATES; r++)
        th_loghist_add(&to->user_rates[r][g], (uint64_t)h->x[r], gated >> r & 1 ? 1 : TH_WEIGHT);
    for (unsigned i = 0; i < FEATURES; i++) {
        double best = h->best[i];
        unsigned bin = best > 0 ? TH_MAX(th_calib_bin(best), 1u) : 0;
        to->calib[TH_FEAT_USER_LOGINS + i][g].n[bin] += TH_WEIGHT;
    }
}

static void learn(const struct hour *h, struct th_usr *u)
{
    double weight = th_late_weight(u->closed_ns, h->w->start_ns);
    uint64_t gated = 0;
    for (unsigned r = 0; r < TH_USER_RATES; r++)
        gated |= (uint64_t)learn_rate(h, u, r, weight) << r;
    u->weight = (float)(u->weight * (1 - (1 - KEEP) * weight) + weight);
    contribute(h, gated);
    h->l->stats.gated_updates += (unsigned)__builtin_popcountll(gated);
    for (unsigned side = 0; side < TH_USER_SIDES; side++)
        if (h->w->tried[side])
            th_novelty_learn(&u->novel[side], h->w->fresh[side]);
    uint8_t *days = &u->hour_days[th_week_slot(h->w->start_ns)];
    *days = (uint8_t)TH_MIN(*days + logged_in(h->w), UINT8_MAX);
    u->hours += 1;
    u->closed_ns = TH_MAX(u->closed_ns, h->w->start_ns + TH_NS_PER_HOUR);
}

/* Came it late, or did the user log in in a later hour? */
static bool is_over(const struct th_learn *l, const struct th_part *p, const struct th_usr_win *w)
{
    if (th_time_add(w->start_ns, TH_NS_PER_HOUR) <= l->org->time_ns)
        return true;
    for (uint32_t i = th_usr_at(p, w->user)->wins; i != TH_POOL_NONE; i = th_usr_win_at(p, i)->next)
        if (th_usr_win_at(p, i)->start_ns > w->start_ns)
            return true;
    return false;
}

void th_usr_look(struct th_learn *l, const struct th_part *p, const struct th_usr_win *w,
    th_window_fn fn, void *arg)
{
    struct hour h = hour_of(l, th_usr_at(p, w->user), w);
    judge(&h);
    if (l->signal_count > 0)
        tell(&h, is_over(l, p, w), fn, arg);
}

void th_usr_close(struct th_learn *l, struct th_part *p, uint32_t win, th_window_fn fn, void *arg)
{
    const struct th_usr_win *w = th_usr_win_at(p, win);
    uint32_t at = w->user;
    struct th_usr *u = th_usr_at(p, at);
    struct hour h = hour_of(l, u, w);
    judge(&h);
    measure(&h);
    tell(&h, true, fn, arg);
    if (u->known)
        learn(&h, u);
    th_usr_window_free(p, win);
    if (!u->known && u->wins == TH_POOL_NONE)
        th_usr_remove(p, at);
}
