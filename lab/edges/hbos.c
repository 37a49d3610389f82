/* SPDX-License-Identifier: Apache-2.0 */
/* Goldstein, Dengel: "Histogram-based Outlier Score (HBOS)", KI 2012. Bins of equal width, as many
 * as the root of n, heights against the highest. */
#include <math.h>

#include "base/mem.h"
#include "outliers.h"

#define MAX_BINS 1000u

static float at(const struct edges_matrix *m, uint32_t i, uint32_t column)
{
    return m->v[(size_t)i * m->d + column];
}

static void add_column(const struct edges_matrix *m, uint32_t column, uint32_t bins, double *score)
{
    TH_AUTOFREE uint32_t *count = th_xcalloc(bins, sizeof *count);
    TH_AUTOFREE uint32_t *bin = th_xcalloc(m->n, sizeof *bin);
    float low = at(m, 0, column);
    float high = low;
    for (uint32_t i = 1; i < m->n; i++) {
        low = TH_MIN(low, at(m, i, column));
        high = TH_MAX(high, at(m, i, column));
    }
    double width = high > low ? (double)(high - low) / bins : 1;
    uint32_t highest = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        double b = (double)(at(m, i, column) - low) / width;
        bin[i] = TH_MIN((uint32_t)b, bins - 1);
        count[bin[i]]++;
        highest = TH_MAX(highest, count[bin[i]]);
    }
    for (uint32_t i = 0; i < m->n; i++)
        score[i] += log((double)highest / count[bin[i]]);
}

void edges_hbos(const struct edges_matrix *m, double *score)
{
    uint32_t bins = (uint32_t)fmin(fmax(1, sqrt(m->n)), MAX_BINS);
    for (uint32_t i = 0; i < m->n; i++)
        score[i] = 0;
    for (uint32_t c = 0; m->n > 0 && c < m->d; c++)
        add_column(m, c, bins, score);
}
