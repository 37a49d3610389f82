/* SPDX-License-Identifier: Apache-2.0 */
/* Pevny: "Loda: Lightweight on-line detector of anomalies", Machine Learning 102 (2016): sparse
 * random projections of standardised columns, a histogram of each, the mean of -log of them. */
#include <math.h>

#include "base/mem.h"
#include "outliers.h"
#include "rng.h"

#define PROJECTIONS 100u
#define BINS 100u
#define SEED 20160u

struct scale {
    double mean, sd;
};

static void measure(const struct edges_matrix *m, struct scale s[EDGES_MAX_COLUMNS])
{
    for (uint32_t c = 0; c < m->d; c++) {
        double sum = 0;
        double squares = 0;
        for (uint32_t i = 0; i < m->n; i++)
            sum += (double)m->v[(size_t)i * m->d + c];
        s[c].mean = sum / m->n;
        for (uint32_t i = 0; i < m->n; i++)
            squares += pow((double)m->v[(size_t)i * m->d + c] - s[c].mean, 2);
        s[c].sd = fmax(sqrt(squares / m->n), 1e-9);
    }
}

/* Normal deviates for about the root of d columns, zero for the others. */
static void draw(struct lab_rng *rng, uint32_t d, double w[EDGES_MAX_COLUMNS])
{
    uint32_t wanted = (uint32_t)fmax(1, round(sqrt(d)));
    for (uint32_t c = 0; c < d; c++) {
        bool take = lab_below(rng, d - c) < wanted;
        double u = 1 - lab_unit(rng);
        double v = lab_unit(rng);
        w[c] = take ? sqrt(-2 * log(u)) * cos(2 * M_PI * v) : 0;
        wanted -= take;
    }
}

static void add_projection(
    const struct edges_matrix *m, const struct scale *s, const double *w, double *x, double *score)
{
    double count[BINS] = {0};
    double low = INFINITY;
    double high = -INFINITY;
    for (uint32_t i = 0; i < m->n; i++) {
        x[i] = 0;
        for (uint32_t c = 0; c < m->d; c++)
            x[i] += w[c] * ((double)m->v[(size_t)i * m->d + c] - s[c].mean) / s[c].sd;
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
    }
    double width = high > low ? (high - low) / BINS : 1;
    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t bin = TH_MIN((uint32_t)((x[i] - low) / width), BINS - 1);
        count[bin]++;
        x[i] = bin;
    }
    for (uint32_t i = 0; i < m->n; i++)
        score[i] -= log(count[(uint32_t)x[i]] / m->n) / PROJECTIONS;
}

void edges_loda(const struct edges_matrix *m, double *score)
{
    TH_AUTOFREE double *x = th_xcalloc((size_t)m->n + 1, sizeof *x);
    struct scale s[EDGES_MAX_COLUMNS];
    for (uint32_t i = 0; i < m->n; i++)
        score[i] = 0;
    if (m->n == 0)
        return;
    measure(m, s);
    for (unsigned k = 0; k < PROJECTIONS; k++) {
        struct lab_rng rng;
        double w[EDGES_MAX_COLUMNS] = {0};
        lab_rng_init(&rng, SEED, k);
        draw(&rng, m->d, w);
        add_projection(m, s, w, x, score);
    }
}
