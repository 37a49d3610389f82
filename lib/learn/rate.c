/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: a count of an hour is a hurdle (was there any?) and a negative binomial
 * with a dispersion fitted to the device, both shrunk to the organisation's; bytes
 * are log-normal. The hour of the week multiplies (for bytes: shifts) what is
 * expected. What is far off is hardly learned from (the gate), so that an attack
 * does not become the habit; what stays so for three days does.
 */
#include <math.h>

#include "learn_i.h"

#define POPULATION_WEIGHT 5.0
#define KEEP 0.990419256 /* 2^(-1/72): half in 72 active hours */
#define GATE_Z 3.0
#define GATE_WEIGHT 0.02
#define GATE_WEIGHT_YOUNG 0.5
#define GATE_AFTER 6.0f /* active hours of a feature until its gate is strict */
#define GATE_EXPIRES 72u
#define WINSOR_SD 3.0
#define SHAPE_MIN 0.5
#define SHAPE_MAX 50.0
#define BYTES_SD_MIN 0.5
#define FACTOR_ONE 4096.0
#define SHIFT_ZERO 32768.0
#define SHIFT_UNIT 4096.0
#define FACTOR_MAX 4.0
#define SHIFT_MAX 3.0
#define RHYTHM_PEER_WEIGHT 4.0
#define RHYTHM_LAST_ETA 20u /* learning rate never below one in so many */
#define RANGE_Z 1.6449      /* 90 % lie between minus and plus this */

double th_lgp_normal(double z)
{
    if (z > 30) /* erfc underflows later; Mills' ratio from here on */
        return (z * z / 2) * M_LOG10E + log10(z * sqrt(2 * M_PI));
    return -log10(erfc(z / M_SQRT2) / 2);
}

double th_nb_z(double x, double mean, double shape)
{
    double deviance =
        (x > 0 ? x * log(x / mean) : 0) - (x + shape) * log((x + shape) / (mean + shape));
    double z = sqrt(fmax(0, 2 * deviance));
    return x >= mean ? z : -z;
}

