/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intake: the only writer of the log. Envelopes of sensors and controls of the master go in; it
 * checks signature, epoch and sequence, appends, syncs once for all that came within a few
 * milliseconds, and only then answers. Followers are told how far the log is synced, and tell
 * how far they are; from that come trimming, answers to controls, and the setting aside of a
 * batch that kills its readers.
 *
 * All that intake knows lies in the log: each file begins with a summary, so that a restart reads
 * the last file and is where it was. Time is an argument; the disk is a struct th_io; what goes out
 * goes through a struct th_intake_out. role_intake.c puts a process around it.
 */
#ifndef TH_MASTER_INTAKE_H
#define TH_MASTER_INTAKE_H

#include "base/buf.h"
#include "base/io.h"
#include "store/log.h"

struct th_now {
    int64_t wall_ns; /* UTC */
    int64_t mono_ns; /* never goes back */
};

enum th_follower {
    TH_FOLLOWER_CORE,
    TH_FOLLOWER_SEAL,
    TH_FOLLOWER_STORE,
    TH_FOLLOWER_STATE,
    TH_FOLLOWER_COUNT
};
extern const char *const th_follower_names[TH_FOLLOWER_COUNT];

/* Who asked; comes back with the answer. Intake does not look into it. */
struct th_asker {
    uint32_t edge, generation;
    uint64_t id;
};

struct th_intake_out {
    /* An HTTP status and the body of the answer to a batch. */
    void (*answer)(void *arg, const struct th_asker *to, unsigned status, struct th_str json);
    /* A control is durable at `position` and applied; or err, of which -ETIMEDOUT says: durable,
     * but not everybody has applied it yet. */
    void (*done)(void *arg, const struct th_asker *to, uint64_t position, int err);
    /* To a follower: the log may be read up to here. */
    void (*head)(void *arg, enum th_follower f, uint64_t position, int64_t wall_ns);
    /* To a follower: batches that are not to be read; all of them, before the head. */
    void (*set_aside)(void *arg, enum th_follower f, const uint64_t *positions, size_t count);
    void *arg;
};

struct th_intake_config {
    uint64_t instance;      /* whose envelopes it takes */
    uint64_t epoch;         /* given to a log that is made new */
    uint64_t log_bytes;     /* limit of the log; default 8 GiB */
    uint64_t file_bytes;    /* 0: a 64th of the limit, at least 1 MiB, at most 64 MiB */
    uint64_t reserve_bytes; /* that stays free on the disk; default a 20th of log_bytes */
    int64_t keep_ns;        /* what is kept although all have saved it; default 24 h */
};

struct th_intake;
/* io and out must outlive it. */
int th_intake_open(const struct th_io *io, const struct th_intake_config *config,
    const struct th_intake_out *out, struct th_now now, struct th_intake **ret) TH_WARN_UNUSED;
void th_intake_close(struct th_intake *in);

/* An envelope. The answer comes at once or with a later call. */
void th_intake_batch(
    struct th_intake *in, const struct th_asker *from, struct th_str bytes, struct th_now now);
/* A control as JSON, from role state. It goes into the log with at_ns set and without "followers",
 * a list of the names of those who must have applied it before `done`; without that list: those of
 * the followers at work whom its type concerns. */
void th_intake_control(
    struct th_intake *in, const struct th_asker *from, struct th_str json, struct th_now now);

/* A follower's connection came up, or went down. */
void th_intake_up(struct th_intake *in, enum th_follower which, struct th_now now);
void th_intake_down(struct th_intake *in, enum th_follower which, struct th_now now);
/* All below position is applied, or rests with the follower's state on the disk. */
void th_intake_applied(
    struct th_intake *in, enum th_follower which, uint64_t position, struct th_now now);
void th_intake_saved(struct th_intake *in, enum th_follower which, uint64_t position);
/* The follower found the batch there damaged, and skipped it. */
void th_intake_damaged(
    struct th_intake *in, enum th_follower f, uint64_t position, int err, struct th_now now);
/* The follower wants that nobody reads the batch there. */
void th_intake_refused(struct th_intake *in, enum th_follower f, uint64_t position,
    struct th_str reason, struct th_now now);

/* What time brings: sync and answers, ticks, trimming. Negative: the log cannot be written or read
 * any more, and the process must start anew. */
int th_intake_turn(struct th_intake *in, struct th_now now) TH_WARN_UNUSED;
/* Milliseconds until th_intake_turn has something to do. */
int th_intake_timeout_ms(const struct th_intake *in, struct th_now now);

uint64_t th_intake_synced(const struct th_intake *in);
const struct th_log_summary *th_intake_state(const struct th_intake *in);
/* JSON for System Status: counters, gauges, problems; and "sources", "log", "refusals". */
void th_intake_status(struct th_intake *in, struct th_now now, struct th_buf *out);

#endif
