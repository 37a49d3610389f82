/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What notes are worth when their window closes: -log10 of a parametric p-value,
 * roughly. Being rare for the organisation is judged now, with all that others did
 * until the last closed epoch. Stage two (calib.c) corrects the scale.
 */
#include <math.h>

#include "learn_i.h"

#define RARITY_WEIGHT 0.7
#define RAW_MAX 16.0
#define UPLOAD_SD_MIN 0.8
#define UPLOAD_PAIR_SD 0.7
#define UPLOAD_ORG_SD 1.0
#define UPLOAD_ORG_HOURS 5u
#define RARE_SHARE 0.01
#define RARE_DEVICES 2.0
#define UPLOAD_MUCH_Z 1.5 /* from here on it counts in full how rare the destination is */
#define POPULATION_WEIGHT 5.0
#define RANGE_Z 1.6449
#define LONG_S 600.0
#define STRANGE_BITS 32
#define STRANGE_HOURS 24

struct worth {
    double raw, observed, expected, low, high;
    const char *detail; /* what it is held against, where that is not the device's own; or NULL */
};

static bool counted(const struct th_learn *l, const struct th_note *n)
{
    return n->first_ns < l->org->time_ns;
}

static double unpopular(const struct th_learn *l, const struct th_note *n)
{
    return th_org_unpopular(l->org, n->popularity_key, counted(l, n));
}

static double rarity(const struct th_learn *l, const struct th_note *n)
{
    return n->popularity_key ? th_org_rarity(l->org, n->popularity_key, counted(l, n)) : 0;
}

/* Who takes data in names: a reputation service that a tenth of the devices asks, and more than two
 * besides this one, is no controller. */
static double worth_of_tunnel(const struct th_learn *l, const struct th_note *n)
{
    double more = 2 / ((double)th_org_active(l->org) + 1);
    double share = fmax(th_org_share(l->org, n->popularity_key, counted(l, n)) - more, 0);
    double own = fmax(1 - 9 * share, 0.1);
    return (1.5 * log10(1 + n->a / 200) + n->b) * own + 1.4 * fmax(rarity(l, n) - 1, 0);
}

static struct worth worth_novel(
    const struct th_learn *l, const struct th_dev *d, const struct th_note *n)
{
    double p = th_novelty_p(d, (enum th_novel)(n->novel - 1));
    return (struct worth){
        .raw = -log10(p) + rarity(l, n), .observed = n->a, .expected = p, .high = ceil(p * 2)};
}

static struct worth worth_remote(
    const struct th_learn *l, const struct th_dev *d, const struct th_note *n)
{
    struct worth w = worth_novel(l, d, n);
    /* As if so many quiet devices had been watched before: 10^base of them. */
    double active = th_org_active(l->org);
    double share = th_org_share(l->org, n->popularity_key, counted(l, n)) * (active + 1);
    w.raw =
        -log10(th_novelty_p(d, TH_NOVEL_REMOTE)) + log10((active + pow(10, n->b)) / (share + 1));
    w.raw = fmax(w.raw, 0);
    return w;
}

static struct worth worth_beacon(
    const struct th_learn *l, const struct th_dev *d, const struct th_note *n)
{
    struct th_rhythm r = {.even = n->a,
        .key = n->popularity_key,
        .counted = counted(l, n),
        .first_ns = n->first_ns,
        .last_ns = n->last_ns};
    return (struct worth){.raw = th_rhythm_worth(l, d, &r), .observed = n->c};
}

/* How far ln(bytes + 1) lies above what all devices send to this destination in an hour. */
static double above_others(const struct th_org_dest *o, double y)
{
    double mean = (double)o->up_sum / o->up_n;
    double variance = fmax((double)o->up_squares / o->up_n - mean * mean, 0);
    double sd = sqrt(variance) / 4 * M_LN2;
    return (y - mean / 4 * M_LN2) / fmax(sd, UPLOAD_ORG_SD);
}

/* Does hardly anybody else use the destination: two devices, or one in a hundred? */
static bool is_rare(const struct th_learn *l, const struct th_note *n)
{
    double most = fmax(RARE_SHARE, RARE_DEVICES / ((double)th_org_active(l->org) + 1));
    return th_org_share(l->org, n->popularity_key, counted(l, n)) <= most;
}

