/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a device's hour: judge it by what was learned before, tell it, learn from it. Judging
 * and telling change nothing: an hour under way is looked at by them alone. */
#include <math.h>

#include "learn_i.h"
#include "sketch/hll.h"

#define RAW_MAX 1000.0
#define TELL_RAW 0.3      /* below, nobody would look at it */
#define TELL_RATE_RAW 0.7 /* every hour has rates, more than evidence of other kinds */
#define SCAN_LGL                                                                                   \
    0.602 /* log10 of 4: threshold random walk with 0.8 and 0.2 (Jung et al., 2004)                \
           */
#define SCAN_MIN_HOSTS 3.0
#define SWEEP_LGL 0.35
#define SWEEP_FREE 3.0
#define DGA_MIN_NAMES 3u
#define DGA_BELIEF 2.0 /* five ordinary names reach 1.7 once in a thousand times (lab/dga.py) */
#define STAGED_RAW 1.5
#define STAGED_NS TH_NS_PER_DAY
#define NOVELTY_KEEP 0.99 /* half in about 70 hours with an occasion */
#define HOUR_MIN_DAYS 5.0
#define UPLOAD_GATE_Z 3.0
#define REFUSED_MOST 8.0
#define REFUSED_HOURS 48.0
#define LATE_HALF_NS (7 * TH_NS_PER_DAY)
#define BIT(f) (UINT64_C(1) << (f))

struct th_signal *th_signal_add(struct th_learn *l, double raw)
{
    if (!(raw >= TELL_RAW) || l->signal_count >= TH_SIGNALS_MAX)
        return NULL;
    struct th_signal *s = &l->signals[l->signal_count++];
    memset(s, 0, sizeof(*s));
    s->lgp_raw = fmin(raw, RAW_MAX);
    return s;
}

/* What is certain of the heaviest. */
static double most_of(const struct th_topk_slot top[TH_TOP_SLOTS])
{
    uint32_t most = 0;
    for (unsigned i = 0; i < TH_TOP_SLOTS; i++)
        most = TH_MAX(most, top[i].count - top[i].error);
    return most;
}

double th_window_rate(const struct th_part *p, const struct th_win *w, unsigned rate)
{
    const struct th_called *c = th_part_called_look(p, w);
    switch (rate) {
    case TH_FEAT_PEERS_EXT: return round(th_hll_count(w->hll_ext, TH_HLL_LOG2M));
    case TH_FEAT_PEERS_INT: return round(th_hll_count(w->hll_int, TH_HLL_LOG2M));
    case TH_FEAT_PEERS_FAILED:
        return round(th_hll_count(th_part_failed_look(p, w)->hll, TH_HLL_LOG2M));
    case TH_FEAT_PORTS: return round(th_hll_count(w->hll_port, TH_HLL_LOG2M));
    case TH_FEAT_PROBED: return round(th_hll_count(c->hll_probe, TH_HLL_LOG2M));
    case TH_RATE(TH_FEAT_CLIENTS): return round(th_hll_count(c->hll, TH_HLL_LOG2M));
    case TH_RATE(TH_FEAT_TO_ONE): return most_of(w->top);
    case TH_RATE(TH_FEAT_FROM_ONE): return most_of(c->top);
    default: return (double)w->v[rate];
    }
}

/* "busiest: 10.1.2.3 port 445 (312), 10.1.2.4 port 445 (20)", of all that the device connected to.
 */
static void top_hosts(const struct th_win *w, char *out, size_t room)
{
    bool used[TH_TOP_SLOTS] = {false};
    size_t len = 0;
    for (unsigned k = 0; k < TH_TOP_SLOTS; k++) {
        unsigned best = TH_TOP_SLOTS;
        for (unsigned i = 0; i < TH_TOP_SLOTS; i++) {
            if (!used[i] && w->top[i].count > 0 &&
                (best == TH_TOP_SLOTS || w->top[i].count > w->top[best].count))
                best = i;
        }
        if (best == TH_TOP_SLOTS || len + 64 > room)
            return;
        used[best] = true;
        char addr[TH_ADDR_TEXT_LEN];
        th_addr_format(&w->top_host[best].addr, addr);
        len += (size_t)snprintf(out + len, room - len, "%s%s port %u (%u)",
            len ? ", " : "busiest: ", addr, w->top_host[best].port, w->top[best].count);
    }
}

