/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A habit follows what a device does, and whoever adds a little each day is never far from it. So
 * what was usual is kept as it was for four to eight weeks, and once a day the last days are held
 * against that.
 */
#include <float.h>
#include <math.h>

#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))
#define RENEW_DAYS 28
#define LEAST_AGE_DAYS 7
#define LEAST_HOURS 12.0f /* with anything sent, forgetting, behind a habit */
#define RECENT_HOURS                                                                               \
    24.0 /* half of what counts as the last days; one day alone moves it little                    \
          */
/* How far the habit of an ordinary device moves in some weeks: ln, one standard deviation. */
#define MOVES_SD 0.5
#define LEAST_GROWTH M_LN2
#define RANGE_Z 1.6449 /* 90 % lie between minus and plus this */

static int32_t day_of(int64_t time_ns)
{
    return (int32_t)(th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY);
}

/* NULL: nothing is old enough. */
static const struct th_reference *reference(const struct th_dev *d, int32_t day)
{
    for (unsigned i = 0; i < TH_REFERENCES; i++)
        if (d->reference[i].day != 0 && day - d->reference[i].day >= LEAST_AGE_DAYS)
            return &d->reference[i];
    return NULL;
}

bool th_drift_due(const struct th_dev *d, const struct th_win *w)
{
    return (d->closed_ns == TH_TIME_UNSET || day_of(d->closed_ns - 1) < day_of(w->start_ns)) &&
        d->rates[TH_FEAT_BYTES_OUT_EXT].n >= LEAST_HOURS && reference(d, day_of(w->start_ns));
}

double th_drift_raw(const struct th_dev *d, const struct th_win *w)
{
    if (!th_drift_due(d, w))
        return 0;
    double growth = (double)d->recent - (double)reference(d, day_of(w->start_ns))->mean;
    return growth > LEAST_GROWTH ? th_lgp_normal(growth / MOVES_SD) : 0;
}

void th_drift_fill(const struct th_dev *d, const struct th_win *w, struct th_signal *s)
{
    int32_t day = day_of(w->start_ns);
    const struct th_reference *r = reference(d, day);
    s->observed = expm1((double)d->recent);
    s->expected = expm1((double)r->mean);
    s->low = expm1(fmax(0, (double)r->mean - RANGE_Z * MOVES_SD));
    s->high = expm1((double)r->mean + RANGE_Z * MOVES_SD);
    snprintf(s->detail, sizeof(s->detail), "held against %d days before", day - r->day);
}

static void learn_recent(const struct th_org *o, struct th_dev *d, const struct th_win *w)
{
    double x = (double)w->v[TH_FEAT_BYTES_OUT_EXT];
    struct th_rate_view v;
    if (!(x > 0))
        return;
    th_rate_view(o, d, TH_FEAT_BYTES_OUT_EXT, w->start_ns, x, &v);
    double share = 1 - exp2(-1 / RECENT_HOURS);
    double y = log1p(x) - v.rhythm;
    double recent = d->recent > 0 ? (double)d->recent : y;
    d->recent = (float)fmax(recent + share * (y - recent), FLT_MIN);
}

void th_drift_learn(const struct th_org *o, struct th_dev *d, struct th_win *w)
{
    const struct th_moments *m = &d->rates[TH_FEAT_BYTES_OUT_EXT];
    int32_t day = day_of(w->start_ns);
    struct th_reference *last = &d->reference[TH_REFERENCES - 1];
    if (th_drift_due(d, w))
        w->tried |= BIT(TH_FEAT_OUTFLOW);
    learn_recent(o, d, w);
    if (d->hours < TH_GROWN_HOURS || m->n < LEAST_HOURS ||
        (last->day != 0 && day - last->day < RENEW_DAYS))
        return;
    d->reference[0] = *last;
    *last = (struct th_reference){.day = day, .mean = m->s1 / m->n};
}
