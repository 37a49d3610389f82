/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight, sum and sum of squares of a stream that forgets: mean and variance of
 * what was lately seen, in twelve bytes. Merges by addition (of one entity only:
 * floats do not add up the same in every order).
 */
#ifndef TH_SKETCH_MOMENTS_H
#define TH_SKETCH_MOMENTS_H

#include <stdbool.h>

struct th_moments {
    float n, s1, s2;
};

/* Multiplies the past by keep (0 to 1). */
static inline void th_moments_decay(struct th_moments *m, double keep)
{
    m->n = (float)(m->n * keep);
    m->s1 = (float)(m->s1 * keep);
    m->s2 = (float)(m->s2 * keep);
}

static inline void th_moments_add(struct th_moments *m, double x, double weight)
{
    m->n = (float)(m->n + weight);
    m->s1 = (float)(m->s1 + weight * x);
    m->s2 = (float)(m->s2 + weight * x * x);
}

static inline void th_moments_merge(struct th_moments *dst, const struct th_moments *src)
{
    dst->n += src->n;
    dst->s1 += src->s1;
    dst->s2 += src->s2;
}

/* Mean and variance, shrunk to a population's by `weight` observations of it. */
void th_moments_shrunk(const struct th_moments *m, double pop_mean, double pop_variance,
    double weight, double *ret_mean, double *ret_variance);
/* Finite, not negative where that cannot be: for what comes from a file. */
bool th_moments_valid(const struct th_moments *m);

#endif
