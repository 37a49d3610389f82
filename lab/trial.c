/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <math.h>
#include <stdlib.h>

#include "learn_i.h"
#include "rita.h"

#define LONGEST_BEATS 41u /* the highest of the ages in beats has passed */

static const double age_beats[] = {10, 20, 40};
static const double age_hours[] = {1, 2, 4, 8, 24};

static void device_on(struct th_dev *d, const struct lab_pair *p, int64_t hour)
{
    for (int64_t h = d->hours_bits ? d->hours_at + 1 : hour; h <= hour; h++)
        d->hours_bits = d->hours_bits << 1 | (h == hour || lab_pair_on(p, h));
    d->hours_at = hour;
}

static unsigned passed(const struct lab_pair *p, double now, unsigned beats, bool over[AGES])
{
    unsigned n = 0;
    for (unsigned a = 0; a < AGES; a++) {
        over[a] =
            a < HOURS_1 ? beats > age_beats[a] : now - p->t[0] > age_hours[a - HOURS_1] * 3600;
        n += over[a];
    }
    return n;
}

static void keep(struct trial_scores *s, unsigned scorer, const bool over[AGES], double v)
{
    for (unsigned a = 0; a < AGES; a++) {
        if (over[a])
            continue;
        s->most[scorer][a] = fmaxf(s->most[scorer][a], (float)v);
        s->now[scorer][a] = (float)v;
    }
}

/* RITA looks at whole data sets: once an hour, and when so many beats are there. */
static bool rita_due(const struct lab_pair *p, unsigned i)
{
    if (i + 1 == 10 || i + 1 == 20 || i + 1 == 40 || i + 1 == p->n)
        return true;
    return floor((p->t[i + 1] - p->t[0]) / 3600) > floor((p->t[i] - p->t[0]) / 3600);
}

void trial_score(const struct lab_pair *p, struct trial_scores *s)
{
    struct th_pair pair = {.kind = TH_PAIR_HOST, .last_ns = TH_TIME_UNSET};
    struct th_dev *d = th_xcalloc(1, sizeof(*d));
    double fast = 0;
    double slow = 0;
    *s = (struct trial_scores){.kind = (uint8_t)p->kind};
    pair.first_s = (uint32_t)p->t[0];
    for (unsigned i = 0; i < p->n; i++) {
        bool over[AGES];
        int64_t hours;
        unsigned covered;
        unsigned active;
        if (passed(p, p->t[i], i + 1, over) == AGES)
            break;
        device_on(d, p, (int64_t)(p->t[i] / 3600));
        if (th_beat(&pair, d, (int64_t)(p->t[i] * 1e9), &hours)) {
            fast = th_beat_fast(&pair);
            if (hours > 0)
                slow = th_beat_slow(&pair, d, &covered, &active);
        }
        keep(s, FAST, over, fast);
        keep(s, SLOW, over, slow);
        if (rita_due(p, i))
            keep(s, RITA, over, lab_rita(p->t, p->bytes, i + 1, p->t[i]));
    }
    free(d);
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x < y) - (x > y);
}

/* What only `share` of the pairs are above. */
static float threshold(
    const struct trial_scores *v, unsigned n, unsigned scorer, int age, double share)
{
    float *all = th_xreallocarray(NULL, n, sizeof(*all));
    for (unsigned i = 0; i < n; i++)
        all[i] = age < 0 ? v[i].most[scorer][HOURS_24] : v[i].now[scorer][age];
    qsort(all, n, sizeof(*all), descending);
    float t = all[(unsigned)(share * n)];
    free(all);
    return t;
}

static bool found(
    const struct trial_scores *s, const struct trial_bars *b, unsigned a, bool rita, bool own)
{
    const float *most = own ? NULL : b->all;
    for (unsigned k = rita ? RITA : FAST; k <= (rita ? RITA : SLOW); k++) {
        if (own ? s->now[k][a] > b->at[k][a] : s->most[k][a] > most[k])
            return true;
    }
    return false;
}

double trial_found(const struct trial_scores *v, unsigned n, int kind, const struct trial_bars *b,
    unsigned age, bool rita, bool own)
{
    unsigned hits = 0;
    unsigned of = 0;
    for (unsigned i = 0; i < n; i++) {
        if (kind >= 0 && v[i].kind != kind)
            continue;
        of++;
        hits += found(&v[i], b, age, rita, own);
    }
    return of ? 100.0 * hits / of : 0;
}

void trial_fit(const struct trial_scores *v, unsigned n, struct trial_bars *b)
{
    for (unsigned k = 0; k < SCORERS; k++) {
        double share = k == RITA ? TRIAL_FALSE_SHARE
            : k == FAST          ? TRIAL_FAST_SHARE
                                 : TRIAL_FALSE_SHARE - TRIAL_FAST_SHARE;
        b->all[k] = threshold(v, n, k, -1, share);
        for (unsigned a = 0; a < AGES; a++)
            b->at[k][a] = threshold(v, n, k, (int)a, share);
    }
}

static double within(struct lab_rng *r, const double range[2])
{
    return range[0] + (range[1] - range[0]) * lab_unit(r);
}

void trial_beacons(uint64_t seed, uint64_t stream, const struct trial_beacons *b, unsigned n,
    struct trial_scores *ret)
{
    TH_AUTOFREE struct lab_pair *p = th_xcalloc(1, sizeof(*p));
    for (unsigned i = 0; i < n; i++) {
        struct lab_rng r;
        lab_rng_init(&r, seed, stream << 32 | i);
        double jitter = within(&r, b->jitter);
        double loss = within(&r, b->loss);
        lab_pair_beacon(&r, b->period[0], b->period[1], jitter, loss, p);
        p->outage = b->outage;
        p->always_on = b->on < 0 ? lab_chance(&r, 0.5) : b->on == 1;
        lab_pair_run(&r, LONGEST_BEATS, p);
        trial_score(p, &ret[i]);
    }
}

void trial_benign(uint64_t seed, bool rhythmic, unsigned n, struct trial_scores *ret)
{
    TH_AUTOFREE struct lab_pair *p = th_xcalloc(1, sizeof(*p));
    for (unsigned i = 0; i < n; i++) {
        struct lab_rng r;
        lab_rng_init(&r, seed, (uint64_t)(rhythmic ? 1001 : 1000) << 32 | i);
        do {
            p->kind = lab_pair_draw(&r, rhythmic);
            lab_pair_run(&r, LONGEST_BEATS, p);
        } while (p->n < 2);
        trial_score(p, &ret[i]);
    }
}
