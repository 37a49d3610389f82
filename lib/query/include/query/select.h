/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as SQL for DuckDB over Parquet segments of one kind of event. The text is made of
 * words of our own and numbered parameters ($1, $2, ...); every value, from the query or not, is a
 * parameter, file names too.
 *
 * The columns are those of the store's segments: _time BIGINT ns, _source and _seq UBIGINT,
 * _entity and _peer VARCHAR, then each field of the kind under its C name; addresses are BLOBs of
 * 16 bytes, hardware addresses of 6.
 */
#ifndef TH_QUERY_SELECT_H
#define TH_QUERY_SELECT_H

#include "query/query.h"

enum th_select_type {
    TH_SELECT_I64,
    TH_SELECT_U64,
    TH_SELECT_DOUBLE,
    TH_SELECT_BOOL,
    TH_SELECT_TEXT,
    TH_SELECT_BYTES
};

struct th_select_param {
    enum th_select_type type;
    int64_t i64;
    uint64_t u64;
    double real;
    bool flag;
    struct th_str bytes; /* TEXT, BYTES: the query's or the caller's, or in the statement */
};

struct th_select; /* a statement being written */
struct th_select *th_select_new(void);
void th_select_free(struct th_select *s);
TH_DEFINE_CLEANUP(struct th_select, th_select_free)
/* The text, terminated. */
const char *th_select_text(const struct th_select *s);
size_t th_select_param_count(const struct th_select *s);
const struct th_select_param *th_select_param(const struct th_select *s, size_t index);

/* Where rows are taken from. */
struct th_select_from {
    unsigned kind;
    int64_t from_ns, to_ns;     /* from_ns <= time < to_ns */
    const struct th_str *files; /* paths */
    size_t file_count;
    /* SQL of an empty relation with all columns of the kind (store/segment.h): what a file was
     * written without is NULL */
    const char *shape;
    const int64_t *times; /* when some: only rows of these times */
    size_t time_count;
    bool watched; /* costly conditions call th_go_on(_time) (store/watch.h) */
};

/* A place in the order of rows: newest first, then by kind, source and seq. */
struct th_select_place {
    int64_t time_ns;
    unsigned kind;
    uint64_t source, seq;
};

/* Columns that come before the wanted fields in the rows' statement. */
enum th_select_fixed {
    TH_SELECT_TIME,
    TH_SELECT_SOURCE,
    TH_SELECT_SEQ,
    TH_SELECT_ENTITY,
    TH_SELECT_PEER,
    TH_SELECT_FIXED_COUNT
};

/* Rows: the fixed columns, then the fields whose bit is in `fields`, by number; at most limit,
 * behind `after` (NULL: from the newest), in order. */
void th_select_rows(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, uint64_t fields, const struct th_select_place *after,
    uint64_t limit);
/* Times of the rows that th_select_rows would find, newest first: it reads only the columns that
 * the condition needs, and tells where in time th_select_rows has to look. */
void th_select_times(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, const struct th_select_place *after, uint64_t limit);
/* Rows of a bucket b (BIGINT) and the number n (BIGINT) of its events: bucket 0 begins at
 * base_ns, which is not after from_ns or the first event. */
void th_select_histogram(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, int64_t base_ns, int64_t bucket_ns);

#endif