/* Against what was learned of such uploads: worth is how far above it. */
static double against(double y, double mean, double variance, struct worth *ret)
{
    double sd = fmax(UPLOAD_SD_MIN, sqrt(variance));
    ret->expected = expm1(mean);
    ret->low = expm1(fmax(0, mean - RANGE_Z * sd));
    ret->high = expm1(mean + RANGE_Z * sd);
    return (y - mean) / sd;
}

/* Against the device's habit; to a rare destination also against what is sent to such: where some
 * send gigabytes to a service of everybody's every day, 20 MB to a stranger are still much. */
static struct worth worth_upload(
    const struct th_learn *l, const struct th_dev *d, const struct th_note *n)
{
    double mean;
    double variance;
    const struct th_rate_prior *all = &l->org->upload_prior[0];
    const struct th_rate_prior *rare = &l->org->upload_prior[1];
    double y = log1p(n->a);
    struct worth w = {.observed = n->a};
    struct worth to_rare = {
        .observed = n->a, .detail = "held against what is sent to places that hardly anybody uses"};
    th_moments_shrunk(&d->up, all->mean, all->variance, POPULATION_WEIGHT, &mean, &variance);
    double z = against(y, mean, variance, &w);
    double z_rare = is_rare(l, n) ? against(y, rare->mean, rare->variance, &to_rare) : z;
    if (z_rare > z) {
        z = z_rare;
        w = to_rare;
    }
    if (n->b > 0) /* what it sends there every so often is its habit */
        z = fmin(z, (y - log1p(n->b)) / UPLOAD_PAIR_SD);
    const struct th_org_dest *o = th_org_find(l->org, n->popularity_key);
    if (o && o->up_n >= UPLOAD_ORG_HOURS && th_org_devices(o) >= 3)
        z = fmin(z, above_others(o, y));
    if (z > 0)
        w.raw = th_lgp_normal(z) + fmin(z / UPLOAD_MUCH_Z, 1) * rarity(l, n);
    return w;
}

/* P(X >= k) of n tries that each succeed with p. */
static double binomial_tail(unsigned n, unsigned k, double p)
{
    double sum = 0;
    double choose = 1; /* n over i */
    for (unsigned i = 0; i <= n; i++) {
        if (i >= k)
            sum += choose * pow(p, i) * pow(1 - p, n - i);
        choose *= (double)(n - i) / (i + 1);
    }
    return fmin(sum, 1);
}

/* Any one hour of it is a slip of somebody's fingers: how many there were in a day is what counts,
 * against what they were before this day. */
static struct worth worth_strange(
    const struct th_dev *d, const struct th_win *w, const struct th_note *n)
{
    int64_t back = d->hours_at - w->start_ns / TH_NS_PER_HOUR;
    if (back < 0 || back >= STRANGE_BITS - STRANGE_HOURS)
        return (struct worth){.observed = n->a > 0};
    uint32_t day = (UINT32_C(1) << STRANGE_HOURS) - 1;
    unsigned met = (unsigned)__builtin_popcount(d->strange_bits >> back & day);
    unsigned active = (unsigned)__builtin_popcount((uint32_t)(d->hours_bits >> back) & day);
    const struct th_novelty *v = &d->novel[TH_NOVEL_STRANGE_LOGIN];
    double learned = met > 0 ? met - 1 : 0; /* hours of this day in what was learned */
    double p =
        (fmax((double)v->fresh - learned, 0) + 1) / (fmax((double)v->hours - learned, 0) + 1);
    active = TH_MAX(active, met);
    p = fmin(p, 1);
    return (struct worth){.raw = -log10(binomial_tail(active, met, p)),
        .observed = met,
        .expected = p * active,
        .high = ceil(p * active) + 1};
}

/* Where many log in, some are wrong in every hour. */
static struct worth worth_refused(const struct th_dev *d, const struct th_note *n)
{
    double mean = (double)d->refused;
    return (struct worth){.raw = 0.125 * fmax(n->b - 2 * mean, 0) / (1 + sqrt(mean)),
        .observed = n->a,
        .expected = fmax(mean, 1),
        .high = 8 + 2 * mean};
}

