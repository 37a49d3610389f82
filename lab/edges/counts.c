/* SPDX-License-Identifier: Apache-2.0 */
#include "counts.h"

void edges_counts_init(struct edges_counts *c, const struct edges_table *t)
{
    c->src = th_xcalloc(t->nodes + 1, sizeof *c->src);
    c->dst = th_xcalloc(t->nodes + 1, sizeof *c->dst);
    c->edge = th_xcalloc(t->edges + 1, sizeof *c->edge);
}

void edges_counts_done(struct edges_counts *c)
{
    free(c->src);
    free(c->dst);
    free(c->edge);
}

static void add(struct edges_count *c, const struct edges_row *r)
{
    int32_t hour = edges_hour(r->minute);
    if (c->in_hour == 0 || c->hour != hour) {
        c->ever += c->in_hour > 0;
        c->hour = hour;
        c->in_hour = c->others = c->fresh = c->busiest_tick = 0;
    }
    if (c->tick != r->tick)
        c->in_tick = 0;
    c->tick = r->tick;
    c->in_tick++;
    c->in_hour++;
    c->busiest_tick = TH_MAX(c->busiest_tick, c->in_tick);
}

void edges_counts_add(struct edges_counts *c, const struct edges_row *r)
{
    struct edges_count *e = &c->edge[r->edge];
    add(&c->src[r->src], r);
    add(&c->dst[r->dst], r);
    add(e, r);
    if (e->in_hour > 1)
        return;
    c->src[r->src].others++;
    c->dst[r->dst].others++;
    c->src[r->src].fresh += e->ever == 0;
    c->dst[r->dst].fresh += e->ever == 0;
}
