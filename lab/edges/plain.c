/* SPDX-License-Identifier: Apache-2.0 */
/* Rivals that learn nothing. */
#include <math.h>

#include "counts.h"
#include "scorers.h"

/* Limits that a person would set for any network. */
#define RECORDS_A_MINUTE 60.0 /* of one address, either way */
#define PAIR_A_MINUTE 30.0
#define OTHERS_AN_HOUR 50.0 /* addresses met by one */

/* Records of the address, this hour, so far. */
void edges_score_count(const struct edges_job *j, struct edges_scores *ret)
{
    const struct edges_table *t = j->t;
    struct edges_counts c;
    edges_counts_init(&c, t);
    ret->row = th_xcalloc(t->rows + 1, sizeof *ret->row);
    ret->dst = th_xcalloc(j->dst->count + 1, sizeof *ret->dst);
    ret->src = th_xcalloc(j->src->count + 1, sizeof *ret->src);
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        edges_counts_add(&c, r);
        ret->row[i] = TH_MAX(c.src[r->src].in_hour, c.dst[r->dst].in_hour);
        ret->dst[j->dst->of[i]] = c.dst[r->dst].in_hour;
        ret->src[j->src->of[i]] = c.src[r->src].in_hour;
    }
    edges_counts_done(&c);
}

/* How many times over its limit the worst of them is. */
void edges_score_limits(const struct edges_job *j, struct edges_scores *ret)
{
    const struct edges_table *t = j->t;
    struct edges_counts c;
    edges_counts_init(&c, t);
    ret->row = th_xcalloc(t->rows + 1, sizeof *ret->row);
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        edges_counts_add(&c, r);
        const struct edges_count *s = &c.src[r->src];
        const struct edges_count *d = &c.dst[r->dst];
        double v = TH_MAX(s->in_tick, d->in_tick) / RECORDS_A_MINUTE;
        v = fmax(v, c.edge[r->edge].in_tick / PAIR_A_MINUTE);
        ret->row[i] = fmax(v, TH_MAX(s->others, d->others) / OTHERS_AN_HOUR);
    }
    edges_counts_done(&c);
}
