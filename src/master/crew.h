/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shards of one core: the process that calls it runs the first shard itself
 * and forks one helper process for each further one, before any of them is locked or
 * has read a byte. All see the same events in lockstep; at the end of an epoch the
 * helpers send their breaches and contributions over a socket and wait for
 * everybody's. The protocol is private to processes forked from one image.
 */
#ifndef TH_MASTER_CREW_H
#define TH_MASTER_CREW_H

#include <sys/types.h>

#include "shard.h"

#define TH_CREW_MAX 16u

struct th_crew {
    unsigned size;        /* shards */
    unsigned number;      /* ours; 0 is the lead */
    int fds[TH_CREW_MAX]; /* lead: to helper i; helper: fds[0] to the lead */
    pid_t pids[TH_CREW_MAX];
};

/* Forks the helpers. Returns in every process, with its number in crew->number. */
int th_crew_start(struct th_crew *crew, unsigned size) TH_WARN_UNUSED;
/* The partitions of shard `number` of `size`. */
uint64_t th_crew_partitions(unsigned number, unsigned size);
/* Ends the epoch for all: afterwards the lead's shard has the breaches of all shards, sorted, those
 * marked that are part of a group event, and the group events; and every shard has taken over all
 * contributions. */
int th_crew_epoch(struct th_crew *crew, struct th_shard *shard, int64_t epoch_ns) TH_WARN_UNUSED;
/* Looks at the hours under way, all shards at the same place of the log: the lead's shard then has
 * the breaches of all, sorted. ret_windows: how many windows were looked at, in every process. */
int th_crew_look(
    struct th_crew *crew, struct th_shard *shard, uint64_t *ret_windows) TH_WARN_UNUSED;
/* Live: the lead tells its helpers how far to go, to hand over their state, or to end. */
enum th_crew_order { TH_CREW_ADVANCE, TH_CREW_SAVE, TH_CREW_END };
int th_crew_order(struct th_crew *crew, enum th_crew_order order, uint64_t arg) TH_WARN_UNUSED;
int th_crew_await(
    struct th_crew *crew, enum th_crew_order *ret_order, uint64_t *ret_arg) TH_WARN_UNUSED;
/* The lead gets each partition's saved learner state, in partition order, length-prefixed. */
int th_crew_gather_state(
    struct th_crew *crew, struct th_shard *shard, struct th_buf *ret) TH_WARN_UNUSED;
/* Lead: sums the counters of all shards. */
int th_crew_gather_stats(
    struct th_crew *crew, struct th_shard *shard, struct th_learn_stats *ret) TH_WARN_UNUSED;
/* The lead gets the text of shard `owner`; the same call in every process. */
int th_crew_gather_text(struct th_crew *crew, unsigned owner, struct th_buf *text) TH_WARN_UNUSED;
/* Lead: waits for the helpers; TH_E_ROLE_FAILED when one ended badly. */
int th_crew_join(struct th_crew *crew);

#endif
