/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following the log: what core, seal and store have in common. Records come out in the
 * order of the log up to the position that intake has synced; a batch is opened and gives its
 * events, with the source (the sensor), the sequence number and the corrected time that they
 * have everywhere. The log is the same for all followers, and so is what they make of it.
 *
 *     struct th_follow *f = th_follow_new(&log_io);
 *     th_follow_seek(f, saved_position);
 *     while (th_follow_next(f, head, &rec) > 0)
 *         if (rec.what == TH_FOLLOW_BATCH)
 *             while (th_follow_event(f, &ev) > 0) ...
 *
 * A batch that cannot be decoded is skipped from where it is damaged, counted, and remembered
 * for th_follow_damage: intake tells it to people. A batch that a quarantine control names, even a
 * later one, is skipped whole: it has killed a follower before.
 */
#ifndef TH_MASTER_FOLLOW_H
#define TH_MASTER_FOLLOW_H

#include "base/hash.h"
#include "base/io.h"
#include "event/event.h"

enum th_follow_what {
    TH_FOLLOW_BATCH,   /* events: take them with th_follow_event */
    TH_FOLLOW_CONTROL, /* control is its JSON */
    TH_FOLLOW_OTHER    /* for others: a gap, a summary, a batch that was refused */
};

struct th_follow_record {
    enum th_follow_what what;
    uint64_t position;
    int64_t time_ns; /* when intake had it */
    /* BATCH */
    uint64_t sensor, sequence;
    uint32_t events;           /* as its envelope says */
    bool replay;               /* recorded input */
    int64_t complete_until_ns; /* of the source, corrected like its events */
    int64_t first_ns, last_ns; /* of its events, as its envelope says, corrected */
    /* CONTROL */
    struct th_str control;
};

struct th_follow_stats {
    uint64_t records, batches, events;
    uint64_t damaged;     /* batches that could not be read to their end */
    uint64_t quarantined; /* skipped by order */
};

/* The key of all followers' tables in an instance: entities have the same ids in core and seal. */
struct th_hash_key th_follow_key(uint64_t instance);

struct th_follow;
/* The io must outlive it. */
struct th_follow *th_follow_new(const struct th_io *log);
void th_follow_free(struct th_follow *f);
/* The next record will be `position`; -ENOENT when the log does not hold it (any more). */
int th_follow_seek(struct th_follow *f, uint64_t position) TH_WARN_UNUSED;
uint64_t th_follow_position(const struct th_follow *f);
/* Reads ahead to `end` for quarantine controls and comes back. Once, before the first record. */
int th_follow_scan(struct th_follow *f, uint64_t end) TH_WARN_UNUSED;
/* 1 and the next record, valid until the next call; 0 at position `end`; negative when the log
 * itself is damaged. */
int th_follow_next(struct th_follow *f, uint64_t end, struct th_follow_record *ret) TH_WARN_UNUSED;
/* 1 and the next event of the batch, valid until the next call; 0 when there is no more. */
int th_follow_event(struct th_follow *f, const struct th_event **ret) TH_WARN_UNUSED;
/* 1 and a batch that turned out damaged and was not told yet; else 0. */
int th_follow_damage(struct th_follow *f, uint64_t *ret_position, int *ret_err);
void th_follow_stats_get(const struct th_follow *f, struct th_follow_stats *ret);

#endif
