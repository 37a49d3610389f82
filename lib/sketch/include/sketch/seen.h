/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Was this seen before, and when?" in bounded memory: 16-bit fingerprints in
 * four-way buckets (Fan et al., 2014, without the cuckoo's moves), each with the day
 * it was last seen. A full bucket gives up what was seen on one day only before what was
 * seen on several, the oldest first, so that a day's browsing does not make habits forgotten.
 * A thing never seen is taken for seen with probability 4 x 2^-16 at most. Add keyed hashes only.
 */
#ifndef TH_SKETCH_SEEN_H
#define TH_SKETCH_SEEN_H

#include <stdint.h>

#define TH_SEEN_WAYS 4u

struct th_seen_slot {
    uint16_t print;
    uint16_t day; /* since 1970, in 15 bits (to the year 2059), and one for a habit; 0: free */
};

/* First slot of the hash's bucket. */
static inline unsigned th_seen_bucket(uint64_t hash, unsigned buckets)
{
    return (unsigned)((hash >> 32) * buckets >> 32) * TH_SEEN_WAYS;
}
/* slots: TH_SEEN_WAYS x buckets of them, all zero when empty. Notes that it was seen on `day` (> 0)
 * and returns the day on which it was last seen before, 0 when it was not within `horizon` days. */
uint16_t th_seen_touch(
    struct th_seen_slot *slots, unsigned buckets, uint64_t hash, uint16_t day, uint16_t horizon);
/* The same question without a note. */
uint16_t th_seen_get(const struct th_seen_slot *slots, unsigned buckets, uint64_t hash,
    uint16_t day, uint16_t horizon);

#endif
