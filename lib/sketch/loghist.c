/* SPDX-License-Identifier: Apache-2.0 */
#include "sketch/loghist.h"

#include <math.h>
#include <stdbool.h>

uint64_t th_loghist_low(unsigned bin)
{
    if (bin < 4)
        return bin;
    unsigned octave = bin / 4 + 1;
    return (UINT64_C(1) << octave) + ((uint64_t)(bin % 4) << (octave - 2));
}

double th_loghist_mid(unsigned bin)
{
    if (bin < 8)
        return (double)th_loghist_low(bin); /* one value wide */
    return ((double)th_loghist_low(bin) + (double)th_loghist_low(bin + 1) - 1) / 2;
}

uint64_t th_loghist_total(const struct th_loghist *h)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < TH_LOGHIST_BINS; i++)
        sum += h->n[i];
    return sum;
}

/* Bin in which the share q of the weight from `from` on is reached. */
static unsigned quantile_bin(const struct th_loghist *h, unsigned from, double q)
{
    uint64_t total = 0;
    for (unsigned i = from; i < TH_LOGHIST_BINS; i++)
        total += h->n[i];
    double want = q * (double)total;
    uint64_t sum = 0;
    unsigned last = from;
    for (unsigned i = from; i < TH_LOGHIST_BINS; i++) {
        if (h->n[i] == 0)
            continue;
        last = i;
        sum += h->n[i];
        if ((double)sum >= want)
            break;
    }
    return last;
}

double th_loghist_quantile(const struct th_loghist *h, double q)
{
    return th_loghist_mid(quantile_bin(h, 0, q));
}

static void moments(
    const struct th_loghist *h, unsigned from, double q, bool in_log, double *mean, double *var)
{
    unsigned cap = quantile_bin(h, from, q);
    double n = 0;
    double s1 = 0;
    double s2 = 0;
    for (unsigned i = from; i < TH_LOGHIST_BINS; i++) {
        if (h->n[i] == 0)
            continue;
        double x = th_loghist_mid(i < cap ? i : cap);
        double w = (double)h->n[i];
        x = in_log ? log1p(x) : x;
        n += w;
        s1 += w * x;
        s2 += w * x * x;
    }
    *mean = n > 0 ? s1 / n : 0;
    *var = n > 0 ? fmax(0, s2 / n - *mean * *mean) : 0;
}

void th_loghist_moments(
    const struct th_loghist *h, unsigned from, double q, double *ret_mean, double *ret_variance)
{
    moments(h, from, q, false, ret_mean, ret_variance);
}

void th_loghist_log_moments(
    const struct th_loghist *h, unsigned from, double q, double *ret_mean, double *ret_variance)
{
    moments(h, from, q, true, ret_mean, ret_variance);
}

void th_loghist_merge(struct th_loghist *dst, const struct th_loghist *src)
{
    for (unsigned i = 0; i < TH_LOGHIST_BINS; i++)
        dst->n[i] += src->n[i];
}

void th_loghist_decay(struct th_loghist *h, unsigned num)
{
    for (unsigned i = 0; i < TH_LOGHIST_BINS; i++) {
        uint64_t n = h->n[i];
        h->n[i] = n - (n / 1024 * num + (n % 1024 * num + 1023) / 1024);
    }
}
