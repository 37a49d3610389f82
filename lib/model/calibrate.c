/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a value means is how many of the organisation's device-hours reach it. Below the ten
 * highest it is counted; above them an exponential tail goes on from there, fitted to their
 * excesses and never steeper than the nominal p. Until there is data, the nominal p counts for
 * fifty device-hours.
 */
#include <math.h>

#include "model_i.h"

#define NOMINAL_HOURS 50.0
#define TAIL_COUNT 10.0
#define NOMINAL_EXCESS 0.4342944819032518 /* mean excess of -lg p under the nominal p: 1/ln 10 */
#define NOMINAL_WEIGHT 5.0
/* Of a half-life of 28 days: 1 - 2^(-1/28), in 65,536ths. Rounded up, so that all decays to 0. */
#define DECAY_A_DAY 1602u

unsigned calib_bin(double lgp)
{
    double b = lgp * CALIB_PER_LGP;
    return !(b > 0) ? 0 : b >= CALIB_BINS ? CALIB_BINS - 1 : (unsigned)b;
}

uint64_t calib_decay(uint64_t v, unsigned days)
{
    for (unsigned i = 0; i < days && v; i++)
        v -= (v >> 16) * DECAY_A_DAY + (((v & 0xffff) * DECAY_A_DAY + 0xffff) >> 16);
    return v;
}

static double low_edge(unsigned bin)
{
    return bin / CALIB_PER_LGP;
}

/* Device-hours at or above x; inside a bin in proportion. */
static double at_least(const struct calib *c, double x)
{
    unsigned b = calib_bin(x);
    double sum = 0;
    for (unsigned i = CALIB_BINS - 1; i > b; i--)
        sum += (double)c->n[i];
    double inside = fmin(fmax((x - low_edge(b)) * CALIB_PER_LGP, 0), 1);
    return (sum + (double)c->n[b] * (1 - inside)) / CALIB_ONE;
}

double calib_lgp(const struct calib *c, uint64_t hours, double x)
{
    double n = (double)hours / CALIB_ONE;
    double count = 0;
    double excess = 0; /* sum over the tail of its distance from bin `u` */
    unsigned u = CALIB_BINS;
    if (!(x > 0))
        return 0;
    while (u > 0 && count < TAIL_COUNT) {
        u--;
        excess += count / CALIB_PER_LGP + (double)c->n[u] / CALIB_ONE / (2 * CALIB_PER_LGP);
        count += (double)c->n[u] / CALIB_ONE;
    }
    double from = fmin(x, low_edge(u));
    double share = (at_least(c, from) + NOMINAL_HOURS * pow(10, -from)) / (n + NOMINAL_HOURS);
    double lgp = -log10(fmin(share, 1));
    if (x > from) {
        double beta = (excess + NOMINAL_WEIGHT * NOMINAL_EXCESS) / (count + NOMINAL_WEIGHT);
        lgp += (x - from) / fmax(beta, NOMINAL_EXCESS) * NOMINAL_EXCESS;
    }
    return fmax(lgp, 0);
}
