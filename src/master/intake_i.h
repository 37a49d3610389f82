/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of intake: its state, and what its files do for each other. */
#ifndef TH_MASTER_INTAKE_I_H
#define TH_MASTER_INTAKE_I_H

#include "base/time.h"
#include "intake.h"
#include "intake_clock.h"
#include "journal/journal.h"
#include "link/envelope.h"

#define TH_INTAKE_COMMIT_NS (5 * TH_NS_PER_MS)
#define TH_INTAKE_COMMIT_BYTES (8u << 20)
#define TH_INTAKE_TICK_NS (10 * TH_NS_PER_S)
#define TH_INTAKE_SILENT_NS (60 * TH_NS_PER_S)
#define TH_INTAKE_HOLD_NS (5 * TH_NS_PER_S)
#define TH_INTAKE_HOLD_PER_SENSOR 8u
#define TH_INTAKE_HOLD_BYTES (64u << 20)
#define TH_INTAKE_HOLD_MAX 512u
#define TH_INTAKE_APPLY_NS (10 * TH_NS_PER_S)
#define TH_INTAKE_ROOM_NS TH_NS_PER_S /* how often the disk is looked at */
#define TH_INTAKE_TRIM_NS (60 * TH_NS_PER_S)
#define TH_INTAKE_DAMAGED_MAX 256u
/* Event ids have 44 bits for the sequence (th_record_seq). */
#define TH_INTAKE_MAX_SEQUENCE (UINT64_C(1) << 43)

/* Why an envelope was refused, with the word of System Status. */
#define TH_INTAKE_REFUSALS(X)                                                                      \
    X(UNKNOWN_SENSOR, "unknown_sensor")                                                            \
    X(PENDING, "pending")                                                                          \
    X(REVOKED, "revoked")                                                                          \
    X(BAD_SIGNATURE, "bad_signature")                                                              \
    X(WRONG_INSTANCE, "wrong_instance")                                                            \
    X(REPLAYED, "replayed")                                                                        \
    X(REORDERED, "reordered")                                                                      \
    X(BOMB, "bomb")                                                                                \
    X(MALFORMED, "malformed")                                                                      \
    X(FULL, "full")
enum th_refusal {
#define X(name, word) TH_REFUSED_##name,
    TH_INTAKE_REFUSALS(X)
#undef X
        TH_REFUSALS
};

/* What is known of a sensor beside the log: gone with a restart. */
struct th_intake_live {
    uint64_t id;
    struct th_clock clock;
    int64_t heard_mono_ns; /* or when intake began */
    int64_t ahead_mono_ns; /* last time that its times were held; 0: never */
    int64_t lag_ns;
    bool replay; /* its last batch was one */
    uint64_t refused[TH_REFUSALS];
    uint64_t rate_events; /* taken when the rate was last computed */
    double rate_events_s;
};

/* An envelope ahead of its turn; its signature was checked. */
struct th_intake_held {
    struct th_asker asker;
    uint64_t sensor, epoch, sequence;
    int64_t until_mono_ns;
    struct th_buf bytes;
};

/* Who gets an answer once all that was appended before is synced. */
struct th_intake_waiting {
    struct th_asker asker;
    uint64_t sensor; /* of a batch */
};

/* A control that is durable, or will be with the next sync. */
struct th_intake_control_wait {
    struct th_asker asker;
    uint64_t position;
    unsigned followers; /* bit per follower that has to apply it */
    int64_t until_mono_ns;
};

struct th_intake_follower {
    bool up, applied_known, saved_known;
    uint64_t applied, saved; /* applied: in this life */
    uint64_t head;           /* that it was told */
    uint64_t best;           /* highest applied of all lives */
    uint64_t best_before;    /* of the lives before this one */
    unsigned stuck;          /* lives in a row that got no further */
    bool stepping;           /* one record at a time, until step_until */
    uint64_t step_until;
    uint64_t suspect; /* record that was alone in its hands when it died, so many times: */
    unsigned suspect_deaths;
    int64_t caught_up_mono_ns; /* it has applied all that the log held then */
    int64_t mark_mono_ns;      /* when the log's end was at `mark`, which it may not have reached */
    uint64_t mark;
};

