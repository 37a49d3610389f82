/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance that can be repeated. Each actor of the lab draws from a stream of its own,
 * named by (seed, stream), so that what one does never changes what another does.
 * Generator: xoshiro256** seeded by splitmix64, both after the published
 * algorithms (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2021).
 */
#ifndef TH_LAB_RNG_H
#define TH_LAB_RNG_H

#include "base/time.h"

struct lab_rng {
    uint64_t s[4];
};

void lab_rng_init(struct lab_rng *r, uint64_t seed, uint64_t stream);
/* A hash of three numbers: chance that needs no state ("is this person ill on day 12?"). */
uint64_t lab_chance_hash(uint64_t seed, uint64_t a, uint64_t b);
/* A number for a text. */
uint64_t lab_text_hash(const char *s);

static inline uint64_t lab_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t lab_u64(struct lab_rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = lab_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = lab_rotl(s[3], 45);
    return result;
}

/* 0 to n - 1; n above 0. Multiply-shift: the bias is below 2^-32 n. */
static inline uint32_t lab_below(struct lab_rng *r, uint32_t n)
{
    return (uint32_t)((lab_u64(r) >> 32) * n >> 32);
}

/* lo to hi, both included. */
static inline int64_t lab_range(struct lab_rng *r, int64_t lo, int64_t hi)
{
    return hi <= lo ? lo : lo + (int64_t)((__uint128_t)lab_u64(r) * (uint64_t)(hi - lo + 1) >> 64);
}

/* [0, 1) */
static inline double lab_unit(struct lab_rng *r)
{
    return (double)(lab_u64(r) >> 11) * 0x1p-53;
}

static inline bool lab_chance(struct lab_rng *r, double p)
{
    return lab_unit(r) < p;
}

/* Exponential with this mean, as a span. */
int64_t lab_exp_ns(struct lab_rng *r, int64_t mean_ns);
/* Standard normal. */
double lab_normal(struct lab_rng *r);
/* Log-normal with this median; sigma of the logarithm. */
double lab_lognormal(struct lab_rng *r, double median, double sigma);
/* The same, as whole bytes between lo and hi. */
uint64_t lab_bytes(struct lab_rng *r, double median, double sigma, uint64_t lo, uint64_t hi);
/* span times a factor of 1 -+ jitter, evenly. */
int64_t lab_jitter_ns(struct lab_rng *r, int64_t span_ns, double jitter);
/* Rank 0 to n - 1 with weight 1 / (rank + 1)^s, 0 < s < 1 or s > 1 (continuous approximation). */
uint32_t lab_zipf(struct lab_rng *r, uint32_t n, double s);

#endif
