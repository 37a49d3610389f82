/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/topk.h"

#include <stddef.h>

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
    uint32_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT32_MAX : sum;
}

unsigned th_topk_add(
    struct th_topk_slot *slots, unsigned k, uint64_t key, uint32_t weight, bool *ret_taken)
{
    unsigned least = 0;
    for (unsigned i = 0; i < k; i++) {
        if (slots[i].count != 0 && slots[i].key == key) {
            slots[i].count = add_saturated(slots[i].count, weight);
            if (ret_taken)
                *ret_taken = false;
            return i;
        }
        if (slots[i].count < slots[least].count)
            least = i;
    }
    /* The lightest gives way; its count is what the new one may owe it. */
    slots[least].key = key;
    slots[least].error = slots[least].count;
    slots[least].count = add_saturated(slots[least].count, weight);
    if (ret_taken)
        *ret_taken = true;
    return least;
}

void th_topk_merge(struct th_topk_slot *dst, const struct th_topk_slot *src, unsigned k)
{
    for (unsigned i = 0; i < k; i++) {
        if (src[i].count == 0)
            continue;
        unsigned at = th_topk_add(dst, k, src[i].key, src[i].count, NULL);
        dst[at].error = add_saturated(dst[at].error, src[i].error);
    }
}
