/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rhythm of a pair: how even the gaps between its beats are, for how many of them.
 * Three running means are all that is kept, so that lost beats and jitter change the
 * score little by little and no period has to be guessed. A gap in which the device
 * slept is none. Fast: even to a degree that nothing but a timer is, however few the
 * beats. Slow: less even than that (what jitter leaves), but hour after hour.
 * Regularity alone is no evil: what it is worth is judged with rarity and newness (beacon.c).
 * Measured by lab/beacons; docs/results.md has what was tried instead.
 */
#include <math.h>

#include "learn_i.h"

#define BURST_NS (TH_NS_PER_S / 2) /* closer connections are one beat */
#define EULER 0.5772156649
#define LEAST_GAPS 4u
#define FAST_GAPS 12u /* few gaps look evener than they are: what they say would be taken back */
#define LEAST_UNEVEN 1e-4
#define PAUSE 8.0 /* times the mean: no gap, but an interruption */
#define PAUSE_ONE 256u
#define PAUSE_FORGET 48u /* one part in so many each hour */
/* One interruption, and one in so many gaps, may happen to a timer. */
#define PAUSES_FREE_GAPS 32.0
#define MEMORY_S 86400.0 /* the means are of the latest day, or of so many gaps */
#define MEMORY_GAPS 128.0
/* Some benign pairs are for long more even than a Poisson process: evidence is bounded by how even
 * the gaps are, in decades of that, however many they are. */
#define FAST_BOUND 4.0
#define FAST_BELIEF 0.5
#define SLOW_BOUND 0.6 /* for each hour in which the pair met */
#define SLOW_HOURS 24u
#define SLOW_MIN_HOURS 5u
/* From here on it is a timer, and how rare the peer is decides. */
#define RAW_MAX 6.0

