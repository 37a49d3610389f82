/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A habit follows what a device does, and whoever adds a little each day is never far from it. So
 * what was usual is kept as it was for four to eight weeks, and once a day the last days are held
 * against that. Days and not hours, since what is carried out in a few hours of each is lost among
 * the others.
 */
#include <math.h>

#include "learn_i.h"

#define BIT(f) (UINT64_C(1) << (f))
#define LEAST_HOURS 3u /* with anything sent, of a day that counts */
#define LEAST_DAYS 4u  /* behind what is usual */
#define USUAL_DAYS 8.0 /* half of what counts as usual */
#define RECENT_DAYS 2.0
#define RENEW_DAYS 28
#define LEAST_AGE_DAYS 7
/* How far the habit of an ordinary device moves in some weeks: ln, one standard deviation. */
#define MOVES_SD 0.5
#define LEAST_GROWTH M_LN2
#define RANGE_Z 1.6449 /* 90 % lie between minus and plus this */

static int32_t day_of(const struct th_win *w)
{
    return (int32_t)(th_time_floor(w->start_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY);
}

/* NULL: nothing is old enough. */
static const struct th_reference *reference(const struct th_outflow *o, int32_t day)
{
    for (unsigned i = 0; i < TH_REFERENCES; i++)
        if (o->reference[i].day != 0 && day - o->reference[i].day >= LEAST_AGE_DAYS)
            return &o->reference[i];
    return NULL;
}

static float follow(float mean, double y, unsigned days, double half_days)
{
    double share = fmax(1 - exp2(-1 / half_days), 1 / (days + 1.0));
    return (float)((double)mean + share * (y - (double)mean));
}

/* With the day that is over, if it counts. */
static struct th_outflow closed(const struct th_outflow *of)
{
    struct th_outflow o = *of;
    double y = log1p((double)o.bytes);
    if (o.hours < LEAST_HOURS)
        return o;
    o.usual = follow(o.usual, y, o.days, USUAL_DAYS);
    o.recent = follow(o.recent, y, o.days, RECENT_DAYS);
    o.days = (uint8_t)TH_MIN(o.days + 1u, UINT8_MAX);
    return o;
}

static void keep_reference(struct th_outflow *o, int32_t day)
{
    struct th_reference *last = &o->reference[TH_REFERENCES - 1];
    if (o->days < LEAST_DAYS || (last->day != 0 && day - last->day < RENEW_DAYS))
        return;
    o->reference[0] = *last;
    *last = (struct th_reference){.day = day, .mean = o->usual};
}

bool th_drift_due(const struct th_dev *d, const struct th_win *w)
{
    const struct th_outflow *o = &d->outflow;
    return day_of(w) > o->day && o->hours >= LEAST_HOURS && reference(o, day_of(w));
}

double th_drift_raw(const struct th_dev *d, const struct th_win *w)
{
    if (!th_drift_due(d, w))
        return 0;
    struct th_outflow o = closed(&d->outflow);
    double growth = (double)o.recent - (double)reference(&o, day_of(w))->mean;
    return growth > LEAST_GROWTH ? th_lgp_normal(growth / MOVES_SD) : 0;
}

void th_drift_fill(const struct th_dev *d, const struct th_win *w, struct th_signal *s)
{
    struct th_outflow o = closed(&d->outflow);
    const struct th_reference *r = reference(&o, day_of(w));
    s->observed = expm1((double)o.recent);
    s->expected = expm1((double)r->mean);
    s->low = expm1(fmax(0, (double)r->mean - RANGE_Z * MOVES_SD));
    s->high = expm1((double)r->mean + RANGE_Z * MOVES_SD);
    snprintf(s->detail, sizeof(s->detail), "held against %d days before", day_of(w) - r->day);
}

void th_drift_learn(struct th_dev *d, struct th_win *w)
{
    struct th_outflow *o = &d->outflow;
    int32_t day = day_of(w);
    uint64_t bytes = w->v[TH_FEAT_BYTES_OUT_EXT];
    if (day < o->day)
        return; /* late */
    if (th_drift_due(d, w))
        w->tried |= BIT(TH_FEAT_OUTFLOW);
    if (day > o->day) {
        *o = closed(o);
        keep_reference(o, day);
        o->day = day;
        o->bytes = 0;
        o->hours = 0;
    }
    o->bytes += TH_MIN(bytes, UINT64_MAX - o->bytes);
    o->hours = (uint8_t)TH_MIN(o->hours + (bytes > 0), UINT8_MAX);
}
