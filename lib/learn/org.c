/* SPDX-License-Identifier: Apache-2.0 */
#include "org.h"

#include <math.h>

#include "base/hash.h"

#define FIRST_CAP 1024u
/* Dampens what begins to spread: each device that is new at a destination counts as so many, once
 * there are this many: in the last hours (a patch day), or in the last days where at least half of
 * those who use it are (a roll-out). */
#define BURST_FROM 3u
#define BURST_WEIGHT 4u

struct th_org *th_org_new(void)
{
    struct th_org *o = th_xcalloc(1, sizeof(*o));
    o->time_ns = TH_TIME_UNSET;
    o->dest_cap = FIRST_CAP;
    o->dests = th_xcalloc(o->dest_cap, sizeof(*o->dests));
    o->spelling = th_spelling_new();
    for (unsigned b = 0; b <= TH_CALIB_BINS; b++)
        o->edge[b] = th_calib_edge(b);
    for (unsigned b = 0; b < TH_CALIB_BINS; b++)
        o->parametric[b] = (float)pow(10, -TH_PARAMETRIC_BELIEF * o->edge[b]);
    th_org_derive(o);
    return o;
}

void th_org_free(struct th_org *o)
{
    if (!o)
        return;
    free(o->dests);
    th_spelling_free(o->spelling);
    free(o);
}

/* The key's place, or the free one where it would go. Keys are keyed hashes already. */
static uint32_t place(const struct th_org *o, uint64_t key)
{
    uint32_t i = (uint32_t)(th_mix64(key) & (o->dest_cap - 1));
    while (o->dests[i].key != 0 && o->dests[i].key != key)
        i = (i + 1) & (o->dest_cap - 1);
    return i;
}

struct th_org_dest *th_org_find(const struct th_org *o, uint64_t key)
{
    struct th_org_dest *d = &o->dests[place(o, key)];
    return d->key != 0 && key != 0 ? d : NULL;
}

static void rebuild(struct th_org *o, uint32_t cap)
{
    struct th_org_dest *old = o->dests;
    uint32_t old_cap = o->dest_cap;
    o->dests = th_xcalloc(cap, sizeof(*o->dests));
    o->dest_cap = cap;
    o->dest_used = 0;
    for (uint32_t i = 0; i < old_cap; i++) {
        const struct th_org_dest *d = &old[i];
        if (d->key == 0 || (!d->who[0] && !d->who[1] && !d->failing && !d->up_n))
            continue;
        o->dests[place(o, d->key)] = *d;
        o->dest_used++;
    }
    free(old);
}

struct th_org_dest *th_org_add(struct th_org *o, uint64_t key)
{
    if (key == 0)
        return NULL;
    uint32_t at = place(o, key);
    if (o->dests[at].key == key)
        return &o->dests[at];
    if (o->dest_used >= TH_ORG_MAX_DESTS) {
        o->dest_dropped++;
        return NULL;
    }
    if (o->dest_used >= o->dest_cap / 4 * 3) {
        rebuild(o, o->dest_cap * 2);
        at = place(o, key);
    }
    o->dests[at].key = key;
    o->dest_used++;
    return &o->dests[at];
}

uint32_t th_org_devices(const struct th_org_dest *d)
{
    /* -64 ln(1 - k/64), rounded, for k bits. */
    static const uint8_t counted[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20,
        21, 23, 24, 25, 27, 28, 30, 32, 33, 35, 37, 39, 40, 42, 44, 46, 48, 51, 53, 55, 58, 60, 63,
        65, 68, 71, 74, 78, 81, 85, 89};
    uint32_t most = 0;
    for (unsigned i = 0; d && i < TH_ARRAY_LEN(d->who); i++) {
        unsigned bits = (unsigned)__builtin_popcountll(d->who[i]);
        uint32_t n = bits + 1 < TH_ARRAY_LEN(counted)
            ? counted[bits]
            : TH_MAX(d->touches[i], (uint32_t)counted[TH_ARRAY_LEN(counted) - 1]);
        most = TH_MAX(most, n);
    }
    return most;
}

static uint32_t others(const struct th_org *o, uint64_t key, bool counted)
{
    const struct th_org_dest *d = th_org_find(o, key);
    uint32_t n = th_org_devices(d);
    if (counted && n > 0)
        n--;
    uint32_t fresh = d ? d->fresh + (uint32_t)__builtin_popcountll(d->news) : 0;
    uint32_t wave = d ? (d->wave + TH_WAVE_UNIT / 2) / TH_WAVE_UNIT : 0;
    if (2 * wave >= n)
        fresh = TH_MAX(fresh, wave);
    if (fresh >= BURST_FROM + (counted ? 1 : 0))
        n += BURST_WEIGHT * fresh;
    return n;
}

double th_org_share(const struct th_org *o, uint64_t key, bool counted)
{
    return fmin(1, (double)others(o, key, counted) / ((double)th_org_active(o) + 1));
}

double th_org_unpopular(const struct th_org *o, uint64_t key, bool counted)
{
    return fmax(1 - 1.5 * th_org_share(o, key, counted), 0.1);
}

static double rarity(const struct th_org *o, uint64_t key, bool counted, uint32_t all)
{
    double share = ((double)others(o, key, counted) + 1) / ((double)all + 1);
    return share >= 1 ? 0 : -log10(share);
}

