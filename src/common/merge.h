/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spools in, one stream of events out. The capture and import roles write sorted
 * runs (event/batch.h); the merger finds them, drops what was read twice, and gives
 * all events in their total order (time, kind, source, seq), however the inputs were
 * ordered. A run is opened only when its time comes, so thousands of small inputs
 * cost memory only where they overlap.
 */
#ifndef TH_COMMON_MERGE_H
#define TH_COMMON_MERGE_H

#include "event/batch.h"

/* What became of one input, over all roles that looked at it. */
struct th_merge_input {
    bool known;                 /* some role told about it */
    struct th_source_info info; /* strings are the merger's */
};

struct th_merge;
/* Scans the spools. The descriptors stay the caller's and must outlive the merger; they are read
 * by position only, so that several processes can share them. */
int th_merge_open(const int *spool_fds, size_t count, struct th_merge **ret) TH_WARN_UNUSED;
void th_merge_free(struct th_merge *m);
const struct th_merge_input *th_merge_inputs(const struct th_merge *m, size_t *ret_count);
/* 1 and the next event (valid until the next call), 0 at the end, negative on a damaged spool. */
int th_merge_next(struct th_merge *m, const struct th_event **ret) TH_WARN_UNUSED;
/* Back to the first event. */
int th_merge_rewind(struct th_merge *m) TH_WARN_UNUSED;
TH_DEFINE_CLEANUP(struct th_merge, th_merge_free)

#endif
