/* SPDX-License-Identifier: Apache-2.0 */
/* Edge tables as tables of numbers, for methods that want those: logarithms of the counts under
 * way, for records; of the counts of the whole hour, for units. */
#include "outliers.h"

#include <math.h>

#include "counts.h"
#include "scorers.h"

#define ROW_COLUMNS 10u
#define UNIT_COLUMNS 5u

typedef void method_fn(const struct edges_matrix *m, double *score);

static float ln(uint32_t x)
{
    return (float)log1p(x);
}

static void put_row(const struct edges_counts *c, const struct edges_row *r, float *v)
{
    const struct edges_count *s = &c->src[r->src];
    const struct edges_count *d = &c->dst[r->dst];
    const struct edges_count *e = &c->edge[r->edge];
    const float x[ROW_COLUMNS] = {ln(s->in_tick), ln(d->in_tick), ln(e->in_tick), ln(s->in_hour),
        ln(d->in_hour), ln(e->in_hour), ln(s->others), ln(d->others), ln(e->ever),
        ln(TH_MIN(s->ever, d->ever))};
    memcpy(v, x, sizeof x);
}

static void put_unit(const struct edges_count *c, float *v)
{
    const float x[UNIT_COLUMNS] = {
        ln(c->in_hour), ln(c->others), ln(c->fresh), ln(c->busiest_tick), ln(c->ever)};
    memcpy(v, x, sizeof x);
}

static struct edges_matrix matrix(uint32_t n, uint32_t d)
{
    return (struct edges_matrix){
        .n = n, .d = d, .v = th_xcalloc(((size_t)n + 1) * d, sizeof(float))};
}

static double *apply(method_fn *method, struct edges_matrix *m)
{
    double *score = th_xcalloc((size_t)m->n + 1, sizeof *score);
    method(m, score);
    free(m->v);
    return score;
}

static void score(
    const struct edges_job *j, method_fn *method, bool units, struct edges_scores *ret)
{
    const struct edges_table *t = j->t;
    struct edges_counts c;
    struct edges_matrix rows = matrix(t->rows, ROW_COLUMNS);
    struct edges_matrix dst = matrix(j->dst->count, UNIT_COLUMNS);
    struct edges_matrix src = matrix(j->src->count, UNIT_COLUMNS);
    edges_counts_init(&c, t);
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        edges_counts_add(&c, r);
        put_row(&c, r, rows.v + (size_t)i * ROW_COLUMNS);
        put_unit(&c.dst[r->dst], dst.v + (size_t)j->dst->of[i] * UNIT_COLUMNS);
        put_unit(&c.src[r->src], src.v + (size_t)j->src->of[i] * UNIT_COLUMNS);
    }
    edges_counts_done(&c);
    ret->row = apply(method, &rows);
    if (units) {
        ret->dst = apply(method, &dst);
        ret->src = apply(method, &src);
    } else {
        free(dst.v);
        free(src.v);
    }
}

void edges_score_hbos_rows(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_hbos, false, ret);
}

void edges_score_hbos_units(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_hbos, true, ret);
}

void edges_score_iforest_rows(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_iforest, false, ret);
}

void edges_score_iforest_units(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_iforest, true, ret);
}

void edges_score_loda_rows(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_loda, false, ret);
}

void edges_score_loda_units(const struct edges_job *j, struct edges_scores *ret)
{
    score(j, edges_loda, true, ret);
}