/* Of connections that failed, or went to some kind of port, the busiest hosts of all would tell
 * something else. */
static bool is_about_hosts(unsigned rate)
{
    return rate <= TH_FEAT_CONNS_OUT_INT || rate == TH_FEAT_PEERS_EXT;
}

static struct th_signal *window_signal(
    struct th_learn *l, const struct th_win *w, unsigned feature, double raw)
{
    struct th_signal *s = th_signal_add(l, raw);
    if (!s)
        return NULL;
    s->feature = (uint16_t)feature;
    s->first_ns = w->first_ns;
    s->last_ns = w->last_ns;
    s->org_devices = th_org_active(l->org);
    return s;
}

/* What every chart of a device shows, also when it is zero in an hour. */
static bool is_main(unsigned rate)
{
    return rate == TH_FEAT_BYTES_OUT_EXT || rate == TH_FEAT_BYTES_IN_EXT ||
        rate == TH_FEAT_CONNS_OUT_EXT || rate == TH_FEAT_CONNS_OUT_INT ||
        rate == TH_FEAT_PEERS_EXT || rate == TH_FEAT_DNS_QUERIES;
}

static double expected_rate(unsigned rate, const struct th_rate_view *v)
{
    return th_rate_is_log(rate) ? expm1(fmax(v->mean, 0)) : v->mean * v->active;
}

static void measure(
    struct th_learn *l, const struct th_dev *d, const struct th_win *w, const double x[])
{
    l->measure_count = 0;
    for (unsigned f = 0; f < TH_RATES; f++) {
        if (!(x[f] > 0) && !is_main(f))
            continue;
        struct th_rate_view v;
        unsigned feature = th_rate_feature(f);
        th_rate_view(l->org, d, f, w->start_ns, x[f], &v);
        l->measures[l->measure_count++] = (struct th_measure){.feature = (uint16_t)feature,
            .observed = x[f],
            .expected = expected_rate(f, &v),
            .low = v.low,
            .high = v.high,
            .lgp = th_org_calibrate(l->org, feature, d->group, fmax(fmin(v.lgp, RAW_MAX), 0))};
    }
}

static void judge_rates(struct th_learn *l, const struct th_dev *d, const struct th_win *w,
    const double x[], double best[])
{
    for (unsigned f = 0; f < TH_RATES; f++) {
        if (!(x[f] > 0))
            continue;
        struct th_rate_view v;
        th_rate_view(l->org, d, f, w->start_ns, x[f], &v);
        unsigned feature = th_rate_feature(f);
        best[feature] = fmin(v.lgp, RAW_MAX);
        struct th_signal *s = v.lgp >= TELL_RATE_RAW ? window_signal(l, w, feature, v.lgp) : NULL;
        if (!s)
            continue;
        s->observed = x[f];
        s->expected = expected_rate(f, &v);
        s->low = v.low;
        s->high = v.high;
        if (is_about_hosts(f))
            top_hosts(w, s->detail, sizeof(s->detail));
    }
}

/* The note that has the words for what the window counted. */
static const struct th_note *words(
    const struct th_part *p, const struct th_win *w, unsigned feature)
{
    for (uint32_t i = w->notes; i != TH_POOL_NONE; i = th_note_at(p, i)->next) {
        if (th_note_at(p, i)->feature == feature)
            return th_note_at(p, i);
    }
    return NULL;
}

