/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MIDAS, MIDAS-R (Bhatia, Hooi, Yoon, Shin, Faloutsos: "MIDAS: Microcluster-Based Detector of
 * Anomalies in Edge Streams", AAAI 2020) and MIDAS-F (the same with Liu, Wadhwa: "Real-time
 * Anomaly Detection in Edge Streams", ACM TKDD 2022), with the sizes and factors of the papers:
 * sketches of 2 x 1024, decay by half each minute, threshold 1,000.
 */
#include <math.h>

#include "base/hash.h"
#include "scorers.h"

#define DEPTH 2u
#define WIDTH 1024u
#define CELLS (DEPTH * WIDTH)
#define DECAY 0.5
#define KEEP_OUT 1000.0 /* MIDAS-F: what scores higher is no part of the past */

/* Counts of the current minute and of all before, of edges or of one side's addresses. */
struct gauge {
    double now[CELLS], past[CELLS], score[CELLS];
};

struct cells {
    uint32_t at[DEPTH];
};

static struct cells cells_of(uint64_t key)
{
    struct cells c;
    for (uint32_t d = 0; d < DEPTH; d++)
        c.at[d] = d * WIDTH + (uint32_t)(th_hash_pair(0x6d69646173 + d, key) % WIDTH);
    return c;
}

static double least(const double *v, const struct cells *c)
{
    double m = v[c->at[0]];
    for (unsigned d = 1; d < DEPTH; d++)
        m = fmin(m, v[c->at[d]]);
    return m;
}

static void add(double *v, const struct cells *c)
{
    for (unsigned d = 0; d < DEPTH; d++)
        v[c->at[d]]++;
}

static void multiply(double *v, double factor)
{
    for (unsigned i = 0; i < CELLS; i++)
        v[i] *= factor;
}

/* Chi-squared of a count of this minute against the mean minute: (a - s/t)^2 t^2 / (s (t - 1)). */
static double chi2(double a, double s, double t)
{
    if (s <= 0 || t <= 1)
        return 0;
    double d = a - s / t;
    return d * d * t * t / (s * (t - 1));
}

/* MIDAS and MIDAS-R: the total holds this minute's records too. */
static double plain(struct gauge *g, uint64_t key, double tick)
{
    struct cells c = cells_of(key);
    add(g->now, &c);
    add(g->past, &c);
    return chi2(least(g->now, &c), least(g->past, &c), tick);
}

static double *rows_of(const struct edges_job *j)
{
    return th_xcalloc(j->t->rows + 1, sizeof(double));
}

void edges_score_midas(const struct edges_job *j, struct edges_scores *ret)
{
    TH_AUTOFREE struct gauge *edge = th_xcalloc(1, sizeof *edge);
    uint32_t tick = 1;
    ret->row = rows_of(j);
    for (uint32_t i = 0; i < j->t->rows; i++) {
        const struct edges_row *r = &j->t->row[i];
        if (r->tick != tick)
            multiply(edge->now, 0);
        tick = r->tick;
        ret->row[i] = plain(edge, (uint64_t)r->src << 32 | r->dst, tick);
    }
}

/* MIDAS-F at the end of a minute: what was usual joins the past; in the place of what was not, the
 * past's own mean does. */
static void merge(struct gauge *g, double tick)
{
    for (unsigned i = 0; i < CELLS; i++) {
        if (g->score[i] < KEEP_OUT)
            g->past[i] += g->now[i];
        else if (tick > 1)
            g->past[i] += g->past[i] / (tick - 1);
        g->now[i] *= DECAY;
    }
}

static double filtered(struct gauge *g, uint64_t key, double tick)
{
    struct cells c = cells_of(key);
    add(g->now, &c);
    double a = least(g->now, &c);
    double s = least(g->past, &c);
    double score = s > 0 && tick > 1 ? pow(a + s - a * tick, 2) / (s * (tick - 1)) : 0;
    for (unsigned d = 0; d < DEPTH; d++)
        g->score[c.at[d]] = score;
    return score;
}

/* MIDAS-R at the end of a minute. */
static void fade(struct gauge *g, double tick)
{
    (void)tick;
    multiply(g->now, DECAY);
}

/* The oddest of edge, source and destination. */
static void score_three(const struct edges_job *j, void (*turn)(struct gauge *g, double tick),
    double (*see)(struct gauge *g, uint64_t key, double tick), struct edges_scores *ret)
{
    TH_AUTOFREE struct gauge *g = th_xcalloc(3, sizeof *g);
    uint32_t tick = 1;
    ret->row = rows_of(j);
    for (uint32_t i = 0; i < j->t->rows; i++) {
        const struct edges_row *r = &j->t->row[i];
        for (unsigned k = 0; r->tick != tick && k < 3; k++)
            turn(&g[k], r->tick);
        tick = r->tick;
        double edge = see(&g[0], (uint64_t)r->src << 32 | r->dst, tick);
        double src = see(&g[1], r->src, tick);
        double dst = see(&g[2], r->dst, tick);
        ret->row[i] = fmax(edge, fmax(src, dst));
    }
}

void edges_score_midas_r(const struct edges_job *j, struct edges_scores *ret)
{
    score_three(j, fade, plain, ret);
}

void edges_score_midas_f(const struct edges_job *j, struct edges_scores *ret)
{
    score_three(j, merge, filtered, ret);
}
