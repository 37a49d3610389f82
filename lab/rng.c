/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t lab_chance_hash(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed;
    x = splitmix(&x) ^ a;
    x = splitmix(&x) ^ b;
    return splitmix(&x);
}

uint64_t lab_text_hash(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
    return h;
}

void lab_rng_init(struct lab_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = lab_chance_hash(seed, stream, 0);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&x);
}

int64_t lab_exp_ns(struct lab_rng *r, int64_t mean_ns)
{
    return (int64_t)(-log(1.0 - lab_unit(r)) * (double)mean_ns);
}

double lab_normal(struct lab_rng *r)
{
    double u = 1.0 - lab_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * lab_unit(r)); /* Box, Muller 1958 */
}

double lab_lognormal(struct lab_rng *r, double median, double sigma)
{
    return median * exp(sigma * lab_normal(r));
}

uint64_t lab_bytes(struct lab_rng *r, double median, double sigma, uint64_t lo, uint64_t hi)
{
    double v = lab_lognormal(r, median, sigma);
    if (v <= (double)lo)
        return lo;
    return v >= (double)hi ? hi : (uint64_t)v;
}

int64_t lab_jitter_ns(struct lab_rng *r, int64_t span_ns, double jitter)
{
    return (int64_t)((double)span_ns * (1.0 + jitter * (2.0 * lab_unit(r) - 1.0)));
}

uint32_t lab_zipf(struct lab_rng *r, uint32_t n, double s)
{
    double e = 1.0 - s;
    double top = pow((double)n + 1.0, e);
    double x = pow(1.0 + lab_unit(r) * (top - 1.0), 1.0 / e);
    uint32_t rank = (uint32_t)(x - 1.0);
    return rank < n ? rank : n - 1;
}
