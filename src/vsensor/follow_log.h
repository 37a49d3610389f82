/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that another program writes, line by line, followed through its files: where a file was
 * renamed and another begun (its rest is read first), where it was emptied (it is read anew from
 * its beginning), where a line is half there (it waits), or too long (it is counted and left out).
 * The files come from outside as descriptors; times are the caller's, of a clock that only goes
 * forward.
 */
#ifndef TH_VSENSOR_FOLLOW_LOG_H
#define TH_VSENSOR_FOLLOW_LOG_H

#include "base/str.h"
#include "follow_book.h"

struct th_follow_counts {
    uint64_t lines, long_lines;
    uint64_t torn;    /* last lines of files without an end */
    uint64_t files;   /* that were begun after another */
    uint64_t emptied; /* files that were shorter or other than what was read of them */
    uint64_t bytes;
};

/* A line without its end: 0, or what ends the reading. A line that is too long has no text. */
struct th_follow_reader {
    int (*line)(void *arg, struct th_str line, bool too_long);
    void *arg;
};

struct th_follow_log;
struct th_follow_log *th_follow_log_new(void);
void th_follow_log_free(struct th_follow_log *l);
TH_DEFINE_CLEANUP(struct th_follow_log, th_follow_log_free)
/* Takes a file over that comes after those it has; -1: there is none now. */
void th_follow_log_add(struct th_follow_log *l, int fd, int64_t now_ns);
/* There is a file now. */
bool th_follow_log_is_there(const struct th_follow_log *l);
void th_follow_log_counts(const struct th_follow_log *l, struct th_follow_counts *ret);

/* Where to begin. At the end of the newest file, as one who begins to watch; without this at the
 * beginning of the oldest. */
void th_follow_log_to_end(struct th_follow_log *l);
/* Behind what was read before. False: that file is not among them any more, or has other bytes
 * there: what is to be had of the time after since_ns (wall clock) is read from the beginning. */
bool th_follow_log_resume(
    struct th_follow_log *l, const struct th_follow_span *span, int64_t since_ns);

/* Reads a span again. -ENOENT: it is not to be had any more. */
int th_follow_log_again(struct th_follow_log *l, const struct th_follow_span *span,
    const struct th_follow_reader *to) TH_WARN_UNUSED;
/* Reads what is new, some MiB at most; 1: something, 0: nothing, negative: an error of the reader
 * or of the file. Where nothing is new ret_span tells where it stands. */
int th_follow_log_read(struct th_follow_log *l, const struct th_follow_reader *to, int64_t now_ns,
    struct th_follow_span *ret_span) TH_WARN_UNUSED;
/* After a read: there was no more. */
bool th_follow_log_at_end(const struct th_follow_log *l);

#endif
