/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of labelled edges, `src,dst,minute,label` a line, in order of time: who spoke to whom in
 * which minute, and by which attack ("-" for none). The minute is MM/DD/YYYY-HH:MM, or a number of
 * minutes. Addresses, edges and labels are numbered as they come; ticks are the minutes that occur,
 * numbered without gaps.
 */
#ifndef TH_LAB_EDGES_TABLE_H
#define TH_LAB_EDGES_TABLE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/stream.h"
#include "base/time.h"

#define EDGES_MINUTES_A_DAY 1440
#define EDGES_MAX_ROWS (UINT32_C(1) << 28)
#define EDGES_MAX_LABELS 4096u

struct edges_row {
    uint32_t src, dst; /* addresses */
    uint32_t edge;     /* the pair */
    uint32_t tick;     /* from 1 */
    int32_t minute;    /* since 1970 */
    uint32_t label;    /* 0: no attack */
};

struct edges_table {
    struct edges_row *row;
    uint32_t rows, room;
    uint32_t nodes, edges, ticks, labels; /* labels: with 0, so at least 1 */
    char *label[EDGES_MAX_LABELS];        /* by number; [0] is "-" */
};

/* Reads all of it. Negative: -errno, TH_E_MALFORMED or TH_E_LIMIT, with *ret_line the line at fault
 * (0: the file itself). A first line that begins with "src," is a heading. */
int edges_table_read(
    struct th_stream *in, struct edges_table **ret, uint64_t *ret_line) TH_WARN_UNUSED;
void edges_table_free(struct edges_table *t);
TH_DEFINE_CLEANUP(struct edges_table, edges_table_free)
#define EDGES_AUTOTABLE TH_CLEANUP(edges_table_freep)

/* Minutes since 1970 of MM/DD/YYYY-HH:MM or of a plain number. */
bool edges_minute_parse(struct th_str s, int32_t *ret);
static inline int32_t edges_day(int32_t minute)
{
    return minute / EDGES_MINUTES_A_DAY - (minute % EDGES_MINUTES_A_DAY < 0);
}
static inline int32_t edges_hour(int32_t minute)
{
    return minute / 60 - (minute % 60 < 0);
}

#endif
