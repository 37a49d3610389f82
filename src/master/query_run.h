/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A search being run: statements over the segments, newest first and a few files at a time, in
 * steps of some milliseconds, so that whoever runs it can stop at any time. It ends early once the
 * page is full and no file that is left has anything newer.
 */
#ifndef TH_MASTER_QUERY_RUN_H
#define TH_MASTER_QUERY_RUN_H

#include "query_ask.h"
#include "store/duck.h"

#define QUERY_MAX_ANSWER (8u << 20) /* bytes */

struct query_file {
    struct th_str path;
    unsigned kind;
    int64_t first_ns, last_ns; /* event times, both included */
    uint64_t rows, bytes;
};

struct query_job;
/* The database must have th_duck_watch. ask and files must outlive it; the order of the files
 * changes. */
struct query_job *query_job_new(
    struct th_duck *d, const struct query_ask *ask, struct query_file *files, size_t file_count);
/* The newest rows are in none of the files: the answer says so. */
void query_job_without_newest(struct query_job *j);
void query_job_free(struct query_job *j); /* ends what runs */
TH_DEFINE_CLEANUP(struct query_job, query_job_free)
/* 1 done, 0 more to do, or th_duck's errors. */
int query_job_step(struct query_job *j) TH_WARN_UNUSED;
/* The body of the answer of a job that is done; at most QUERY_MAX_ANSWER bytes. */
void query_job_answer(struct query_job *j, int64_t took_ms, struct th_buf *out);
uint64_t query_job_rows(const struct query_job *j); /* in the answer */

#endif