static void judge_scans(
    struct th_learn *l, const struct th_part *p, const struct th_win *w, double best[])
{
    const struct th_failed *failed = th_part_failed_look(p, w);
    for (unsigned i = 0; i < TH_SCAN_SLOTS; i++) {
        const struct th_scan_slot *t = &failed->scan[i];
        double hosts = t->used ? round(th_hll_count(t->hll, TH_SCAN_HLL_LOG2M)) : 0;
        hosts = fmin(hosts, t->fails);
        if (hosts < SCAN_MIN_HOSTS)
            continue;
        unsigned f = t->inside ? TH_FEAT_SCAN_INT : TH_FEAT_SCAN_EXT;
        double raw = SCAN_LGL * (hosts - 1 - fmin(t->oks, hosts * 2));
        best[f] = fmax(best[f], fmin(raw, RAW_MAX));
        struct th_signal *s = window_signal(l, w, f, raw);
        if (!s)
            continue;
        s->observed = hosts;
        s->expected = 1;
        s->high = SCAN_MIN_HOSTS;
        snprintf(s->detail, sizeof(s->detail), "port %u: %u connections failed, %u did not",
            t->port, t->fails, t->oks);
    }
}

static void judge_sweep(struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *w, double best[])
{
    const struct th_called *c = th_part_called_look(p, w);
    double asked = th_window_rate(p, w, TH_FEAT_PROBED);
    double alive = fmin(asked, th_hll_count(c->hll_alive, TH_SCAN_HLL_LOG2M));
    struct th_rate_view v;
    th_rate_view(l->org, d, TH_FEAT_PROBED, w->start_ns, asked, &v);
    double raw = SWEEP_LGL * (asked - alive - SWEEP_FREE - 2 * v.mean * v.active);
    struct th_signal *s = window_signal(l, w, TH_FEAT_SWEEP, raw);
    best[TH_FEAT_SWEEP] = fmax(0, fmin(raw, RAW_MAX));
    if (!s)
        return;
    const struct th_note *n = words(p, w, TH_FEAT_SWEEP);
    s->observed = round(asked - alive);
    s->expected = v.mean * v.active;
    s->high = SWEEP_FREE + v.high;
    s->first_ns = c->probe_first_ns;
    s->last_ns = c->probe_last_ns;
    if (n)
        memcpy(s->detail, th_part_words_look(p, n)->text, TH_NOTE_DETAIL_LEN);
}

static void judge_dga(
    struct th_learn *l, const struct th_part *p, const struct th_win *w, double best[])
{
    if (w->dga_names < DGA_MIN_NAMES || w->dga_missing == 0)
        return;
    double z = th_spelling_z(&w->dga);
    if (z <= 0)
        return;
    double raw = DGA_BELIEF * th_lgp_normal(z);
    best[TH_FEAT_DGA] = fmin(raw, RAW_MAX);
    struct th_signal *s = window_signal(l, w, TH_FEAT_DGA, raw);
    if (!s)
        return;
    const struct th_note *n = words(p, w, TH_FEAT_DGA);
    s->observed = n ? n->a : w->dga_missing;
    s->high = 2;
    if (n) {
        s->first_ns = n->first_ns;
        s->last_ns = n->last_ns;
        memcpy(s->detail, th_part_words_look(p, n)->text, TH_NOTE_DETAIL_LEN);
    }
}

/* Much came from inside in this hour, later than what is remembered. */
static bool is_staging(const struct th_dev *d, const struct th_win *w, const double best[])
{
    return best[TH_FEAT_BYTES_IN_INT] >= STAGED_RAW &&
        (w->start_ns >= d->staged_ns || d->staged_ns == 0);
}

