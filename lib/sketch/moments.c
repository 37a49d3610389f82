/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/moments.h"

#include <math.h>

void th_moments_shrunk(const struct th_moments *m, double pop_mean, double pop_variance,
    double weight, double *ret_mean, double *ret_variance)
{
    double n = (double)m->n + weight;
    double mean = n > 0 ? ((double)m->s1 + weight * pop_mean) / n : 0;
    double pop_s2 = pop_variance + pop_mean * pop_mean;
    double s2 = n > 0 ? ((double)m->s2 + weight * pop_s2) / n : 0;
    *ret_mean = mean;
    *ret_variance = fmax(0, s2 - mean * mean);
}

bool th_moments_valid(const struct th_moments *m)
{
    return isfinite(m->n) && isfinite(m->s1) && isfinite(m->s2) && m->n >= 0 && m->s2 >= 0;
}
