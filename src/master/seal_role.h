/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role seal as a process: what role_seal.c (the loop), seal_read.c (the log, and where to begin),
 * seal_talk.c (messages) and seal_work.c (files) share.
 */
#ifndef TH_MASTER_SEAL_ROLE_H
#define TH_MASTER_SEAL_ROLE_H

#include "follow.h"
#include "identity/identity.h"
#include "messages.h"
#include "outbox.h"
#include "priv/edge.h"
#include "role_args.h"
#include "seal.h"

enum { SEAL_MAX_NETS = 64, SEAL_MAX_METRICS = 8, SEAL_MAX_CHUNKS = 8 };
#define SEAL_SAVE_EVERY_NS TH_NS_PER_MIN
#define SEAL_MERGE_EVERY_NS (10 * TH_NS_PER_S)

enum { SEAL_INTAKE, SEAL_STORE, SEAL_CORE, SEAL_EDGES };

struct seal_waiting {
    uint64_t id;
    struct th_buf body;
};

/* What core wants gone; seal_forget.c. */
struct seal_forget {
    enum {
        SEAL_FORGET_NONE,
        SEAL_FORGET_WAITS,
        SEAL_FORGET_LISTS,
        SEAL_FORGET_COUNTS,
        SEAL_FORGET_WRITES
    } stage;
    uint64_t id, position;
    int64_t not_before_ns;
    char gone[128];                  /* SQL: the rows */
    struct th_catalogue_file *files; /* owned; all that there are */
    size_t count, at;
    struct th_duck_stmt *stmt; /* counts the rows of file `at` */
    struct th_duck_result *result;
};

struct seal_role {
    struct th_inherited inherited;
    struct th_subnet local[SEAL_MAX_NETS];
    size_t local_count;
    struct th_role_args args;
    uint64_t seal_age_s;
    int segments_fd, log_fd, checkpoints_fd;
    char path[4096], temp[4200];
    struct th_io segments, log, checkpoints;
    struct th_duck *duck, *merge_duck;
    struct th_edges *edges;
    struct th_outbox *outbox;
    int64_t now_ns;

    struct th_follow *follow;
    struct th_identity *identity;
    bool begun, head_known;
    unsigned asked_generation, intake_generation;
    uint64_t log_epoch, head, applied, stored_from, saved;
    int64_t newest_ns;    /* event time */
    int64_t first_row_ns; /* when the oldest row in memory came */

    struct th_seal_rows rows;
    struct th_seal_folder folder, merge_folder;
    struct th_seal_unit unit, merge;
    bool working;          /* unit is being written */
    bool merging;          /* so is merge */
    uint64_t cut_position; /* up to which rows were taken out of memory */
    int64_t not_before_ns; /* after an error */
    int write_err;

    enum th_seal_what sent[3]; /* changes that are with the store */
    size_t sent_count;
    bool committing; /* one of rows is */
    uint64_t commit_id, committed;
    struct th_buf cut; /* checkpoint of the position being committed; empty: none is due */
    int64_t save_ns;
    int save_err;

    struct seal_waiting metrics[SEAL_MAX_METRICS], chunks[SEAL_MAX_CHUNKS];
    size_t metrics_count, chunk_count;
    uint64_t metrics_id; /* of core's message that waits for the store */
    bool metrics_committing, merge_committing, catalogue_asked;
    uint64_t merge_rows; /* at most in a merged file: less when that took too much memory */
    int64_t merge_ns, status_ns;
    struct seal_forget forget;

    uint64_t count_rows, count_files, count_bytes, count_merges, count_chunks, count_skipped,
        count_refused, count_forgotten, lost_records;
};

/* ---- seal_read.c ---- */

/* Begins at the store's position: r->stored_from, with the files that the store knows. */
int seal_begin(
    struct seal_role *r, const struct th_catalogue_file *files, size_t count) TH_WARN_UNUSED;
/* Some records of the log. */
int seal_read_slice(struct seal_role *r) TH_WARN_UNUSED;
/* Keeps the identity of this position, when it is time; saves what was kept, now that the
 * store has the rows. */
void seal_cut_checkpoint(struct seal_role *r);
void seal_save_checkpoint(struct seal_role *r);
void seal_tell_intake(struct seal_role *r, enum th_msg type, uint64_t position);

/* ---- seal_talk.c ---- */

int seal_hear(struct seal_role *r) TH_WARN_UNUSED;
/* Core's next message becomes the unit that is worked on. */
void seal_begin_metrics(struct seal_role *r);
void seal_answer_core(struct seal_role *r, uint64_t id, int err);

/* ---- seal_forget.c ---- */

/* Core's message; it takes the place of the one before. */
void seal_forget_begin(struct seal_role *r, uint64_t id, struct th_str body);
/* Rows in memory have to become segments now. */
bool seal_forget_needs_rows(const struct seal_role *r);
/* Takes the list over that the store gave. */
void seal_forget_list(struct seal_role *r, struct th_catalogue_file *files, size_t count);
/* The file that was being written could not be. */
void seal_forget_failed(struct seal_role *r);
void seal_forget_step(struct seal_role *r, bool *ret_idle);
void seal_forget_done(struct seal_role *r);

/* ---- seal_work.c ---- */

/* What is due, a step of it. */
int seal_work(struct seal_role *r, bool *ret_idle) TH_WARN_UNUSED;

#endif