/* Much came from inside within the last day, and now much goes out. */
static void judge_staging(
    struct th_learn *l, const struct th_dev *d, const struct th_win *w, double best[])
{
    bool now = is_staging(d, w, best);
    int64_t staged_ns = now ? w->start_ns : d->staged_ns;
    double staged = (double)(now ? (float)best[TH_FEAT_BYTES_IN_INT] : d->staged_lgp);
    int64_t since = th_time_sub(w->start_ns, staged_ns);
    if (staged_ns == 0 || since < 0 || since > STAGED_NS || best[TH_FEAT_UPLOAD] < STAGED_RAW)
        return;
    double raw = 0.5 + (best[TH_FEAT_UPLOAD] + staged) / 2;
    best[TH_FEAT_STAGING] = fmin(raw, RAW_MAX);
    struct th_signal *s = window_signal(l, w, TH_FEAT_STAGING, raw);
    if (!s)
        return;
    s->observed = (double)w->v[TH_FEAT_BYTES_OUT_EXT];
    s->first_ns = staged_ns;
    snprintf(s->detail, sizeof(s->detail), "%lld hours after it collected from inside hosts",
        (long long)(since / TH_NS_PER_HOUR));
}

/* Days of this kind (working, weekend) that it was known, and on how many it was up at this hour.
 */
static void judge_hour(
    struct th_learn *l, const struct th_dev *d, const struct th_win *w, double best[])
{
    double known = (double)th_time_sub(w->start_ns, d->first_ns) / (double)TH_NS_PER_DAY;
    unsigned slot = th_week_slot(w->start_ns);
    double days = fmin(known * (slot < 24 ? 5 : 2) / 7, UINT8_MAX);
    if (days < HOUR_MIN_DAYS || !(w->tried & BIT(TH_FEAT_ACTIVE_HOUR)))
        return;
    double p = (d->rhythm_n[TH_RHYTHM_COUNT][slot] + 1.0) / (days + 2);
    best[TH_FEAT_ACTIVE_HOUR] = fmax(0, -log10(fmin(p, 1)));
    struct th_signal *s = window_signal(l, w, TH_FEAT_ACTIVE_HOUR, best[TH_FEAT_ACTIVE_HOUR]);
    if (!s)
        return;
    s->observed = (double)(w->v[TH_FEAT_CONNS_OUT_EXT] + w->v[TH_FEAT_CONNS_OUT_INT]);
    s->expected = p;
    snprintf(s->detail, sizeof(s->detail), "at %u:00 UTC; so on %u of %.0f such days", slot % 24,
        d->rhythm_n[TH_RHYTHM_COUNT][slot], days);
}

static void judge_drift(
    struct th_learn *l, const struct th_dev *d, const struct th_win *w, double best[])
{
    double raw = th_drift_raw(d, w);
    best[TH_FEAT_OUTFLOW] = fmin(raw, RAW_MAX);
    struct th_signal *s = raw > 0 ? window_signal(l, w, TH_FEAT_OUTFLOW, raw) : NULL;
    if (s)
        th_drift_fill(d, w, s);
}

void th_novelty_learn(struct th_novelty *n, bool fresh)
{
    n->hours = (float)(n->hours * NOVELTY_KEEP + 1);
    n->fresh = (float)(n->fresh * NOVELTY_KEEP + fresh);
}

static void learn_novelty(struct th_dev *d, const struct th_win *w)
{
    for (unsigned k = 0; k < TH_NOVELS; k++) {
        if (!(w->novel_tried >> k & 1))
            continue;
        th_novelty_learn(&d->novel[k], w->novel_new >> k & 1);
    }
}

/* The largest upload of the hour is the device's; the organisation learns from each. */
static void learn_uploads(
    struct th_learn *l, struct th_part *p, struct th_dev *d, const struct th_win *w, double weight)
{
    double most = 0;
    for (uint32_t i = w->notes; i != TH_POOL_NONE; i = th_note_at(p, i)->next) {
        if (th_note_at(p, i)->feature != TH_FEAT_UPLOAD)
            continue;
        most = fmax(most, th_note_at(p, i)->a);
        th_learn_upload(l, p, th_note_at(p, i));
    }
    if (!(most > 0))
        return;
    double mean;
    double variance;
    th_moments_shrunk(&d->up, l->org->upload_prior[0].mean, l->org->upload_prior[0].variance, 5,
        &mean, &variance);
    double y = log1p(most);
    double sd = sqrt(fmax(variance, 0.5));
    if ((y - mean) / sd > UPLOAD_GATE_Z && !(l->org->without & TH_WITHOUT_GATE)) {
        y = fmin(y, mean + UPLOAD_GATE_Z * sd);
        weight *= 0.1;
    }
    th_moments_decay(&d->up, 0.99);
    th_moments_add(&d->up, y, weight);
}