unsigned th_week_slot(int64_t time_ns)
{
    int64_t hour = th_time_floor(time_ns, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
    int64_t day = th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 0 is a Monday; 1970 began on a Thursday */
    return (unsigned)((hour % 24 + 24) % 24) + (weekday >= 5 ? 24 : 0);
}

static double rhythm_of(
    const struct th_org *o, const struct th_dev *d, unsigned class, unsigned slot)
{
    if (o->without & TH_WITHOUT_RHYTHM)
        return class == TH_RHYTHM_COUNT ? 1 : 0;
    double n = d->rhythm_n[class][slot];
    double own = class == TH_RHYTHM_COUNT ? d->rhythm[class][slot] / FACTOR_ONE
                                          : (d->rhythm[class][slot] - SHIFT_ZERO) / SHIFT_UNIT;
    double r = (n > 0 ? n * own : 0) + RHYTHM_PEER_WEIGHT * o->rhythm[d->kin][class][slot];
    r /= n + RHYTHM_PEER_WEIGHT;
    return class == TH_RHYTHM_COUNT ? fmin(fmax(r, 0.05), FACTOR_MAX) : r;
}

static void view_log(struct th_rate_view *v, double x)
{
    double sd = fmax(BYTES_SD_MIN, sqrt(v->variance));
    v->mean += v->rhythm;
    v->z = x > 0 ? (log1p(x) - v->mean) / sd : -1;
    v->low = expm1(fmax(0, v->mean - RANGE_Z * sd));
    v->high = expm1(v->mean + RANGE_Z * sd);
}

void th_rate_count(struct th_rate_view *v, double x)
{
    v->mean = fmax(v->mean, 0.05);
    v->shape = v->variance > v->mean ? v->mean * v->mean / (v->variance - v->mean) : SHAPE_MAX;
    v->shape = fmin(fmax(v->shape, SHAPE_MIN), SHAPE_MAX);
    v->mean *= v->rhythm;
    v->variance = v->mean + v->mean * v->mean / v->shape;
    v->z = th_nb_z(x, v->mean, v->shape);
    v->low = fmax(0, v->mean - RANGE_Z * sqrt(v->variance));
    v->high = v->mean + RANGE_Z * sqrt(v->variance);
}

void th_rate_view(const struct th_org *o, const struct th_dev *d, unsigned rate, int64_t start_ns,
    double x, struct th_rate_view *ret)
{
    const struct th_rate_prior *prior = &o->prior[rate][d->group][d->kin];
    bool bytes = th_rate_is_bytes(rate);
    bool logs = th_rate_is_log(rate);
    struct th_rate_view v = {0};
    th_moments_shrunk(
        &d->rates[rate], prior->mean, prior->variance, POPULATION_WEIGHT, &v.mean, &v.variance);
    v.active = ((double)d->rates[rate].n + POPULATION_WEIGHT * prior->active) /
        ((double)d->weight + POPULATION_WEIGHT);
    v.active = fmin(fmax(v.active, 1e-6), 1);
    v.rhythm = rhythm_of(o, d, bytes ? TH_RHYTHM_BYTES : TH_RHYTHM_COUNT, th_week_slot(start_ns));
    if (logs && !bytes)
        v.rhythm = log(v.rhythm);
    if (logs)
        view_log(&v, x);
    else
        th_rate_count(&v, x);
    v.lgp = x > 0 ? th_lgp_normal(v.z) - log10(v.active) : 0;
    *ret = v;
}

/* One rate of one window into the device's habit; true when the gate held it back. */
static bool learn_rate(
    struct th_learn *l, struct th_dev *d, unsigned rate, int64_t start_ns, double x, double weight)
{
    struct th_moments *m = &d->rates[rate];
    double keep = 1 - (1 - KEEP) * weight;
    if (!(x > 0)) {
        th_moments_decay(m, keep);
        return false;
    }
    struct th_rate_view v;
    th_rate_view(l->org, d, rate, start_ns, x, &v);
    th_moments_decay(m, keep);
    bool gated =
        v.z > GATE_Z && d->gated[rate] < GATE_EXPIRES && !(l->org->without & TH_WITHOUT_GATE);
    bool logs = th_rate_is_log(rate);
    double y = logs ? log1p(x) : x;
    if (gated && m->n >= GATE_AFTER) {
        double sd = sqrt(v.variance);
        y = fmin(y, v.mean + WINSOR_SD * sd + (logs ? 0 : 1));
        weight *= GATE_WEIGHT;
    } else if (gated) {
        weight *= GATE_WEIGHT_YOUNG;
    }
    y = logs ? y - v.rhythm : y / v.rhythm;
    th_moments_add(m, y, weight);
    if (v.z > GATE_Z)
        d->gated[rate] = (uint8_t)TH_MIN(d->gated[rate] + 1u, GATE_EXPIRES);
    else
        d->gated[rate] = 0;
    return gated;
}

static void learn_rhythm_class(
    struct th_learn *l, struct th_dev *d, unsigned class, unsigned slot, double value, bool grown)
{
    uint16_t *own = &d->rhythm[class][slot];
    uint8_t *n = &d->rhythm_n[class][slot];
    bool count = class == TH_RHYTHM_COUNT;
    double unit = count ? FACTOR_ONE : SHIFT_UNIT;
    double zero = count ? 0 : SHIFT_ZERO;
    double old = *n ? (*own - zero) / unit : value;
    double eta = 1.0 / TH_MIN(*n + 2u, RHYTHM_LAST_ETA);
    double next = old + eta * (value - old);
    *own = (uint16_t)fmin(fmax(next * unit + zero, 0), UINT16_MAX);
    *n = (uint8_t)TH_MIN(*n + 1u, UINT8_MAX);
    if (!grown)
        return;
    l->pending->rhythm_sum[class][slot] += llrint(256 * value);
    l->pending->rhythm_n[class][slot]++;
    if (d->kin == 0)
        return;
    l->pending->kin_rhythm_sum[d->kin][class][slot] += llrint(256 * value);
    l->pending->kin_rhythm_n[d->kin][class][slot]++;
}

/* How busy this hour was against the device's mean hour. */
static void learn_rhythm(struct th_learn *l, struct th_dev *d, const struct th_win *w)
{
    static const unsigned counts[] = {
        TH_FEAT_CONNS_OUT_EXT, TH_FEAT_CONNS_OUT_INT, TH_FEAT_DNS_QUERIES};
    unsigned slot = th_week_slot(w->start_ns);
    bool grown = d->hours >= TH_GROWN_HOURS;
    double x = 0;
    double mean = 0;
    for (unsigned i = 0; i < TH_ARRAY_LEN(counts); i++) {
        const struct th_moments *m = &d->rates[counts[i]];
        x += (double)w->v[counts[i]];
        mean += m->n > 0 ? (double)m->s1 / (double)d->weight : 0;
    }
    if (mean > 0.5)
        learn_rhythm_class(
            l, d, TH_RHYTHM_COUNT, slot, fmin(fmax(x / mean, 0.0625), FACTOR_MAX), grown);
    const struct th_moments *m = &d->rates[TH_FEAT_BYTES_OUT_EXT];
    double bytes = (double)w->v[TH_FEAT_BYTES_OUT_EXT];
    if (bytes > 0 && m->n > 1) {
        double shift = log1p(bytes) - (double)m->s1 / (double)m->n;
        learn_rhythm_class(
            l, d, TH_RHYTHM_BYTES, slot, fmin(fmax(shift, -SHIFT_MAX), SHIFT_MAX), grown);
    }
}

uint64_t th_rate_learn(struct th_learn *l, struct th_dev *d, const struct th_win *w,
    const double x[TH_RATES], double weight)
{
    uint64_t gated = 0;
    for (unsigned f = 0; f < TH_RATES; f++)
        gated |= (uint64_t)learn_rate(l, d, f, w->start_ns, x[f], weight) << f;
    d->weight = (float)(d->weight * (1 - (1 - KEEP) * weight) + weight);
    if (gated == 0)
        learn_rhythm(l, d, w);
    return gated;
}

double th_novelty_p(const struct th_dev *d, enum th_novel kind)
{
    /* (theta + K) / (n + theta) with theta 1: what was always new is no surprise. */
    return ((double)d->novel[kind].fresh + 1) / ((double)d->novel[kind].hours + 1);
}
