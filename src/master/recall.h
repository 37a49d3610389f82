/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role recall: what an instance has stored, read back into events for an analysis. Its segments,
 * all that the catalogue shows at one moment, and behind them the end of its log, which no segment
 * has yet. Nothing is written there and nobody waits for us: a segment that a running master merges
 * or removes meanwhile stays readable, because all of them are opened at once at the beginning.
 */
#ifndef TH_MASTER_RECALL_H
#define TH_MASTER_RECALL_H

#include "event/batch.h"
#include "event/run.h"
#include "store/catalogue.h"
#include "store/duck.h"

/* The segments of one moment, oldest first by kind. */
struct recall_held {
    struct th_catalogue_file *files;
    int *fds; /* one each; negative: why it is not open */
    size_t count;
    uint64_t position; /* the log below it is in them */
    uint64_t strange;  /* of kinds that we do not know; they are not among them */
};
#define RECALL_HELD_INIT ((struct recall_held){.files = NULL})

struct recall {
    struct th_duck *duck;
    struct th_run_writer *runs;
    int segments_fd, log_fd, spool_fd, progress_fd; /* log, progress: -1 for none */
    int64_t until_ns;                               /* what is as late is left out */
    struct th_source_info info;
    struct th_buf problems; /* for a person */
    int write_err;          /* of the spool: nothing goes on then */
};

/* role_recall.c */
/* A sink's function; arg is the recall. Leaves out what is not wanted, and what core makes itself.
 * Fails with write_err alone. */
int recall_put(void *arg, const struct th_event *ev);
struct th_buf *recall_problem(struct recall *r);     /* where the next one is to be written */
void recall_tell(const struct recall *r, bool done); /* how far it is, to the parent */

/* recall_segments.c */
/* -ENOENT: nothing was ever stored. TH_E_VERSION, TH_E_MALFORMED, TH_E_LIMIT, -EMFILE (count then
 * is how many there are), or another error. */
int recall_hold(const struct recall *r, struct recall_held *ret) TH_WARN_UNUSED;
void recall_held_done(struct recall_held *h);
/* What cannot be read is said; negative is the spool's failure. */
int recall_segments(struct recall *r, const struct recall_held *h) TH_WARN_UNUSED;

/* recall_log.c */
/* The log from this position on; as above. */
int recall_log(struct recall *r, uint64_t position) TH_WARN_UNUSED;

#endif