/* Logins tried at it; of an attack it learns little. */
static void learn_refused(
    const struct th_part *p, struct th_dev *d, const struct th_win *w, double weight)
{
    double tried = 0;
    for (uint32_t i = w->notes; i != TH_POOL_NONE; i = th_note_at(p, i)->next)
        if (th_note_at(p, i)->feature == TH_FEAT_BRUTE_FORCE_IN)
            tried += th_note_at(p, i)->b;
    double mean = (double)d->refused;
    tried = fmin(tried, REFUSED_MOST + 4 * mean);
    d->refused =
        (float)(mean + (tried - mean) * weight / fmin((double)d->hours + 1, REFUSED_HOURS));
}

/* To the organisation's distributions, from which others' expectations come, what the gate held
 * back counts next to nothing; to the calibrators everything counts (facts are facts). */
static void contribute(struct th_learn *l, const struct th_dev *d, unsigned g,
    const struct th_win *w, const double x[], const double best[], uint64_t gated)
{
    struct th_hists *h = l->pending;
    l->pending_any = true;
    h->hours[g] += TH_WEIGHT;
    for (unsigned f = 0; f < TH_RATES; f++) {
        uint64_t weight = gated >> f & 1 ? 1 : TH_WEIGHT;
        th_loghist_add(&h->rates[f][g], (uint64_t)x[f], weight);
        if (d->kin)
            th_loghist_add(&h->kin_rates[f][d->kin], (uint64_t)x[f], weight);
    }
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        if (th_feature_is_user(f))
            continue;
        bool occasion = th_feature_is_rate(f) || (w->tried >> f & 1) || best[f] > 0;
        if (occasion)
            h->calib[f][g].n[best[f] > 0 ? TH_MAX(th_calib_bin(best[f]), 1u) : 0] += TH_WEIGHT;
    }
}

static void grow_up(struct th_dev *d, const struct th_win *w)
{
    d->hours += 1;
    d->closed_ns = TH_MAX(d->closed_ns, w->start_ns + TH_NS_PER_HOUR);
    double in =
        (double)d->rates[TH_FEAT_CONNS_IN_INT].s1 + (double)d->rates[TH_FEAT_CONNS_IN_EXT].s1;
    double out =
        (double)d->rates[TH_FEAT_CONNS_OUT_INT].s1 + (double)d->rates[TH_FEAT_CONNS_OUT_EXT].s1;
    if (d->hours >= TH_GROWN_HOURS)
        d->group = in > out ? TH_GROUP_SERVER : TH_GROUP_CLIENT;
}

double th_late_weight(int64_t closed_ns, int64_t start_ns)
{
    if (closed_ns <= start_ns)
        return 1;
    return exp2(-(double)th_time_sub(closed_ns, start_ns) / (double)LATE_HALF_NS);
}

static void learn(struct th_learn *l, struct th_part *p, struct th_dev *d, struct th_win *w,
    const double x[], const double best[])
{
    double weight = th_late_weight(d->closed_ns, w->start_ns);
    if (is_staging(d, w, best)) {
        d->staged_ns = w->start_ns;
        d->staged_lgp = (float)best[TH_FEAT_BYTES_IN_INT];
    }
    unsigned group = d->group;
    th_drift_learn(d, w);
    uint64_t gated = th_rate_learn(l, d, w, x, weight);
    contribute(l, d, group, w, x, best, gated);
    l->stats.gated_updates += (unsigned)__builtin_popcountll(gated);
    learn_novelty(d, w);
    learn_uploads(l, p, d, w, weight);
    learn_refused(p, d, w, weight);
    th_recurrence_learn(l, p, d, w);
    grow_up(d, w);
}

