/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of a partition: buckets of eight with a line of tags, so that a look-up
 * touches two cache lines. The table grows with the devices, to 24 pairs each; in a
 * full bucket the least worth keeping gives way: what was met again and again lately
 * outlives what was met once, so that a scan cannot wash it out.
 */
#include "learn_i.h"

#include "base/hash.h"

/* Having been met so often is worth so much later a last meeting. A poll of many beats is kept past
 * a week, so that a device that comes on one day of each is not new to all that it polls. */
#define POLLED 12u
#define OFTEN 4u
#define POLLED_WORTH_NS (10 * TH_NS_PER_DAY)
#define OFTEN_WORTH_NS (2 * TH_NS_PER_DAY)
#define TWICE_WORTH_NS (2 * TH_NS_PER_HOUR)

void th_pairs_init(struct th_part *p, uint32_t buckets)
{
    p->buckets = buckets;
    p->pair_used = 0;
    p->pairs = th_xcalloc((size_t)buckets * TH_PAIR_WAYS, sizeof(*p->pairs));
    p->tags = th_xcalloc((size_t)buckets * TH_PAIR_WAYS, sizeof(*p->tags));
}

static uint32_t bucket_of(const struct th_part *p, uint64_t key)
{
    return (uint32_t)((key >> 32) * p->buckets >> 32) * TH_PAIR_WAYS;
}

void th_pair_prefetch(const struct th_part *p, uint64_t own)
{
    __builtin_prefetch(&p->tags[bucket_of(p, own)]);
}

static uint16_t tag_of(uint64_t key)
{
    return (uint16_t)(key | 1);
}

bool th_pair_fits(const struct th_part *p, uint32_t at)
{
    return at / TH_PAIR_WAYS * TH_PAIR_WAYS == bucket_of(p, p->pairs[at].key);
}

void th_pair_retag(struct th_part *p, uint32_t at)
{
    bool used = p->pairs[at].kind != TH_PAIR_FREE;
    p->tags[at] = used ? tag_of(p->pairs[at].key) : 0;
    p->pair_used += used;
}

static int64_t worth(const struct th_pair *p)
{
    int64_t more = p->beats >= POLLED ? POLLED_WORTH_NS
        : p->beats >= OFTEN           ? OFTEN_WORTH_NS
        : p->beats >= 2               ? TWICE_WORTH_NS
                                      : 0;
    return th_time_add(p->last_ns, more);
}

/* A free place of the bucket, or that of the least worth keeping. */
static uint32_t vacate(struct th_part *p, uint32_t bucket, bool *ret_evicted)
{
    uint32_t least = bucket;
    for (uint32_t i = bucket; i < bucket + TH_PAIR_WAYS; i++) {
        if (p->tags[i] == 0) {
            p->pair_used++;
            return i;
        }
        if (worth(&p->pairs[i]) < worth(&p->pairs[least]))
            least = i;
    }
    *ret_evicted = true;
    return least;
}

static void grow(struct th_learn *l, struct th_part *p)
{
    uint32_t most = (TH_PAIRS_BASE + TH_PAIRS_PER_DEV * p->devs.live) / TH_PAIR_WAYS;
    uint32_t buckets = TH_MIN(p->buckets + p->buckets / 4 + 1, most);
    if (buckets <= p->buckets || p->pair_used < p->buckets * TH_PAIR_WAYS / 8 * 7)
        return;
    struct th_pair *old = p->pairs;
    uint16_t *old_tags = p->tags;
    uint32_t old_n = p->buckets * TH_PAIR_WAYS;
    th_pairs_init(p, buckets);
    for (uint32_t i = 0; i < old_n; i++) {
        if (old_tags[i] == 0)
            continue;
        bool evicted = false;
        uint32_t at = vacate(p, bucket_of(p, old[i].key), &evicted);
        l->stats.evicted_pairs += evicted;
        p->pairs[at] = old[i];
        p->tags[at] = old_tags[i];
    }
    free(old);
    free(old_tags);
}

/* TH_POOL_NONE: it is not there. */
static uint32_t place_of(const struct th_part *p, uint64_t own)
{
    uint32_t bucket = bucket_of(p, own);
    uint16_t tag = tag_of(own);
    for (uint32_t i = bucket; i < bucket + TH_PAIR_WAYS; i++) {
        if (p->tags[i] == tag && p->pairs[i].key == own)
            return i;
    }
    return TH_POOL_NONE;
}

const struct th_pair *th_pair_find(const struct th_part *p, uint64_t own)
{
    uint32_t at = place_of(p, own);
    return at == TH_POOL_NONE ? NULL : &p->pairs[at];
}

struct th_pair *th_pair_get(struct th_act *a, uint64_t key, enum th_pair_kind kind)
{
    struct th_part *p = a->part;
    uint64_t own = th_pair_own(a->l, a->dev, key, kind);
    uint32_t at = place_of(p, own);
    if (at != TH_POOL_NONE)
        return &p->pairs[at];
    grow(a->l, p);
    bool evicted = false;
    at = vacate(p, bucket_of(p, own), &evicted);
    a->l->stats.evicted_pairs += evicted;
    p->tags[at] = tag_of(own);
    p->pairs[at] = (struct th_pair){.key = own,
        .kind = (uint8_t)kind,
        .last_ns = TH_TIME_UNSET,
        .first_s = (uint32_t)TH_MIN(TH_MAX(a->time_ns / TH_NS_PER_S, 0), UINT32_MAX)};
    return &p->pairs[at];
}
