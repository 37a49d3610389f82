/* SPDX-License-Identifier: Apache-2.0 */
/* A table of edges of any bytes: refused with a line, or read into rows that hold together. */
#include "measure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct edges_table *t)
{
    struct edges_units u;
    edges_units_init(&u, t, true);
    for (uint32_t i = 0; i < t->rows; i++) {
        const struct edges_row *r = &t->row[i];
        TH_ASSERT(r->src < t->nodes && r->dst < t->nodes && r->edge < t->edges);
        TH_ASSERT(r->tick >= 1 && r->tick <= t->ticks && r->label < t->labels);
        TH_ASSERT(i == 0 || r->minute >= t->row[i - 1].minute);
        TH_ASSERT(u.of[i] < u.count);
    }
    edges_units_done(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TH_AUTOSTREAM struct th_stream *s = th_stream_fed();
    EDGES_AUTOTABLE struct edges_table *t = NULL;
    uint64_t line = 0;
    th_stream_feed(s, th_str_n(data, size));
    th_stream_end(s);
    if (edges_table_read(s, &t, &line) == 0)
        check(t);
    return 0;
}