struct th_intake {
    const struct th_io *io;
    struct th_intake_config config;
    const struct th_intake_out *out;
    struct th_journal *log;
    struct th_log_summary state; /* what the log says */
    int failed;                  /* the process has to start anew */

    struct th_intake_live *live; /* ascending by id */
    size_t live_count;
    struct th_intake_held *held;
    size_t held_count;
    size_t held_bytes;
    struct th_intake_waiting *waiting;
    size_t waiting_count, waiting_room;
    struct th_intake_control_wait *controls;
    size_t control_count;
    struct th_intake_follower followers[TH_FOLLOWER_COUNT];
    uint64_t damaged[TH_INTAKE_DAMAGED_MAX]; /* positions, as followers told them */
    size_t damaged_count;

    int64_t began_mono_ns;
    bool dirty; /* something is appended and not synced */
    int64_t dirty_mono_ns;
    size_t dirty_bytes;
    int64_t tick_mono_ns, room_mono_ns, trim_mono_ns, rate_mono_ns; /* last done */
    bool full;
    uint64_t free_bytes;
    int disk_error; /* of the last append or sync that failed; 0 after one that worked */
    struct th_now disk_error_at, full_since;

    uint64_t batches, events, bytes, syncs, controls_taken, ticks;
    uint64_t refused[TH_REFUSALS];
    struct th_buf record; /* being put together */
};

/* intake.c: into the log, the summary first where a file begins. The record counts only once
 * th_intake_apply_record was done for it; both at once. */
int th_intake_append(struct th_intake *in, enum th_record_type type, struct th_str body,
    struct th_now now, uint64_t *ret_position) TH_WARN_UNUSED;
/* An answer for when all so far is synced; at once when it is. */
void th_intake_answer_synced(struct th_intake *in, const struct th_asker *to, uint64_t sensor);

/* intake_apply.c: what a record changes in the state; the same for a new one and at a restart. */
int th_intake_apply(
    struct th_intake *in, uint8_t type, int64_t time_ns, struct th_str body) TH_WARN_UNUSED;
/* 0 when a control can be applied. */
int th_intake_check(const struct th_intake *in, const struct th_control *c) TH_WARN_UNUSED;
/* Where the batch leads its sensor's watermark, held at the master's time. */
int64_t th_intake_watermark(
    const struct th_envelope *e, const struct th_record_batch *b, int64_t taken_ns);

/* intake_batch.c */
void th_intake_release_held(struct th_intake *in, struct th_now now); /* past their time */
void th_intake_drop_held(struct th_intake *in);
void th_intake_answer_error(struct th_intake *in, const struct th_asker *to, unsigned status,
    const char *code, const char *message);
void th_intake_answer_next(struct th_intake *in, const struct th_asker *to, unsigned status,
    uint64_t epoch, uint64_t next);

/* intake_control.c */
int th_intake_control_append(struct th_intake *in, enum th_control_type type, json_t *members,
    struct th_now now, uint64_t *ret_position) TH_WARN_UNUSED; /* takes members over */
void th_intake_tick(struct th_intake *in, struct th_now now);
void th_intake_close_epochs(struct th_intake *in, struct th_now now);
void th_intake_settle_controls(struct th_intake *in, struct th_now now);

/* intake_follow.c */
void th_intake_tell_heads(struct th_intake *in, struct th_now now);
void th_intake_trim(struct th_intake *in, struct th_now now);

/* intake_status.c */
struct th_intake_live *th_intake_live(struct th_intake *in, uint64_t sensor);
json_t *th_intake_hex(uint64_t id);

#endif
