/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rhythm of a pair. Fast: the share of gaps that lie near a whole multiple of
 * one period, as a binomial tail against what gaps of a Poisson process do; grows
 * with every beat, so that twenty regular beats are enough. Slow: the share of the
 * device's active hours in which the pair met, whatever the gaps; finds the jittered
 * ones within a day. Regularity alone is no evil: rarity is added when the window
 * closes (notes.c).
 */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"

#define BURST_NS (TH_NS_PER_S / 2) /* closer connections are one beat */
#define TIGHT 0.06
#define WIDE 0.25
/* Share of exponential gaps that lie so near to a multiple (1 to 4) of their median. */
#define TIGHT_BY_CHANCE 0.1
#define WIDE_BY_CHANCE 0.38
#define MOST_FOLDS 4.0
#define MOST_GAPS 1000u
#define FIRST_GAPS 4u /* gaps until a period is guessed */
#define RESET_OCTAVES 0.32
#define SLOW_BY_CHANCE 0.4
#define SLOW_HOURS 24u
#define SLOW_MIN_HOURS 5u
#define RAW_MAX 12.0
#define NOTE_RAW 1.5
#define NOTES_MOST 3u
#define UPLOAD_NOTE_BYTES 262144.0
#define UPLOAD_NOTES_MOST 4u

static uint8_t gap_code(double gap_s)
{
    return (uint8_t)fmin(fmax(8 * log2(gap_s * 10) + 0.5, 0), UINT8_MAX);
}

static double code_gap(uint8_t code)
{
    return exp2(code / 8.0) / 10;
}

static unsigned ring_count(const struct th_pair *p)
{
    return TH_MIN((unsigned)TH_MAX(p->beats, 1) - 1, TH_RING);
}

static double ring_median(const struct th_pair *p)
{
    uint8_t v[TH_RING];
    unsigned n = ring_count(p);
    for (unsigned i = 0; i < n; i++) {
        unsigned at = i;
        for (; at > 0 && v[at - 1] > p->beat.ring[i]; at--)
            v[at] = v[at - 1];
        v[at] = p->beat.ring[i];
    }
    return n ? code_gap(v[n / 2]) : 0;
}

static void fold(struct th_beat *b, double gap_s)
{
    double k = fmax(1, round(gap_s / (double)b->period_s));
    double off = fabs(gap_s / (double)b->period_s - k);
    b->gaps++;
    if (k > MOST_FOLDS)
        return;
    b->tight = (uint16_t)(b->tight + (off <= TIGHT));
    b->wide = (uint16_t)(b->wide + (off <= WIDE));
    if (k == 1 && off <= WIDE)
        b->period_s += (float)((gap_s - (double)b->period_s) / TH_MIN(b->gaps, 16));
}

/* Begins with another period and judges the latest gaps by it. */
static void restart(struct th_pair *p, double period_s)
{
    struct th_beat *b = &p->beat;
    b->period_s = (float)period_s;
    b->gaps = b->tight = b->wide = 0;
    for (unsigned i = 0; i < ring_count(p); i++) {
        float kept = b->period_s; /* codes are coarse: they must not move the period */
        fold(b, code_gap(b->ring[i]));
        b->period_s = kept;
    }
}

static void add_gap(struct th_pair *p, double gap_s)
{
    struct th_beat *b = &p->beat;
    b->ring[p->ring_at] = gap_code(gap_s);
    p->ring_at = (uint8_t)((p->ring_at + 1) % TH_RING);
    p->beats = (uint16_t)TH_MIN(p->beats + 1u, UINT16_MAX);
    if (b->period_s > 0)
        fold(b, gap_s);
    if (p->beats > FIRST_GAPS && p->beats % 4 == 1) {
        double median = ring_median(p);
        if (!(b->period_s > 0) || fabs(log2(median / (double)b->period_s)) > RESET_OCTAVES)
            restart(p, median);
    }
    if (b->gaps >= MOST_GAPS) {
        b->gaps /= 2;
        b->tight /= 2;
        b->wide /= 2;
    }
}

/* -log10 of the chance of at least h of n, by the Chernoff bound. */
static double binomial(double n, double h, double q)
{
    double share = fmin(h / n, 1);
    if (n < 1 || share <= q)
        return 0;
    double kl = share * log(share / q);
    if (share < 1)
        kl += (1 - share) * log((1 - share) / (1 - q));
    return fmin(RAW_MAX, n * kl * M_LOG10E);
}

double th_beacon_fast(const struct th_pair *p)
{
    const struct th_beat *b = &p->beat;
    if (b->gaps < FIRST_GAPS + 1)
        return 0;
    /* One gap was spent on the choice of the period, two bands were tried. */
    double n = b->gaps - 1.0;
    double tight = binomial(n, b->tight - 1.0, TIGHT_BY_CHANCE);
    double wide = binomial(n, b->wide - 1.0, WIDE_BY_CHANCE);
    return fmax(0, fmax(tight, wide) - 0.3);
}

