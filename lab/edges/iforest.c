/* SPDX-License-Identifier: Apache-2.0 */
/* Liu, Ting, Zhou: "Isolation Forest", ICDM 2008: 100 trees of 256 samples each. */
#include <math.h>

#include "base/mem.h"
#include "outliers.h"
#include "rng.h"

#define TREES 100u
#define SAMPLE 256u
#define HEIGHT 8u /* log2 of SAMPLE */
#define NODES (2u << HEIGHT)
#define SEED 20080u

struct node {
    float split;
    int32_t column; /* -1: a leaf */
    double length;  /* of the path, at a leaf */
};

struct tree {
    struct node node[NODES]; /* children of i: 2 i + 1, 2 i + 2 */
};

/* Mean length of an unsuccessful search in a binary search tree of n (section 2 of the paper). */
static double mean_length(double n)
{
    if (n <= 1)
        return 0;
    return n <= 2 ? 1 : 2 * (log(n - 1) + 0.5772156649) - 2 * (n - 1) / n;
}

static const float *row_of(const struct edges_matrix *m, uint32_t i)
{
    return m->v + (size_t)i * m->d;
}

/* A column in which these rows differ, drawn among them; -1 for none. */
static int32_t draw_column(const struct edges_matrix *m, const uint32_t *at, uint32_t n,
    struct lab_rng *rng, float *ret_low, float *ret_high)
{
    int32_t column = -1;
    uint32_t found = 0;
    for (uint32_t c = 0; c < m->d; c++) {
        float low = row_of(m, at[0])[c];
        float high = low;
        for (uint32_t i = 1; i < n; i++) {
            low = TH_MIN(low, row_of(m, at[i])[c]);
            high = TH_MAX(high, row_of(m, at[i])[c]);
        }
        if (high <= low || lab_below(rng, ++found) != 0)
            continue;
        column = (int32_t)c;
        *ret_low = low;
        *ret_high = high;
    }
    return column;
}

static void build(const struct edges_matrix *m, struct tree *t, uint32_t i, unsigned depth,
    uint32_t *at, uint32_t n, struct lab_rng *rng)
{
    float low = 0;
    float high = 0;
    int32_t column = depth < HEIGHT && n > 1 ? draw_column(m, at, n, rng, &low, &high) : -1;
    t->node[i] = (struct node){.column = column, .length = depth + mean_length(n)};
    if (column < 0)
        return;
    float split = low + (high - low) * (float)lab_unit(rng);
    t->node[i].split = split;
    uint32_t left = 0;
    for (uint32_t k = 0; k < n; k++) {
        if (row_of(m, at[k])[column] > split)
            continue;
        uint32_t swap = at[left];
        at[left++] = at[k];
        at[k] = swap;
    }
    build(m, t, 2 * i + 1, depth + 1, at, left, rng);
    build(m, t, 2 * i + 2, depth + 1, at + left, n - left, rng);
}

static double path(const struct tree *t, const float *row)
{
    uint32_t i = 0;
    while (t->node[i].column >= 0)
        i = 2 * i + (row[t->node[i].column] > t->node[i].split ? 2 : 1);
    return t->node[i].length;
}

void edges_iforest(const struct edges_matrix *m, double *score)
{
    TH_AUTOFREE struct tree *t = th_xcalloc(1, sizeof *t);
    uint32_t at[SAMPLE];
    uint32_t sample = TH_MIN(SAMPLE, m->n);
    for (uint32_t i = 0; i < m->n; i++)
        score[i] = 0;
    for (unsigned k = 0; m->n > 0 && k < TREES; k++) {
        struct lab_rng rng;
        lab_rng_init(&rng, SEED, k);
        for (uint32_t i = 0; i < sample; i++)
            at[i] = lab_below(&rng, m->n);
        build(m, t, 0, 0, at, sample, &rng);
        for (uint32_t i = 0; i < m->n; i++)
            score[i] += path(t, row_of(m, i)) / TREES;
    }
    double usual = fmax(mean_length(sample), 1);
    for (uint32_t i = 0; i < m->n; i++)
        score[i] = exp2(-score[i] / usual);
}
