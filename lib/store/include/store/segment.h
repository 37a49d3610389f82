/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: the events at rest. A segment is a Parquet file of one kind of event and one UTC
 * day. Rows are collected in a table in memory and written to a segment as they came;
 * several segments are later merged into one, sorted by entity and time.
 *
 * Columns, in this order: _entity and _peer (text of the entity ids of the acting and the
 * answering device, NULL for none), _source and _seq (where the event is from: together its key),
 * _time (event time, ns), then every field of the kind under its C name (Zeek's with '_' for
 * '.'). A field that is not set is NULL. Types by events.def:
 *
 *   TIME, INTERVAL, INT  BIGINT (ns)      COUNT   UBIGINT    PORT  USMALLINT    DOUBLE, BOOL as
 * named ADDR                 BLOB of 16 bytes, IPv4 mapped: a network is a range of them MAC BLOB
 * of 6 bytes  STRING  VARCHAR, made UTF-8 (base/utf8.h) STRINGS, INTERVALS, ADDRS             lists
 * of the above
 *
 * Columns are only ever added. Every reader, also of one segment, reads th_segment_from: columns
 * that did not exist yet when a segment was written are NULL there.
 */
#ifndef TH_STORE_SEGMENT_H
#define TH_STORE_SEGMENT_H

#include "event/event.h"
#include "store/duck.h"

enum th_segment_column {
    TH_SEGMENT_ENTITY,
    TH_SEGMENT_PEER,
    TH_SEGMENT_SOURCE,
    TH_SEGMENT_SEQ,
    TH_SEGMENT_TIME,
    TH_SEGMENT_FIRST_FIELD /* field i of the kind is column TH_SEGMENT_FIRST_FIELD + i */
};

/* The columns of a kind (static storage), and their number; 0 for a kind that is none. */
size_t th_segment_columns(unsigned kind, const struct th_duck_column **ret);

/* SQL of an empty relation with these columns: "UNION ALL BY NAME" with read_parquet it makes
 * what older segments lack NULL. */
void th_segment_shape(unsigned kind, struct th_buf *sql);
/* SQL of the rows of these segments, with all columns of the kind. Paths as below. */
void th_segment_from(
    unsigned kind, const char *const *paths, size_t path_count, struct th_buf *sql);

/* ---- rows in memory ---- */
struct th_segment_table;
int th_segment_table_new(
    struct th_duck *d, unsigned kind, struct th_segment_table **ret) TH_WARN_UNUSED;
/* After the jobs that read it. */
void th_segment_table_free(struct th_segment_table *t); /* drops the rows */
TH_DEFINE_CLEANUP(struct th_segment_table, th_segment_table_free)
/* Copies the event in. Entities are text; empty is none. */
int th_segment_table_add(struct th_segment_table *t, const struct th_event *ev,
    struct th_str entity, struct th_str peer) TH_WARN_UNUSED;
struct th_segment_extent {
    uint64_t rows;
    uint64_t text_bytes;       /* of strings and items of lists, for who bounds memory */
    int64_t first_ns, last_ns; /* event times */
};
struct th_segment_extent th_segment_table_extent(const struct th_segment_table *t);

/* ---- writing files ---- */
/* A file being written, in steps of some milliseconds (a sort's end takes longer). The file is
 * complete, but not synced, when the last step has returned 1; a job freed before leaves a part of
 * a file behind, which the caller removes. Paths are the caller's own words: they must lie in a
 * folder that the database may use and have no quote. */
struct th_segment_job;
/* All rows of the table, as they came, compressed. No row may be added until the job is freed. */
int th_segment_seal(
    struct th_segment_table *t, const char *path, struct th_segment_job **ret) TH_WARN_UNUSED;
/* The same of the rows from number `first_row` on, uncompressed: quick to write and read. */
int th_segment_chunk(struct th_segment_table *t, uint64_t first_row, const char *path,
    struct th_segment_job **ret) TH_WARN_UNUSED;
/* Segments of one kind into one, sorted. */
int th_segment_merge(struct th_duck *d, unsigned kind, const char *const *from, size_t from_count,
    const char *path, struct th_segment_job **ret) TH_WARN_UNUSED;
/* A segment without the rows of which `gone` (SQL over the columns, the caller's own words) holds.
 */
int th_segment_without(struct th_duck *d, unsigned kind, const char *from, const char *gone,
    const char *path, struct th_segment_job **ret) TH_WARN_UNUSED;
int th_segment_job_step(struct th_segment_job *j) TH_WARN_UNUSED; /* 1 done, 0 more to do */
void th_segment_job_free(struct th_segment_job *j);
TH_DEFINE_CLEANUP(struct th_segment_job, th_segment_job_free)

#endif
