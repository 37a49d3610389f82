/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What closed hours leave behind for charts and device pages: each window's measures
 * and rarest signals as events of kind `metric` in batch frames (for seal), and how far each
 * device is known (for the device lines). A shard fills it; the lead of a crew joins those of all.
 */
#ifndef TH_MASTER_MEASURES_H
#define TH_MASTER_MEASURES_H

#include "event/batch.h"
#include "learn/learn.h"

/* Of a device or user whose hour was closed. */
struct th_known {
    uint64_t entity;
    double learned_hours;
    uint64_t habit; /* enum th_habit */
};

struct th_measures {
    struct th_batch_writer *batch;
    struct th_buf frames; /* whole ones */
    struct th_buf known;  /* struct th_known, one after the other */
    uint64_t rows;
};

void th_measures_init(struct th_measures *m);
void th_measures_done(struct th_measures *m);
void th_measures_clear(struct th_measures *m);
/* Windows come in order of (start, entity). */
void th_measures_window(struct th_measures *m, const struct th_window *w);
/* Puts what is pending into frames. */
void th_measures_finish(struct th_measures *m);
/* Puts the devices in order of entity and leaves the last of each; returns how many. */
size_t th_measures_sort(struct th_measures *m, const struct th_known **ret);

#endif
