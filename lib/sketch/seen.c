/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/seen.h"

#include <stdbool.h>

/* Top bit of a slot's day: it was seen on more than one day. */
#define AGAIN 0x8000u

static uint16_t day_of(const struct th_seen_slot *s)
{
    return (uint16_t)(s->day & ~AGAIN);
}

static bool is_habit(const struct th_seen_slot *s)
{
    return (s->day & AGAIN) != 0;
}

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

/* What was seen on one day gives way before a habit, the older before the younger. */
static bool gives_way(const struct th_seen_slot *a, const struct th_seen_slot *b)
{
    if (is_habit(a) != is_habit(b))
        return is_habit(b);
    return day_of(a) < day_of(b);
}

static void put(struct th_seen_slot *b, struct th_seen_slot what)
{
    unsigned worst = 0;
    for (unsigned i = 1; i < TH_SEEN_WAYS; i++) {
        if (gives_way(&b[i], &b[worst]))
            worst = i;
    }
    b[worst] = what;
}

/* A habit from now on. One way of the bucket stays for what comes new: the oldest habit of a full
 * one counts as seen once. */
static void promote(struct th_seen_slot *b, unsigned at)
{
    unsigned habits = 0;
    unsigned oldest = at;
    b[at].day |= AGAIN;
    for (unsigned i = 0; i < TH_SEEN_WAYS; i++) {
        habits += is_habit(&b[i]);
        if (i != at && is_habit(&b[i]) && (oldest == at || day_of(&b[i]) < day_of(&b[oldest])))
            oldest = i;
    }
    if (habits == TH_SEEN_WAYS)
        b[oldest].day = day_of(&b[oldest]);
}

/* Seen again on `day`. */
static void renew(struct th_seen_slot *b, unsigned at, uint16_t day)
{
    uint16_t before = day_of(&b[at]);
    if (before == day)
        return;
    if (before < day) /* what comes late does not make it older */
        b[at].day = (uint16_t)((b[at].day & AGAIN) | day);
    promote(b, at);
}

uint16_t th_seen_touch(
    struct th_seen_slot *slots, unsigned buckets, uint64_t hash, uint16_t day, uint16_t horizon)
{
    struct th_seen_slot *b = slots + th_seen_bucket(hash, buckets);
    uint16_t print = (uint16_t)hash;
    int at = find(b, print);
    if (at < 0) {
        put(b, (struct th_seen_slot){.print = print, .day = day});
        return 0;
    }
    uint16_t before = within(day_of(&b[at]), day, horizon);
    renew(b, (unsigned)at, day);
    return before;
}

uint16_t th_seen_get(const struct th_seen_slot *slots, unsigned buckets, uint64_t hash,
    uint16_t day, uint16_t horizon)
{
    const struct th_seen_slot *b = slots + th_seen_bucket(hash, buckets);
    int at = find(b, (uint16_t)hash);
    return at < 0 ? 0 : within(day_of(&b[at]), day, horizon);
}
