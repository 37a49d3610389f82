/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Core over a log in memory, as role core drives it, with what it tells collected as store and
 * seal would keep it: the last line of each finding, without incidents that became part of others,
 * and the last rows of each epoch. It can be killed
 * and begun again from its checkpoint as often as one likes.
 */
#ifndef TH_TESTS_LIVE_RUN_H
#define TH_TESTS_LIVE_RUN_H

#include "live.h"
#include "live_log.h"

struct live_finding {
    char key[64]; /* kind and id; joined: the younger's */
    char *line;
    uint64_t first_told; /* position of the record behind which it was told first */
    unsigned told;
};

struct live_rows {
    int64_t epoch_ns;
    struct th_buf text; /* a line a row, sorted */
};

struct live_result {
    struct live_finding *v; /* by key */
    size_t n, cap;
    struct live_rows *epochs;
    size_t epoch_count;
    uint64_t early, looks, windows_looked, events;
};
void live_result_done(struct live_result *r);
const struct live_finding *live_result_find(const struct live_result *r, const char *key);
/* Lines of findings, told when the log was read up to the position; rows of an epoch. */
void live_result_take_lines(struct live_result *r, uint64_t position, struct th_str lines);
void live_result_take_rows(struct live_result *r, int64_t epoch_ns, struct th_str frames);
/* The first thing in which they differ, for a message; NULL: they are the same. */
char *live_result_differ(const struct live_result *a, const struct live_result *b);

struct live_run_options {
    unsigned shards;
    uint64_t step;         /* records a slice; default 16 */
    uint64_t save_every;   /* records between checkpoints; 0: never */
    uint64_t kill_every;   /* records between kills; 0: never */
    double alerts_per_day; /* the organisation's budget; default 5 */
    struct th_io *checkpoints;
};
/* The whole log. */
void live_run(
    struct live_log *log, const struct live_run_options *options, struct live_result *ret);

/* A core with the project's models and prior; its shard is not made yet. */
struct th_core *live_core_new(void);
void live_core_free(struct th_core *core);

#endif
