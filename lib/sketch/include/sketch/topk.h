/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space-saving (Metwally, Agrawal, El Abbadi, 2005): the k heaviest keys of a
 * stream in k slots that lie wherever the caller has them. A key's count is never
 * too low and too high by at most `error`; a key with more than total / k weight is
 * always among them.
 */
#ifndef TH_SKETCH_TOPK_H
#define TH_SKETCH_TOPK_H

#include <stdbool.h>
#include <stdint.h>

struct th_topk_slot {
    uint64_t key;
    uint32_t count; /* 0: free */
    uint32_t error; /* of which may belong to others */
};

/* Adds; returns the slot, so that the caller can keep more about the key in an array of its own;
 * *ret_taken (may be NULL) says that the slot was given to this key just now. */
unsigned th_topk_add(
    struct th_topk_slot *slots, unsigned k, uint64_t key, uint32_t weight, bool *ret_taken);
/* Adds all of src (k slots) to dst (k slots): counts stay upper bounds. */
void th_topk_merge(struct th_topk_slot *dst, const struct th_topk_slot *src, unsigned k);

#endif
