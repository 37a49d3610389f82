/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the link role does with frames: each is checked, put into a signed envelope and into the
 * spool, once, however often its producer sends it; out of the spool come envelopes to be sent.
 * Where something is missing (the spool dropped it, capture had no room, capture was not there, the
 * master will not have it) a GAP envelope says so.
 *
 * Before the enrolment, and after one with another master, envelopes are for nobody: they are made
 * out anew when they are sent.
 */
#ifndef TH_VSENSOR_POST_H
#define TH_VSENSOR_POST_H

#include "link/spool.h"
#include "own.h"

struct th_post_counts {
    uint64_t batches, events;   /* put into the spool */
    uint64_t known;             /* frames that came again */
    uint64_t malformed;         /* frames that were none */
    uint64_t gaps, lost_events; /* told by producers, or too large for an envelope */
    uint64_t unwatched_ns; /* between two runs of a worker of capture; of several at once counted
                           once */
    uint64_t refused;      /* that the master will not have */
};

struct th_post;
struct th_post_config {
    uint64_t limit_bytes;
    const struct th_own *own; /* must outlive it */
    unsigned workers;         /* of live capture (messages.h): all of them say together how far the
                                 sensor's events are complete */
    bool collector, follower; /* and these, when there are any */
    int64_t live_lag_ns; /* so far is what a frame of live capture calls complete behind what it had
                            read; 0: nobody knows */
};
/* The io's folder is the spool's. The newest entries tell which runs and numbers are in the spool
 * already. */
int th_post_open(const struct th_io *io, const struct th_post_config *config, int64_t wall_ns,
    struct th_post **ret) TH_WARN_UNUSED;
void th_post_close(struct th_post *p);
const struct th_spool *th_post_spool(const struct th_post *p);

/* A producer's frame. 1: added, 0: known or of no use; both may be told to be saved after the next
 * th_post_sync. Negative: the disk failed, the same frame can be tried again. */
int th_post_frame(struct th_post *p, bool replay, struct th_str frame, int64_t wall_ns);
/* A producer's LOST message. The same results. */
int th_post_lost(struct th_post *p, struct th_str body, int64_t wall_ns);
/* All that was added is on the disk. After an error the spool is behind what was added: open it
 * anew. */
int th_post_sync(struct th_post *p) TH_WARN_UNUSED;

/* As struct th_link_ops has it: 1 and the envelope, 0 none yet. */
int th_post_get(
    struct th_post *p, uint64_t sequence, struct th_str *ret_envelope, uint64_t *ret_next);
int th_post_acknowledge(struct th_post *p, uint64_t next) TH_WARN_UNUSED;
/* From now on a GAP is given for this one. */
void th_post_refuse(struct th_post *p, uint64_t sequence);
/* The spool begins anew; what it had not sent is told as a gap. */
int th_post_renew(struct th_post *p, uint64_t epoch, int64_t wall_ns) TH_WARN_UNUSED;
void th_post_counts(const struct th_post *p, struct th_post_counts *ret);

#endif
