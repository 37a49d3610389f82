/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <math.h>
#include <string.h>

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

/* Logarithm and exponential of our own: libm's differ in the last bit between processors, and one
 * bit is another office. Relative error below 1e-11. */
static double own_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    double s = (m - 1.0) / (m + 1.0), q = s * s, sum = 0;
    for (int k = 15; k >= 1; k -= 2)
        sum = sum * q + 1.0 / k;
    return 2.0 * s * sum + e * 0.6931471805599453;
}

static double own_exp(double x)
{
    if (x > 700.0)
        x = 700.0;
    if (x < -700.0)
        return 0.0;
    double k = (double)(int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - k * 0.6931471805599453, sum = 1.0;
    for (int n = 13; n >= 1; n--)
        sum = 1.0 + sum * r / n;
    uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

int64_t lab_exp_ns(struct lab_rng *r, int64_t mean_ns)
{
    return (int64_t)(-own_log(1.0 - lab_unit(r)) * (double)mean_ns);
}

double lab_normal(struct lab_rng *r)
{
    for (;;) { /* Marsaglia's polar method */
        double u = 2.0 * lab_unit(r) - 1.0, v = 2.0 * lab_unit(r) - 1.0, q = u * u + v * v;
        if (q < 1.0 && q > 0.0)
            return u * sqrt(-2.0 * own_log(q) / q);
    }
}

double lab_lognormal(struct lab_rng *r, double median, double sigma)
{
    return median * own_exp(sigma * lab_normal(r));
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
    double top = own_exp(e * own_log((double)n + 1.0));
    double x = own_exp(own_log(1.0 + lab_unit(r) * (top - 1.0)) / e);
    uint32_t rank = (uint32_t)(x - 1.0);
    return rank < n ? rank : n - 1;
}
