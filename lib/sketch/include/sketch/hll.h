/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007): how many different things
 * were seen, in 2^log2m bytes that lie wherever the caller has them. Small numbers
 * are counted linearly (Whang et al., 1990). Standard error 1.04 / sqrt(2^log2m).
 * Add keyed hashes only (th_siphash), or an outsider steers the registers.
 */
#ifndef TH_SKETCH_HLL_H
#define TH_SKETCH_HLL_H

#include <stdbool.h>
#include <stdint.h>

#define TH_HLL_MIN_LOG2M 4u
#define TH_HLL_MAX_LOG2M 10u

/* All zero is empty. True when a register grew: then the thing was certainly new; when few were
 * seen so far, false means that it was most likely there. */
bool th_hll_add(uint8_t *regs, unsigned log2m, uint64_t hash);
double th_hll_count(const uint8_t *regs, unsigned log2m);
/* dst becomes the sketch of the union; both have 2^log2m registers. */
void th_hll_merge(uint8_t *dst, const uint8_t *src, unsigned log2m);

#endif
