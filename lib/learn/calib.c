/* SPDX-License-Identifier: Apache-2.0 */
/* What is derived from the organisation's histograms: priors of rates, and the calibrators'
 * curves (stage two). */
#include <math.h>

#include "org.h"

/* Where the organisation has little to say about a feature, the parametric p-value stands in, as
 * the evidence of so many device-hours. */
#define PSEUDO_HOURS 50.0
/* The tail begins where at least so many device-hours are left. */
#define TAIL_HOURS 20.0
#define TAIL_PSEUDO 5.0
#define TAIL_MIN_EXCESS 0.3
/* Rarity may go one decade past what the pooled device-hours show. */
#define CAP_DECADES 1.0
/* Past all caps, order is kept: so much remains of each doubling of the raw value. */
#define TIE_BREAK 0.02

/* Before anything is known. */
#define COUNT_MEAN 20.0
#define COUNT_VARIANCE 1600.0
#define COUNT_LN_MEAN 2.0
#define COUNT_LN_VARIANCE 1.5
#define BYTES_LN_MEAN 11.0
#define BYTES_LN_VARIANCE 9.0
#define ACTIVE_SHARE 0.3
#define USER_MEAN 3.0
#define USER_VARIANCE 12.0
#define DEFAULT_HOURS 20.0
#define POOL_HOURS 50.0
#define RHYTHM_POOL 8.0
#define WINSOR 0.99

static bool is_bytes(unsigned f)
{
    return f >= TH_FEAT_BYTES_OUT_EXT && f <= TH_FEAT_BYTES_IN_INT;
}

static bool is_log(unsigned f)
{
    return is_bytes(f) || f >= TH_RATES_FRONT;
}

/* Mean, variance and active share of a histogram, shrunk to base by `weight` hours of it. */
static struct th_rate_prior shrink(
    const struct th_loghist *h, bool logs, struct th_rate_prior base, double weight)
{
    double total = (double)th_loghist_total(h) / TH_WEIGHT;
    double active = total - (double)h->n[0] / TH_WEIGHT;
    double mean;
    double variance;
    if (logs)
        th_loghist_log_moments(h, 1, WINSOR, &mean, &variance);
    else
        th_loghist_moments(h, 1, WINSOR, &mean, &variance);
    double n = active + weight;
    double s1 = active * mean + weight * base.mean;
    double s2 =
        active * (variance + mean * mean) + weight * (base.variance + base.mean * base.mean);
    struct th_rate_prior r = {.mean = s1 / n};
    r.variance = fmax(logs ? 0.25 : r.mean, s2 / n - r.mean * r.mean);
    r.active = (active + weight * base.active) / (total + weight);
    return r;
}

static void derive_rates(struct th_org *o)
{
    for (unsigned f = 0; f < TH_RATES; f++) {
        struct th_rate_prior base = {
            .mean = COUNT_MEAN, .variance = COUNT_VARIANCE, .active = ACTIVE_SHARE};
        if (is_log(f)) {
            base.mean = is_bytes(f) ? BYTES_LN_MEAN : COUNT_LN_MEAN;
            base.variance = is_bytes(f) ? BYTES_LN_VARIANCE : COUNT_LN_VARIANCE;
        }
        struct th_loghist all = o->h.rates[f][0];
        for (unsigned g = 1; g < TH_GROUPS; g++)
            th_loghist_merge(&all, &o->h.rates[f][g]);
        bool alone = o->without & TH_WITHOUT_PEERS;
        if (!alone)
            base = shrink(&all, is_log(f), base, DEFAULT_HOURS);
        for (unsigned g = 0; g < TH_GROUPS; g++) {
            struct th_rate_prior *prior = o->prior[f][g];
            prior[0] = alone ? base : shrink(&o->h.rates[f][g], is_log(f), base, POOL_HOURS);
            for (unsigned t = 1; t < TH_DEVICE_TYPE_COUNT; t++)
                prior[t] =
                    alone ? base : shrink(&o->h.kin_rates[f][t], is_log(f), prior[0], POOL_HOURS);
        }
    }
    struct th_rate_prior up = {
        .mean = BYTES_LN_MEAN, .variance = BYTES_LN_VARIANCE, .active = ACTIVE_SHARE};
    struct th_loghist uploads = o->h.uploads[0];
    th_loghist_merge(&uploads, &o->h.uploads[1]);
    o->upload_prior[0] = shrink(&uploads, true, up, DEFAULT_HOURS);
    o->upload_prior[1] = shrink(&o->h.uploads[1], true, up, DEFAULT_HOURS);
}

static void derive_users(struct th_org *o)
{
    for (unsigned f = 0; f < TH_USER_RATES; f++) {
        struct th_rate_prior base = {
            .mean = USER_MEAN, .variance = USER_VARIANCE, .active = ACTIVE_SHARE};
        if (o->without & TH_WITHOUT_PEERS) {
            for (unsigned g = 0; g < TH_GROUPS; g++)
                o->user_prior[f][g] = base;
            continue;
        }
        struct th_loghist all = o->h.user_rates[f][0];
        for (unsigned g = 1; g < TH_GROUPS; g++)
            th_loghist_merge(&all, &o->h.user_rates[f][g]);
        base = shrink(&all, false, base, DEFAULT_HOURS);
        for (unsigned g = 0; g < TH_GROUPS; g++)
            o->user_prior[f][g] = shrink(&o->h.user_rates[f][g], false, base, POOL_HOURS);
    }
}

