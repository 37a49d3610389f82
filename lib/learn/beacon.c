/* SPDX-License-Identifier: Apache-2.0 */
/* What a pair's connections are worth a note: its rhythm (beat.c), and what was sent in an hour. */
#include <math.h>

#include "base/hash.h"
#include "learn_i.h"

#define NOTE_RAW 1.5
#define NOTES_MOST 3u
#define UPLOAD_NOTE_BYTES 262144.0
#define UPLOAD_NOTES_MOST 4u

#define RARITY_WEIGHT 2.0
/* What a rhythm that is as old as what is known of the device is worth of one that began later, in
 * full after so many days. */
#define FROM_BEGIN 0.4
#define BEGIN_DAYS 2.0
/* One that is kept loses half in so many days after the first, down to this. */
#define KEPT_HALF_DAYS 2.0
#define ACCUSTOMED 0.1
/* Of few devices it cannot be told how rare a destination is: as if so many quiet ones were there
 * as well. */
#define FEW_DEVICES 20.0

/* How little of a habit it is, 0 to 1. What polls began with the device and goes on; an implant
 * begins one day. */
static double unaccustomed(const struct th_dev *d, const struct th_rhythm *r)
{
    double before = (double)th_time_sub(r->first_ns, d->first_ns) / (double)TH_NS_PER_DAY;
    double kept = (double)th_time_sub(r->last_ns, r->first_ns) / (double)TH_NS_PER_DAY;
    double sudden = FROM_BEGIN + (1 - FROM_BEGIN) * fmin(fmax(before / BEGIN_DAYS, 0), 1);
    return sudden * fmax(exp2(-fmax(kept - 1, 0) / KEPT_HALF_DAYS), ACCUSTOMED);
}

static double rarity_of(const struct th_learn *l, const struct th_rhythm *r)
{
    double active = th_org_active(l->org);
    return th_org_rarity(l->org, r->key, r->counted) +
        log10(fmax((FEW_DEVICES + 1) / (active + 1), 1));
}

/* Rhythm, rarity, and how seldom the device speaks to anything new, as if they were independent:
 * stage two corrects the scale. */
double th_rhythm_worth(const struct th_learn *l, const struct th_dev *d, const struct th_rhythm *r)
{
    double raw = r->even * th_org_unpopular(l->org, r->key, r->counted) +
        RARITY_WEIGHT * rarity_of(l, r) - log10(th_novelty_p(d, TH_NOVEL_DEST));
    return raw * unaccustomed(d, r);
}

static double worth_now(
    const struct th_act *a, const struct th_pair *p, const struct th_peer *peer, double even)
{
    struct th_rhythm r = {.even = even,
        .key = peer->key,
        .counted = true,
        .first_ns = (int64_t)p->first_s * TH_NS_PER_S,
        .last_ns = a->time_ns};
    return th_rhythm_worth(a->l, a->dev, &r);
}

static void note_fast(struct th_act *a, const struct th_pair *p, const struct th_peer *peer)
{
    double raw = th_beat_fast(p);
    if (raw < NOTE_RAW)
        return;
    double worth = worth_now(a, p, peer, raw);
    /* How many there are inside and outside has little to do with one another. */
    unsigned feature = peer->inside ? TH_FEAT_BEACON_INT : TH_FEAT_BEACON_FAST;
    struct th_note *n = th_note_get(a, feature, peer->key, NOTES_MOST, worth);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = raw;
    n->b = (double)p->beat.mean_s;
    n->c = p->beats;
    n->first_ns = (int64_t)p->first_s * TH_NS_PER_S;
    double mean_s = (double)p->beat.mean_s;
    bool brief = mean_s < 100;
    snprintf(th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN,
        "on average every %.*g s, intervals vary by %.0f %%", brief ? 3 : 9,
        brief ? mean_s : round(mean_s), fmin(100 * th_beat_variation(p), 999));
}

static void note_slow(struct th_act *a, const struct th_pair *p, const struct th_peer *peer)
{
    unsigned covered;
    unsigned hours;
    double raw = th_beat_slow(p, a->dev, &covered, &hours);
    if (raw < NOTE_RAW)
        return;
    double worth = worth_now(a, p, peer, raw);
    struct th_note *n = th_note_get(a, TH_FEAT_BEACON_SLOW, peer->key, NOTES_MOST, worth);
    if (!n)
        return;
    th_note_peer(n, peer);
    n->popularity_key = peer->key;
    n->a = raw;
    n->b = hours;
    n->c = covered;
    n->first_ns = (int64_t)p->first_s * TH_NS_PER_S;
    snprintf(th_part_words(a->part, n)->text, TH_NOTE_DETAIL_LEN,
        "in %u of its last %u active hours, %u contacts", covered, hours, p->beats);
}

double th_pair_up_mean(const struct th_pair *p)
{
    return exp2(p->beat.up_mean / 4.0);
}

static int64_t hour_of(int64_t time_ns)
{
    return th_time_floor(time_ns, TH_NS_PER_HOUR) / TH_NS_PER_HOUR;
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
    int64_t hours;
    if (!th_beat(p, a->dev, time_ns, &hours))
        return;
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
