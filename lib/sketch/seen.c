/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/seen.h"

static uint16_t within(uint16_t seen, uint16_t day, uint16_t horizon)
{
    return seen != 0 && (seen >= day || day - seen <= horizon) ? seen : 0;
}

static int find(const struct th_seen_slot *b, uint16_t print)
{
    for (unsigned i = 0; i < TH_SEEN_WAYS; i++) {
        if (b[i].day != 0 && b[i].print == print)
            return (int)i;
    }
    return -1;
}

static void put(struct th_seen_slot *b, uint16_t print, uint16_t day)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < TH_SEEN_WAYS; i++) {
        if (b[i].day < b[oldest].day)
            oldest = i;
    }
    b[oldest] = (struct th_seen_slot){.print = print, .day = day};
}

uint16_t th_seen_touch(
    struct th_seen_slot *slots, unsigned buckets, uint64_t hash, uint16_t day, uint16_t horizon)
{
    struct th_seen_slot *b = slots + th_seen_bucket(hash, buckets);
    uint16_t print = (uint16_t)hash;
    int at = find(b, print);
    if (at < 0) {
        put(b, print, day);
        return 0;
    }
    uint16_t before = within(b[at].day, day, horizon);
    if (b[at].day < day) /* what comes late does not make it older */
        b[at].day = day;
    return before;
}

uint16_t th_seen_get(const struct th_seen_slot *slots, unsigned buckets, uint64_t hash,
    uint16_t day, uint16_t horizon)
{
    const struct th_seen_slot *b = slots + th_seen_bucket(hash, buckets);
    int at = find(b, (uint16_t)hash);
    return at < 0 ? 0 : within(b[at].day, day, horizon);
}

void th_seen_merge(struct th_seen_slot *dst, const struct th_seen_slot *src, unsigned buckets)
{
    for (unsigned i = 0; i < buckets * TH_SEEN_WAYS; i++) {
        if (src[i].day == 0)
            continue;
        struct th_seen_slot *b = dst + i / TH_SEEN_WAYS * TH_SEEN_WAYS;
        int at = find(b, src[i].print);
        if (at < 0)
            put(b, src[i].print, src[i].day);
        else if (b[at].day < src[i].day)
            b[at].day = src[i].day;
    }
}