double th_org_rarity(const struct th_org *o, uint64_t key, bool counted)
{
    return rarity(o, key, counted, th_org_active(o));
}

double th_org_user_rarity(const struct th_org *o, uint64_t key, bool counted)
{
    return rarity(o, key, counted, th_org_users(o));
}

/* v x part / whole, rounded down. */
static uint64_t share_of(uint64_t v, uint32_t part, uint32_t whole)
{
    return v / whole * part + v % whole * part / whole;
}

static void age_dests(struct th_org *o, unsigned hours, unsigned days, unsigned periods)
{
    for (uint32_t i = 0; i < o->dest_cap; i++) {
        struct th_org_dest *d = &o->dests[i];
        if (d->key == 0)
            continue;
        if (hours > 0) {
            unsigned fresh = (d->fresh + (unsigned)__builtin_popcountll(d->news)) >> hours;
            d->fresh = (uint8_t)TH_MIN(fresh, UINT8_MAX);
            d->news = 0;
        }
        d->failing = (uint8_t)(d->failing >> hours);
        d->wave = (uint16_t)(d->wave >> TH_MIN(days, 15u));
        for (unsigned k = 0; k < days && d->up_n > 0; k++) {
            uint32_t left = d->up_n -
                (d->up_n / 1024 * TH_DECAY_NUM + (d->up_n % 1024 * TH_DECAY_NUM + 1023) / 1024);
            d->up_sum = share_of(d->up_sum, left, d->up_n);
            d->up_squares = share_of(d->up_squares, left, d->up_n);
            d->up_n = left;
        }
        if (periods > 0) {
            d->who[1] = periods == 1 ? d->who[0] : 0;
            d->touches[1] = periods == 1 ? d->touches[0] : 0;
            d->who[0] = d->touches[0] = 0;
        }
    }
}

static void decay_array(uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i] != 0)
            v[i] -= v[i] / 1024 * TH_DECAY_NUM + (v[i] % 1024 * TH_DECAY_NUM + 1023) / 1024;
    }
}

static void decay_rhythm(int64_t sum[TH_WEEK_SLOTS], uint64_t n[TH_WEEK_SLOTS])
{
    for (unsigned s = 0; s < TH_WEEK_SLOTS; s++) {
        sum[s] -= sum[s] / 64;
        n[s] -= n[s] / 64;
    }
}

static void decay_day(struct th_org *o)
{
    for (unsigned f = 0; f < TH_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_loghist_decay(&o->h.rates[f][g], TH_DECAY_NUM);
        for (unsigned t = 0; t < TH_DEVICE_TYPE_COUNT; t++)
            th_loghist_decay(&o->h.kin_rates[f][t], TH_DECAY_NUM);
    }
    for (unsigned f = 0; f < TH_USER_RATES; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            th_loghist_decay(&o->h.user_rates[f][g], TH_DECAY_NUM);
    }
    for (unsigned k = 0; k < TH_ARRAY_LEN(o->h.uploads); k++)
        th_loghist_decay(&o->h.uploads[k], TH_DECAY_NUM);
    for (unsigned f = 0; f < TH_FEATURE_COUNT; f++) {
        for (unsigned g = 0; g < TH_GROUPS; g++)
            decay_array(o->h.calib[f][g].n, TH_CALIB_BINS);
    }
    decay_array(o->h.hours, TH_GROUPS);
    decay_array(&o->prior_hours, 1);
    for (unsigned c = 0; c < TH_RHYTHMS; c++) {
        decay_rhythm(o->h.rhythm_sum[c], o->h.rhythm_n[c]);
        for (unsigned t = 0; t < TH_DEVICE_TYPE_COUNT; t++)
            decay_rhythm(o->h.kin_rhythm_sum[t][c], o->h.kin_rhythm_n[t][c]);
    }
}

void th_org_advance(struct th_org *o, int64_t time_ns)
{
    const unsigned most_days = 400; /* after so long nothing is left anyhow */
    int64_t day = th_time_floor(time_ns, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    day = TH_MIN(TH_MAX(day, 1), UINT16_MAX);
    int64_t period = day / TH_PERIOD_DAYS;
    if (o->time_ns != TH_TIME_UNSET && time_ns > o->time_ns) {
        int64_t hours = th_time_sub(time_ns, o->time_ns) / TH_NS_PER_HOUR;
        unsigned days = (unsigned)TH_MIN(TH_MAX(day - o->day, 0), most_days);
        unsigned periods = (unsigned)TH_MAX(period - o->period, 0);
        age_dests(o, (unsigned)TH_MIN(TH_MAX(hours, 0), 15), days, periods);
        for (unsigned i = 0; i < days; i++)
            decay_day(o);
        if (periods > 0) {
            o->active[1] = periods == 1 ? o->active[0] : 0;
            o->active[0] = 0;
            o->users[1] = periods == 1 ? o->users[0] : 0;
            o->users[0] = 0;
        }
        if (days > 0)
            rebuild(o, o->dest_cap);
    }
    if (o->time_ns == TH_TIME_UNSET || time_ns > o->time_ns) {
        if (o->day != (uint16_t)day)
            th_spelling_turn(o->spelling);
        o->time_ns = time_ns;
        o->day = (uint16_t)day;
        o->period = (uint16_t)period;
    }
    th_org_derive(o);
}