static struct worth judge(const struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *win, const struct th_note *n)
{
    switch (n->feature) {
    case TH_FEAT_REMOTE_EXEC: return worth_remote(l, d, n);
    case TH_FEAT_BEACON_FAST:
    case TH_FEAT_BEACON_INT:
    case TH_FEAT_BEACON_SLOW: return worth_beacon(l, d, n);
    case TH_FEAT_UPLOAD: return worth_upload(l, d, n);
    case TH_FEAT_SCAN_PORTS:
        return (struct worth){.raw = 0.25 * fmax(0, n->a - 5),
            .observed = fmax(round(n->a), fmin(n->b, th_window_rate(p, win, TH_FEAT_PORTS))),
            .expected = 2,
            .high = 5};
    case TH_FEAT_DNS_TUNNEL:
        return (struct worth){
            .raw = worth_of_tunnel(l, n), .observed = n->a, .expected = 100, .high = 1000};
    case TH_FEAT_LONG_CONN:
        return (struct worth){
            .raw = 1.2 * log10(n->a / LONG_S) * unpopular(l, n) + RARITY_WEIGHT * rarity(l, n),
            .observed = n->a,
            .expected = 60,
            .high = LONG_S};
    case TH_FEAT_LATERAL:
        return (struct worth){
            .raw = 1 + n->b - log10(th_novelty_p(d, TH_NOVEL_ADMIN_PEER)), .observed = n->a};
    case TH_FEAT_BRUTE_FORCE:
        return (struct worth){.raw = 0.125 * n->b, .observed = n->a, .expected = 1, .high = 8};
    case TH_FEAT_BRUTE_FORCE_IN: return worth_refused(d, n);
    case TH_FEAT_STRANGE_LOGINS: return worth_strange(d, win, n);
    case TH_FEAT_MINING:
        return (struct worth){
            .raw = n->b * unpopular(l, n) + RARITY_WEIGHT * rarity(l, n), .observed = n->a};
    default: return worth_novel(l, d, n);
    }
}

static void fill(struct th_learn *l, const struct th_part *p, const struct th_note *n,
    const struct worth *w, struct th_signal *s)
{
    s->feature = n->feature;
    s->observed = w->observed;
    s->expected = w->expected;
    s->low = w->low;
    s->high = w->high;
    s->lgp_raw = fmin(w->raw, RAW_MAX);
    s->first_ns = n->first_ns;
    s->last_ns = n->last_ns;
    memcpy(s->detail, th_part_words_look(p, n)->text, TH_NOTE_DETAIL_LEN);
    if (w->detail)
        snprintf(s->detail, sizeof(s->detail), "%s", w->detail);
    s->org_devices = th_org_active(l->org);
    if (!(n->flags & TH_NOTE_PEER))
        return;
    s->has_peer = true;
    s->peer = (struct th_peer){.key = n->peer_key,
        .addr = n->addr,
        .has_addr = (n->flags & TH_NOTE_ADDR) != 0,
        .inside = (n->flags & TH_NOTE_INSIDE) != 0,
        .vouched = (n->flags & TH_NOTE_VOUCHED) != 0,
        .port = n->port,
        .slot = n->slot};
    uint64_t used = n->flags & TH_NOTE_NAME ? n->popularity_key : n->peer_key;
    s->peer_devices = TH_MIN(th_org_devices(th_org_find(l->org, used)), s->org_devices);
    memcpy(s->peer_host, n->host, sizeof(n->host));
    if (n->domain_at < TH_NOTE_HOST_LEN)
        memcpy(s->peer_domain, n->host + n->domain_at, sizeof(n->host) - n->domain_at);
}

void th_learn_upload(struct th_learn *l, struct th_part *p, const struct th_note *n)
{
    uint32_t code = (uint32_t)fmin(4 * log2(1 + n->a), 255);
    th_touch_add(&p->touches, n->popularity_key, TH_TOUCH_UPLOAD, code);
    th_loghist_add(&l->pending->uploads[is_rare(l, n)], (uint64_t)n->a, TH_WEIGHT);
}

void th_window_notes(struct th_learn *l, const struct th_part *p, const struct th_dev *d,
    const struct th_win *w, double best[])
{
    for (uint32_t i = w->notes; i != TH_POOL_NONE;) {
        const struct th_note *n = th_note_at(p, i);
        i = n->next;
        if (n->feature == TH_FEAT_DGA || n->feature == TH_FEAT_SWEEP)
            continue; /* only words for what the window counted */
        struct worth value = judge(l, p, d, w, n);
        double usual;
        value.raw *= th_recurrence_share(l, p, d, w, n, &usual);
        if (usual > 0) {
            value.expected = usual;
            value.high = 2 * usual;
        }
        best[n->feature] = fmax(best[n->feature], fmin(value.raw, RAW_MAX));
        struct th_signal *s = th_signal_add(l, value.raw);
        if (s)
            fill(l, p, n, &value, s);
    }
}