static int rarest_first(const void *a, const void *b)
{
    const struct th_signal *x = a;
    const struct th_signal *y = b;
    if (x->lgp != y->lgp)
        return x->lgp > y->lgp ? -1 : 1;
    if (x->feature != y->feature)
        return x->feature < y->feature ? -1 : 1;
    return (x->peer.key > y->peer.key) - (x->peer.key < y->peer.key);
}

/* Came it late, or was the device met in a later hour? */
static bool is_over(const struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *w)
{
    if (th_time_add(w->start_ns, TH_NS_PER_HOUR) <= l->org->time_ns)
        return true;
    for (uint32_t i = d->wins; i != TH_POOL_NONE; i = th_win_at(p, i)->next)
        if (th_win_at(p, i)->start_ns > w->start_ns)
            return true;
    return false;
}

static void drop_features(struct th_learn *l)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < l->signal_count; i++)
        if (!l->cfg.without.feature[l->signals[i].feature])
            l->signals[kept++] = l->signals[i];
    l->signal_count = kept;
}

void th_signals_finish(struct th_learn *l, unsigned group)
{
    drop_features(l);
    for (uint32_t i = 0; i < l->signal_count; i++) {
        struct th_signal *s = &l->signals[i];
        s->lgp = th_org_calibrate(l->org, s->feature, group, s->lgp_raw);
    }
    qsort(l->signals, l->signal_count, sizeof(*l->signals), rarest_first);
    for (uint32_t i = 0; i < l->signal_count; i++) {
        struct th_signal *s = &l->signals[i];
        s->peer.host = th_str_c(s->peer_host);
        s->peer.domain = th_str_c(s->peer_domain);
    }
}

static void tell(struct th_learn *l, const struct th_dev *d, const struct th_win *w, bool over,
    th_window_fn fn, void *arg)
{
    th_signals_finish(l, d->group);
    struct th_window told = {.entity = d->id,
        .slot = d->slot,
        .over = over,
        .start_ns = w->start_ns,
        .end_ns = w->start_ns + TH_NS_PER_HOUR,
        .events = w->events,
        .learned_hours = (double)d->hours,
        .habit = (enum th_habit)d->group,
        .signals = l->signals,
        .count = TH_MIN(l->signal_count, TH_WINDOW_MAX_SIGNALS),
        .measures = l->measures,
        .measure_count = l->measure_count};
    if (fn)
        fn(arg, &told);
}

/* Fills the learner's signals and the best raw value of each feature. */
static void judge(struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *w, double x[], double best[])
{
    for (unsigned f = 0; f < TH_RATES; f++)
        x[f] = th_window_rate(p, w, f);
    l->signal_count = 0;
    judge_rates(l, d, w, x, best);
    th_window_notes(l, p, d, w, best);
    judge_scans(l, p, w, best);
    if (w->probes > 0)
        judge_sweep(l, p, d, w, best);
    judge_dga(l, p, w, best);
    judge_staging(l, d, w, best);
    judge_hour(l, d, w, best);
    judge_drift(l, d, w, best);
}

void th_window_look(
    struct th_learn *l, const struct th_part *p, const struct th_win *w, th_window_fn fn, void *arg)
{
    const struct th_dev *d = th_dev_at(p, w->dev);
    double best[TH_FEATURE_COUNT] = {0};
    double x[TH_RATES];
    judge(l, p, d, w, x, best);
    l->measure_count = 0;
    if (l->signal_count > 0)
        tell(l, d, w, is_over(l, p, d, w), fn, arg);
}

void th_window_close(
    struct th_learn *l, struct th_part *p, struct th_win *w, th_window_fn fn, void *arg)
{
    struct th_dev *d = th_dev_at(p, w->dev);
    double best[TH_FEATURE_COUNT] = {0};
    double x[TH_RATES];
    judge(l, p, d, w, x, best);
    measure(l, d, w, x);
    tell(l, d, w, true, fn, arg);
    learn(l, p, d, w, x, best);
    l->stats.windows++;
}
