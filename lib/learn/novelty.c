/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn_i.h"

#define TOUCHES_AN_HOUR 512u /* of one device: one host alone makes nothing popular */

bool th_novelty_touch(struct th_act *a, uint64_t key)
{
    uint16_t before =
        th_seen_touch(a->dev->seen, TH_SEEN_BUCKETS, th_mix64(key), a->day, TH_SEEN_DAYS);
    /* Once a period of 28 days each device counts for the destination. */
    bool again = before != 0 && before / TH_PERIOD_DAYS == a->day / TH_PERIOD_DAYS;
    if (!again && a->win->touches < TOUCHES_AN_HOUR) {
        a->win->touches++;
        th_touch_add(&a->part->touches, key, TH_TOUCH_DEVICE, 0);
    }
    return before == 0;
}

bool th_novelty_try(struct th_act *a, enum th_novel kind, uint64_t key)
{
    bool fresh = th_novelty_touch(a, key);
    a->win->novel_tried = (uint16_t)(a->win->novel_tried | 1u << kind);
    if (fresh)
        a->win->novel_new = (uint16_t)(a->win->novel_new | 1u << kind);
    return fresh;
}