static int64_t hour_of(int64_t time_ns)
{
    return th_time_floor(time_ns, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
}

static void add_gap(struct th_pair *p, double gap_s)
{
    struct th_beat *b = &p->beat;
    double square = gap_s * gap_s;
    if (b->gaps >= LEAST_GAPS && gap_s > PAUSE * (double)b->mean_s) {
        b->pauses = (uint16_t)TH_MIN(b->pauses + PAUSE_ONE, UINT16_MAX);
        b->pause_square += (float)((square - (double)b->pause_square) * PAUSE_ONE / b->pauses);
        return;
    }
    double most = fmin(fmax(MEMORY_GAPS, MEMORY_S / fmax((double)b->mean_s, 1)), UINT16_MAX);
    b->gaps = (uint16_t)fmin(b->gaps + 1, most);
    double w = 1.0 / b->gaps;
    b->mean_s += (float)((gap_s - (double)b->mean_s) * w);
    b->mean_square += (float)((square - (double)b->mean_square) * w);
    b->mean_ln += (float)((log(gap_s) - (double)b->mean_ln) * w);
}

double th_beat_variation(const struct th_pair *p)
{
    double mean = (double)p->beat.mean_s;
    return p->beat.gaps ? sqrt(fmax(0, (double)p->beat.mean_square / (mean * mean) - 1)) : 0;
}

/* How uneven the gaps are: 0 for equal ones, 1 for a Poisson process, more for bursts and tails.
 * The worse of two: ln of the mean less the mean of ln (Moran, 1951), which short gaps raise, and
 * the squared coefficient of variation, which long ones do. Of the pauses so many are no gaps. */
static double unevenness(const struct th_pair *p, double pauses_free)
{
    const struct th_beat *b = &p->beat;
    double mean = (double)b->mean_s;
    double pauses = fmax(0, (double)b->pauses / PAUSE_ONE - pauses_free);
    double share = pauses / (b->gaps + pauses);
    double pause = sqrt((double)b->pause_square);
    double all = (1 - share) * mean + share * pause;
    double square = (1 - share) * (double)b->mean_square + share * (double)b->pause_square;
    double ln = (1 - share) * (double)b->mean_ln + (share > 0 ? share * log(pause) : 0);
    return fmax(LEAST_UNEVEN, fmax((log(all) - ln) / EULER, square / (all * all) - 1));
}

/* -log10 of the chance that so many gaps of a Poisson process are as even: the lower tail of
 * chi-squared with one degree of freedom less (Bartlett's form of Moran's test; Wilson and
 * Hilferty, 1931). */
static double by_chance(double gaps, double uneven)
{
    double v = 2 / (9 * (gaps - 1));
    double z = (1 - v - cbrt(uneven)) / sqrt(v);
    return z > 0 ? th_lgp_normal(z) : 0;
}

double th_beat_fast(const struct th_pair *p)
{
    if (p->beat.gaps < FAST_GAPS)
        return 0;
    double u = unevenness(p, 1 + p->beat.gaps / PAUSES_FREE_GAPS);
    double raw = fmin(FAST_BELIEF * by_chance(p->beat.gaps, u), FAST_BOUND * -log10(u));
    return fmin(fmax(raw, 0), RAW_MAX);
}

double th_beat_slow(
    const struct th_pair *p, const struct th_dev *d, unsigned *ret_covered, unsigned *ret_hours)
{
    int64_t hour = hour_of(p->last_ns);
    int64_t ahead = d->hours_at - hour;
    uint64_t active = ahead >= 0 && ahead < 64 ? d->hours_bits >> ahead : 0;
    int64_t first_hour = p->first_s / 3600;
    int64_t age = TH_MIN(TH_MAX(hour - first_hour + 1, 1), SLOW_HOURS);
    active &= (UINT64_C(1) << age) - 1;
    *ret_hours = (unsigned)__builtin_popcountll(active);
    *ret_covered = (unsigned)__builtin_popcountll(p->beat.hours & active);
    if (*ret_hours < SLOW_MIN_HOURS || p->beat.gaps < LEAST_GAPS)
        return 0;
    double u = unevenness(p, 0);
    /* It is asked each hour anew: what few hours say is worth less. */
    double belief = sqrt(sqrt((double)*ret_hours / SLOW_HOURS));
    double raw = fmin(belief * by_chance(p->beat.gaps, u), SLOW_BOUND * *ret_covered * -log10(u));
    return fmin(fmax(raw, 0), RAW_MAX);
}

static void turn_hour(struct th_beat *b, int64_t hours)
{
    b->hours = hours < 64 ? b->hours << hours : 0;
    for (int64_t i = 0; i < hours && b->pauses > 0; i++)
        b->pauses = (uint16_t)(b->pauses - (b->pauses + PAUSE_FORGET - 1) / PAUSE_FORGET);
    if (hours > 24)
        b->port_bits = 0;
}

/* Did the device sleep for an hour or more since then? */
static bool slept(const struct th_dev *d, int64_t from_hour, int64_t to_hour)
{
    int64_t back = d->hours_at - from_hour;
    int64_t ahead = d->hours_at - to_hour;
    if (to_hour - from_hour < 2 || ahead < 0)
        return false;
    if (back > 63)
        return true;
    uint64_t between = d->hours_bits >> (ahead + 1);
    uint64_t all = (UINT64_C(1) << (to_hour - from_hour - 1)) - 1;
    return (between & all) != all;
}

bool th_beat(struct th_pair *p, const struct th_dev *d, int64_t time_ns, int64_t *ret_hours)
{
    *ret_hours = 0;
    if (p->beats == 0) {
        p->last_ns = time_ns;
        p->beats = 1;
        p->beat.hours = 1;
        return false;
    }
    int64_t gap = th_time_sub(time_ns, p->last_ns);
    if (gap < BURST_NS)
        return false;
    int64_t before = hour_of(p->last_ns);
    int64_t hours = hour_of(time_ns) - before;
    if (hours > 0)
        turn_hour(&p->beat, hours);
    p->last_ns = time_ns;
    p->beats = (uint16_t)TH_MIN(p->beats + 1u, UINT16_MAX);
    p->beat.hours |= 1;
    if (!slept(d, before, before + hours))
        add_gap(p, (double)gap / (double)TH_NS_PER_S);
    *ret_hours = hours;
    return true;
}
