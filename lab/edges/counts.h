/* SPDX-License-Identifier: Apache-2.0 */
/* Counts under way, as of a record: what simple rivals see of an edge table. */
#ifndef TH_LAB_EDGES_COUNTS_H
#define TH_LAB_EDGES_COUNTS_H

#include "table.h"

/* Of an address as one side, or of a pair. */
struct edges_count {
    uint32_t tick, in_tick; /* records in the latest minute */
    int32_t hour;
    uint32_t in_hour;
    uint32_t others;       /* addresses on the other side in this hour */
    uint32_t fresh;        /* of them, never met before */
    uint32_t busiest_tick; /* most records a minute in this hour */
    uint32_t ever;         /* hours with records before this one */
};

struct edges_counts {
    struct edges_count *src, *dst, *edge;
};
void edges_counts_init(struct edges_counts *c, const struct edges_table *t);
void edges_counts_done(struct edges_counts *c);
/* Takes the record in; the counts then include it. */
void edges_counts_add(struct edges_counts *c, const struct edges_row *r);

#endif
