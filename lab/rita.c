/* SPDX-License-Identifier: Apache-2.0 */
#include "rita.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BARS 24u
#define LEAST 4u /* connections */
#define LEAST_BARS_RUN 6u
#define LEAST_BARS_MODES 11u
#define RUN_IDEAL 12.0

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *v, unsigned n, double q)
{
    double at = q * (n - 1);
    unsigned i = (unsigned)at;
    return i + 1 < n ? v[i] + (at - i) * (v[i + 1] - v[i]) : v[i];
}

/* Mean of 1 - |Bowley's skewness| and 1 - MAD / median. Sorts v. */
static double evenness(double *v, unsigned n)
{
    if (n == 0)
        return 0;
    qsort(v, n, sizeof(*v), ascending);
    double q1 = quantile(v, n, 0.25);
    double q2 = quantile(v, n, 0.5);
    double q3 = quantile(v, n, 0.75);
    double skew = q3 - q1 < 10 ? 0 : (q1 + q3 - 2 * q2) / (q3 - q1);
    for (unsigned i = 0; i < n; i++)
        v[i] = fabs(v[i] - q2);
    qsort(v, n, sizeof(*v), ascending);
    double mad = quantile(v, n, 0.5);
    double narrow = q2 > 0 ? fmax(0, 1 - mad / q2) : 0;
    return (1 - fabs(skew) + narrow) / 2;
}

/* Share of hours whose number of connections is one of the two that are met most often. */
static double two_modes(const unsigned bars[BARS], unsigned used)
{
    unsigned best[2] = {0, 0};
    if (used < LEAST_BARS_MODES)
        return 0;
    for (unsigned i = 0; i < BARS; i++) {
        unsigned same = 0;
        bool first = true;
        for (unsigned k = 0; k < BARS; k++) {
            same += bars[i] > 0 && bars[k] == bars[i];
            first = first && !(k < i && bars[k] == bars[i]);
        }
        if (first && same > best[0]) {
            best[1] = best[0];
            best[0] = same;
        } else if (first && same > best[1]) {
            best[1] = same;
        }
    }
    return fmin(1, (double)(best[0] + best[1]) / (used - 1));
}

static double histogram(const unsigned bars[BARS], unsigned used)
{
    double s1 = 0;
    double s2 = 0;
    for (unsigned i = 0; i < BARS; i++) {
        s1 += bars[i];
        s2 += (double)bars[i] * bars[i];
    }
    double mean = s1 / BARS;
    double cv = mean > 0 ? sqrt(fmax(0, s2 / BARS - mean * mean)) / mean : 1;
    return fmax(fmax(0, 1 - cv), two_modes(bars, used));
}

static double duration(const unsigned bars[BARS], unsigned used, double span_s)
{
    unsigned longest = 0;
    unsigned run = 0;
    if (used < LEAST_BARS_RUN)
        return 0;
    for (unsigned i = 0; i < 2 * BARS; i++) {
        run = bars[i % BARS] > 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    longest = longest > BARS ? BARS : longest;
    return fmin(1, fmax(span_s / 86400, longest / RUN_IDEAL));
}

double lab_rita(const double *t, const double *bytes, unsigned n, double now)
{
    unsigned bars[BARS] = {0};
    while (n > 0 && t[0] < now - 86400) {
        t++;
        bytes++;
        n--;
    }
    if (n < LEAST)
        return 0;
    TH_AUTOFREE double *v = th_xreallocarray(NULL, n, sizeof(*v));
    unsigned gaps = 0;
    for (unsigned i = 0; i + 1 < n; i++) {
        double gap = floor(t[i + 1]) - floor(t[i]);
        if (gap > 0)
            v[gaps++] = gap;
    }
    double even = evenness(v, gaps);
    memcpy(v, bytes, n * sizeof(*v));
    double sizes = evenness(v, n);
    unsigned used = 0;
    for (unsigned i = 0; i < n; i++) {
        double back = fmin(fmax(now - t[i], 0), 86399) / 3600;
        bars[BARS - 1 - (unsigned)back]++;
    }
    for (unsigned i = 0; i < BARS; i++)
        used += bars[i] > 0;
    return (even + sizes + histogram(bars, used) + duration(bars, used, t[n - 1] - t[0])) / 4;
}
