/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn_i.h"

#define TOUCHES_AN_HOUR 512u       /* of one device: one host alone makes nothing popular */
#define CLIENT_TOUCHES_AN_HOUR 64u /* a public server is no measure of who is known */

/* Once a period of 28 days each device counts for what it used. */
static void count(struct th_act *a, uint64_t key, uint16_t before, uint16_t *used, unsigned most)
{
    bool again = before != 0 && before / TH_PERIOD_DAYS == a->day / TH_PERIOD_DAYS;
    if (again || *used >= most)
        return;
    ++*used;
    uint32_t bit = (uint32_t)(th_hash_pair(a->dev->id, key) % TH_TOUCH_BITS);
    th_touch_add(&a->part->touches, key, TH_TOUCH_DEVICE, bit + (before == 0 ? TH_TOUCH_BITS : 0));
}

static bool touch(struct th_act *a, struct th_seen_slot *slots, unsigned buckets, uint64_t key)
{
    uint16_t before = th_seen_touch(slots, buckets, th_mix64(key), a->day, TH_SEEN_DAYS);
    count(a, key, before, &a->win->touches, TOUCHES_AN_HOUR);
    return before == 0;
}

bool th_novelty_touch(struct th_act *a, uint64_t key)
{
    return touch(a, a->dev->seen, TH_SEEN_BUCKETS, key);
}

bool th_novelty_client(struct th_act *a, uint64_t key)
{
    struct th_callers *c = th_part_callers(a->part, a->dev);
    uint16_t before =
        th_seen_touch(c->seen, TH_CLIENT_BUCKETS, th_mix64(key), a->day, TH_SEEN_DAYS);
    count(a, key, before, &a->win->client_touches, CLIENT_TOUCHES_AN_HOUR);
    a->win->novel_tried = (uint16_t)(a->win->novel_tried | 1u << TH_NOVEL_CLIENT);
    if (before == 0)
        a->win->novel_new = (uint16_t)(a->win->novel_new | 1u << TH_NOVEL_CLIENT);
    return before == 0;
}

bool th_novelty_try(struct th_act *a, enum th_novel kind, uint64_t key)
{
    bool fresh = kind == TH_NOVEL_DEST ? th_novelty_touch(a, key)
                                       : touch(a, a->dev->deeds, TH_DEED_BUCKETS, key);
    a->win->novel_tried = (uint16_t)(a->win->novel_tried | 1u << kind);
    if (fresh)
        a->win->novel_new = (uint16_t)(a->win->novel_new | 1u << kind);
    return fresh;
}
