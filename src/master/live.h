/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Core over the log: what it concludes depends on the log alone, however often it was
 * killed and for any number of shards. Every process of the crew reads the log itself and runs
 * th_live_run to the same positions; only the lead tells.
 *
 *   batch            its events go through the shard
 *   control epoch    hours that have ended are closed, in order; what they breached is told, with
 *                    incidents, devices, and the measures for charts
 *   control settings the alert budget
 *   control permit   what is normal here from now on, or (permit_end) not any more
 *   control forget   an entity is forgotten; store and seal hear it, behind all that was told
 *   every record     when a second has passed since the last look (by the times at which intake
 *                    had the records; longer when much is going on): the hours under way are
 *                    looked at, and what breaches already is told at once, under the id that it
 *                    keeps; what is little waits until the hour is over for its device
 *
 * The process that reads makes no difference between what is old and what is new: after a restart
 * from a checkpoint it tells again what came behind it, with the same ids.
 */
#ifndef TH_MASTER_LIVE_H
#define TH_MASTER_LIVE_H

#include "core.h"
#include "follow.h"

/* Where the lead's findings go. */
struct th_live_out {
    /* JSON lines, each ended: breaches, incidents, devices, learning (docs/findings.md) */
    void (*findings)(void *arg, struct th_str lines);
    /* Frames of kind metric that take the place of what the epoch that ended then had. */
    void (*metrics)(void *arg, int64_t epoch_ns, struct th_str frames);
    /* An entity (0: none), and what a sensor sent (0: none), are to go from the events before this
     * position of the log. */
    void (*forget)(void *arg, uint64_t position, uint64_t entity, uint64_t sensor);
    void *arg;
};

#define TH_LIVE_MAX_HOURS 64u
#define TH_LIVE_NAMELESS 64u

/* A breach that a look told: told again only when it has become worse. */
struct th_told {
    uint64_t id;
    double score;
    int64_t end_ns; /* of its window */
};

struct th_live {
    struct th_core *core; /* shard, crew, incidents, models, budget */
    struct th_follow *follow;
    struct th_live_out out;
    struct th_buf lines; /* not given out yet */
    int64_t record_ns;   /* when intake had the last record */

    int64_t epoch_ns;                 /* all before is closed; TH_TIME_UNSET: nothing yet */
    int64_t hours[TH_LIVE_MAX_HOURS]; /* ends of hours with events, not closed, ascending */
    size_t hour_count;
    bool late; /* events came for hours that were closed */
    int64_t look_ns, look_every_ns;
    struct th_told *told; /* by id; lead only */
    size_t told_count, told_cap;
    uint32_t devices_told; /* by slot */
    /* Slots of those whose first hour is open and that were told without a name, the latest. */
    uint32_t nameless[TH_LIVE_NAMELESS];
    uint32_t nameless_count;

    uint64_t epochs, looks, windows_looked, early; /* since the start, for status */
};

/* core has its crew, models and options; its shard and incidents are made here. */
void th_live_init(struct th_live *l, struct th_core *core, struct th_follow *follow,
    const struct th_live_out *out, uint64_t instance);
void th_live_done(struct th_live *l);
/* Takes the log up to position `end`. Negative: the log or the crew has failed. */
int th_live_run(struct th_live *l, uint64_t end) TH_WARN_UNUSED;

/* live_state.c: all of it as sections (core_state.c has most). In a crew every process calls
 * both; what is saved comes out at the lead. log_epoch: of the journal. */
int th_live_save(struct th_live *l, uint64_t log_epoch, struct th_buf *whole) TH_WARN_UNUSED;
/* ret_position: the next record to be read; valid for the log of *ret_log_epoch. */
int th_live_load(struct th_live *l, const struct th_buf *whole, uint64_t *ret_log_epoch,
    uint64_t *ret_position) TH_WARN_UNUSED;

/* Of that, the section about the place in the log alone. */
void th_live_place_put(const struct th_live *l, uint64_t log_epoch, struct th_buf *out);
int th_live_place_get(struct th_live *l, struct th_str body, uint64_t *ret_log_epoch,
    uint64_t *ret_position) TH_WARN_UNUSED;

/* live_report.c: lead only. */
void th_live_report_epoch(struct th_live *l, int64_t epoch_ns);
void th_live_report_look(struct th_live *l);
void th_live_report_learning(struct th_live *l);
/* Takes it out of the incidents and tells that it is gone. */
void th_live_report_forgotten(
    struct th_live *l, uint64_t position, uint64_t entity, uint64_t sensor);
void th_live_flush(struct th_live *l);

#endif
