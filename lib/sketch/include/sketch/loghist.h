/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram on a logarithmic scale: the distribution of counts or bytes, four
 * bins an octave, so that a quantile is right to 1/8 of its value (the idea is
 * DDSketch's: Masson, Rim, Lee, 2019; bins are found by integers alone). Bins are
 * integers and merge by addition: the same sum in any order.
 */
#ifndef TH_SKETCH_LOGHIST_H
#define TH_SKETCH_LOGHIST_H

#include <stdint.h>

#define TH_LOGHIST_BINS 192u /* up to 2^49; what is larger lies in the last */

struct th_loghist {
    uint64_t n[TH_LOGHIST_BINS];
};

static inline unsigned th_loghist_bin(uint64_t x)
{
    if (x < 4)
        return (unsigned)x;
    unsigned octave = 63 - (unsigned)__builtin_clzll(x);
    unsigned bin = 4 * (octave - 1) + (unsigned)(x >> (octave - 2) & 3);
    return bin < TH_LOGHIST_BINS ? bin : TH_LOGHIST_BINS - 1;
}
/* Smallest value of a bin, and its middle. */
uint64_t th_loghist_low(unsigned bin);
double th_loghist_mid(unsigned bin);

static inline void th_loghist_add(struct th_loghist *h, uint64_t x, uint64_t weight)
{
    h->n[th_loghist_bin(x)] += weight;
}
uint64_t th_loghist_total(const struct th_loghist *h);
/* Value below which the share q of the weight lies; 0 when empty. */
double th_loghist_quantile(const struct th_loghist *h, double q);
/* Mean and variance over the bins from `from` on, values above quantile q counted as that
 * quantile (winsorised): a flood must not move them. */
void th_loghist_moments(
    const struct th_loghist *h, unsigned from, double q, double *ret_mean, double *ret_variance);
/* The same for ln(1 + x). */
void th_loghist_log_moments(
    const struct th_loghist *h, unsigned from, double q, double *ret_mean, double *ret_variance);
void th_loghist_merge(struct th_loghist *dst, const struct th_loghist *src);
/* Takes num/1024 of each bin away, rounded up: decay by integers, so that copies stay equal. */
void th_loghist_decay(struct th_loghist *h, unsigned num);

#endif
