/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Count-min (Cormode, Muthukrishnan, 2005) with conservative update (Estan,
 * Varghese, 2002): how often was this key seen, never too low, too high by more
 * than 2.72 / width of all that was added with probability exp(-depth) only.
 */
#ifndef TH_SKETCH_COUNTMIN_H
#define TH_SKETCH_COUNTMIN_H

#include "base/hash.h"

#define TH_COUNTMIN_MAX_LOG2_WIDTH 24u
#define TH_COUNTMIN_MAX_DEPTH 8u

struct th_countmin;
struct th_countmin *th_countmin_new(
    const struct th_hash_key *key, unsigned log2_width, unsigned depth);
void th_countmin_free(struct th_countmin *c);
/* Returns the new estimate. Counters saturate. */
uint32_t th_countmin_add(struct th_countmin *c, uint64_t item, uint32_t n);
uint32_t th_countmin_get(const struct th_countmin *c, uint64_t item);
/* Adds src cell by cell: estimates stay upper bounds. Both of one key, width and depth. */
void th_countmin_merge(struct th_countmin *dst, const struct th_countmin *src);
/* Halves every counter: the past counts half. */
void th_countmin_halve(struct th_countmin *c);

#endif