double th_beacon_slow(
    const struct th_pair *p, const struct th_dev *d, unsigned *ret_covered, unsigned *ret_hours)
{
    int64_t hour = th_time_floor(p->last_ns, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
    int64_t ahead = d->hours_at - hour;
    uint64_t active = ahead >= 0 && ahead < 64 ? d->hours_bits >> ahead : 0;
    int64_t first_hour = p->first_s / 3600;
    int64_t age = TH_MIN(TH_MAX(hour - first_hour + 1, 1), SLOW_HOURS);
    active &= (UINT64_C(1) << age) - 1;
    *ret_hours = (unsigned)__builtin_popcountll(active);
    *ret_covered = (unsigned)__builtin_popcountll(p->beat.hours & active);
    if (*ret_hours < SLOW_MIN_HOURS)
        return 0;
    return binomial(*ret_hours, *ret_covered, SLOW_BY_CHANCE);
}

static void note_fast(struct th_act *a, const struct th_pair *p, const struct th_peer *peer)
{
    double raw = th_beacon_fast(p);
    if (raw < NOTE_RAW)
        return;
    double worth = raw + 2 * th_org_rarity(a->l->org, peer->key, true);
    struct th_note *n = th_note_get(a, TH_FEAT_BEACON_FAST, peer->key, NOTES_MOST, worth);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = raw;
    n->b = (double)p->beat.period_s;
    n->c = p->beats;
    n->first_ns = (int64_t)p->first_s * TH_NS_PER_S;
    struct th_beat b = p->beat;
    snprintf(n->detail, sizeof(n->detail), "every %.3g s, %u of %u intervals within 25 %%",
        (double)b.period_s, b.wide, b.gaps);
}

static void note_slow(struct th_act *a, const struct th_pair *p, const struct th_peer *peer)
{
    unsigned covered;
    unsigned hours;
    double raw = th_beacon_slow(p, a->dev, &covered, &hours);
    if (raw < NOTE_RAW)
        return;
    double worth = raw + 2 * th_org_rarity(a->l->org, peer->key, true);
    struct th_note *n = th_note_get(a, TH_FEAT_BEACON_SLOW, peer->key, NOTES_MOST, worth);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = raw;
    n->b = hours;
    n->c = covered;
    n->first_ns = (int64_t)p->first_s * TH_NS_PER_S;
    snprintf(n->detail, sizeof(n->detail), "in %u of its last %u active hours, %u contacts",
        covered, hours, p->beats);
}

double th_pair_up_mean(const struct th_pair *p)
{
    return exp2(p->beat.up_mean / 4.0);
}

static int64_t hour_of(int64_t time_ns)
{
    return th_time_floor(time_ns, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
}

static void turn_hour(struct th_beat *b, int64_t hours)
{
    b->hours = hours < 64 ? b->hours << hours : 0;
    if (hours > 24)
        b->port_bits = 0;
}

/* An hour of sending is over: it becomes part of the pair's habit. */
static void turn_up(struct th_beat *b, uint16_t hour)
{
    if (b->up > 0) {
        double code = fmin(4 * log2(1 + (double)b->up), UINT8_MAX);
        unsigned n = TH_MIN(b->up_n + 1u, 16u);
        b->up_mean = (uint8_t)lrint(b->up_mean + (code - b->up_mean) / n);
        b->up_n = (uint8_t)n;
    }
    b->up = 0;
    b->up_hour = hour;
}

void th_beacon_beat(struct th_act *a, const struct th_peer *peer, int64_t time_ns)
{
    struct th_pair *p = th_pair_get(a, peer->key, TH_PAIR_HOST);
    if (p->beats == 0) {
        p->last_ns = time_ns;
        p->beats = 1;
        p->beat.hours = 1;
        return;
    }
    int64_t gap = th_time_sub(time_ns, p->last_ns);
    if (gap < BURST_NS)
        return;
    int64_t hours = hour_of(time_ns) - hour_of(p->last_ns);
    if (hours > 0)
        turn_hour(&p->beat, hours);
    p->last_ns = time_ns;
    p->beat.hours |= 1;
    add_gap(p, (double)gap / (double)TH_NS_PER_S);
    if (p->beats < 64 || hours > 0 || p->beats % 8 == 0)
        note_fast(a, p, peer);
    if (hours > 0)
        note_slow(a, p, peer);
}

/* Bytes of an hour that the pair is past already: they count in that hour's window alone. */
static void upload_before(
    struct th_act *a, const struct th_peer *peer, uint64_t bytes, uint64_t back)
{
    if ((double)bytes < UPLOAD_NOTE_BYTES / 16)
        return;
    struct th_note *n = th_note_get(a, TH_FEAT_UPLOAD, peer->key, UPLOAD_NOTES_MOST, (double)bytes);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a += (double)bytes;
    n->c += (double)back;
    n->worth = (float)n->a;
}

void th_beacon_upload(struct th_act *a, const struct th_peer *peer, uint64_t bytes, uint64_t back)
{
    if (bytes == 0)
        return;
    struct th_pair *p = th_pair_get(a, peer->key, TH_PAIR_HOST);
    uint16_t hour = (uint16_t)hour_of(a->time_ns);
    int16_t ahead = (int16_t)(uint16_t)(hour - p->beat.up_hour);
    if (ahead < 0 && p->beat.up > 0) {
        upload_before(a, peer, bytes, back);
        return;
    }
    if (ahead != 0)
        turn_up(&p->beat, hour);
    if (p->beats == 0)
        p->last_ns = TH_MAX(p->last_ns, a->time_ns);
    p->beat.up += (float)bytes;
    if ((double)p->beat.up < UPLOAD_NOTE_BYTES)
        return;
    struct th_note *n =
        th_note_get(a, TH_FEAT_UPLOAD, peer->key, UPLOAD_NOTES_MOST, (double)p->beat.up);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = (double)p->beat.up;
    n->b = p->beat.up_n >= 3 ? th_pair_up_mean(p) : 0;
    n->c += (double)back;
}