/* Place of a raw value among the bins, with the fraction inside its bin. */
static double place(double raw)
{
    double b =
        TH_CALIB_BINS * log1p(fmax(raw, 0) / TH_CALIB_SCALE) / log1p(TH_CALIB_MAX / TH_CALIB_SCALE);
    return fmin(b, TH_CALIB_BINS);
}

unsigned th_calib_bin(double raw)
{
    return TH_MIN((unsigned)place(raw), TH_CALIB_BINS - 1);
}

double th_calib_edge(unsigned bin)
{
    return TH_CALIB_SCALE * expm1(bin * log1p(TH_CALIB_MAX / TH_CALIB_SCALE) / TH_CALIB_BINS);
}

static void derive_curve(
    const struct th_org *o, const struct th_calib *k, struct th_calib_curve *ret)
{
    double reach[TH_CALIB_BINS + 1];  /* device-hours that reach the bin */
    double excess[TH_CALIB_BINS + 1]; /* and the sum of what they have beyond its lower edge */
    reach[TH_CALIB_BINS] = excess[TH_CALIB_BINS] = 0;
    for (unsigned b = TH_CALIB_BINS; b-- > 0;) {
        reach[b] = reach[b + 1] + (double)k->n[b] / TH_WEIGHT;
        excess[b] = excess[b + 1] + reach[b + 1] * (o->edge[b + 1] - o->edge[b]);
    }
    double hours = reach[0];
    unsigned tail = 1; /* bin 0 holds all hours without anything */
    while (tail + 1 < TH_CALIB_BINS && reach[tail + 1] >= TAIL_HOURS)
        tail++;
    double mean_excess = (excess[tail] + TAIL_PSEUDO) / (reach[tail] + TAIL_PSEUDO);
    mean_excess = fmax(mean_excess, TAIL_MIN_EXCESS);
    double slope = M_LOG10E / mean_excess; /* decades of rarity a decade of raw */
    *ret = (struct th_calib_curve){.hours = hours};
    double floor_lgp = 0;
    for (unsigned b = 0; b <= tail; b++) {
        double survival =
            (reach[b] + PSEUDO_HOURS * (double)o->parametric[b]) / (hours + PSEUDO_HOURS);
        floor_lgp = fmax(floor_lgp, -log10(survival));
        ret->lgp[b] = (float)floor_lgp;
    }
    for (unsigned b = tail + 1; b <= TH_CALIB_BINS; b++)
        ret->lgp[b] = ret->lgp[tail] + (float)(slope * (o->edge[b] - o->edge[tail]));
}

static double shrunk_rhythm(int64_t sum, uint64_t n, double base)
{
    return ((double)sum / 256 + RHYTHM_POOL * base) / ((double)n + RHYTHM_POOL);
}

static void derive_rhythm(struct th_org *o)
{
    for (unsigned c = 0; c < TH_RHYTHMS; c++) {
        double neutral = c == TH_RHYTHM_COUNT ? 1 : 0;
        for (unsigned s = 0; s < TH_WEEK_SLOTS; s++) {
            double all = shrunk_rhythm(o->h.rhythm_sum[c][s], o->h.rhythm_n[c][s], neutral);
            o->rhythm[0][c][s] = all;
            for (unsigned t = 1; t < TH_DEVICE_TYPE_COUNT; t++)
                o->rhythm[t][c][s] = o->without & TH_WITHOUT_PEERS
                    ? all
                    : shrunk_rhythm(o->h.kin_rhythm_sum[t][c][s], o->h.kin_rhythm_n[t][c][s], all);
        }
    }
}

void th_org_derive(struct th_org *o)
{
    derive_rates(o);
    derive_users(o);
    derive_rhythm(o);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            derive_curve(o, &o->h.calib[f][g], &o->curve[f][g]);
    }
}

double th_org_calibrate(const struct th_org *o, unsigned feature, unsigned group, double raw)
{
    const struct th_calib_curve *k = &o->curve[feature][group];
    if (!(raw > 0))
        return 0;
    if (o->without & TH_WITHOUT_STAGE_TWO)
        return raw;
    double at = place(raw);
    unsigned b = TH_MIN((unsigned)at, TH_CALIB_BINS - 1);
    double lgp = (double)k->lgp[b] + (at - b) * (double)(k->lgp[b + 1] - k->lgp[b]);
    double pooled = 0;
    for (unsigned g = 0; g < TH_GROUPS; g++)
        pooled += (double)o->h.hours[g] / TH_WEIGHT;
    double cap = fmin(log10(k->hours + PSEUDO_HOURS), log10(pooled + 1)) + CAP_DECADES;
    return fmin(lgp, cap) + TIE_BREAK * log2(1 + raw);
}
