/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of role seal: events into tables, tables into segments, small segments into larger
 * ones. role_seal.c turns the loop and talks to the others; seal_rows.c has the rows in memory;
 * seal_unit.c writes files; seal_merge.c chooses what to merge.
 *
 * All files are written aside, synced and renamed before the store hears of them, and nothing that
 * the store was not told about counts: after a crash it is removed and made again from the log.
 */
#ifndef TH_MASTER_SEAL_H
#define TH_MASTER_SEAL_H

#include "base/io.h"
#include "store/catalogue.h"
#include "store/segment.h"

#define TH_SEAL_ROWS 250000u
#define TH_SEAL_TEXT_BYTES (96u << 20)
#define TH_SEAL_TABLES 96u /* each has room for some 2,000 rows from the beginning */
#define TH_SEAL_AGE_NS (5 * TH_NS_PER_MIN)
/* Merging has a database of its own: it takes long, and what comes in does not wait for it. The
 * rows in memory are in neither of them. With what a merge takes outside of its limit, and what the
 * allocator keeps, all stays below 1 GiB. A million connections are sorted in 416 MiB; less has
 * them written to disk and read again. */
#define TH_SEAL_MEMORY_BYTES (UINT64_C(192) << 20)
#define TH_SEAL_MERGE_MEMORY_BYTES (UINT64_C(416) << 20)

/* ---- rows in memory: a table for each kind and day ---- */

struct th_seal_table {
    struct th_segment_table *rows;
    unsigned kind;
    int64_t day_ns;
    uint64_t chunked; /* rows that are in hot chunks */
};

struct th_seal_rows {
    struct th_duck *duck;
    struct th_seal_table tables[TH_SEAL_TABLES + TH_KIND_COUNT];
    size_t count;
    uint64_t rows, max_rows;      /* max_rows 0: TH_SEAL_ROWS */
    uint16_t last[TH_KIND_COUNT]; /* index + 1 of the kind's table used last */
};
void th_seal_rows_done(struct th_seal_rows *r);
/* Past TH_SEAL_TABLES days are no longer told apart: whatever times a sensor sends, tables are few.
 */
int th_seal_rows_add(struct th_seal_rows *r, const struct th_event *ev, struct th_str entity,
    struct th_str peer) TH_WARN_UNUSED;
bool th_seal_rows_full(const struct th_seal_rows *r);
/* No chunk counts any more. */
void th_seal_rows_unchunk(struct th_seal_rows *r);

/* ---- files being written ---- */

enum th_seal_what {
    TH_SEAL_ROWS_UNIT,    /* the log's rows up to a position */
    TH_SEAL_METRICS_UNIT, /* an epoch's metrics */
    TH_SEAL_MERGE_UNIT,
    TH_SEAL_CHUNK_UNIT /* hot chunks: not synced, gone at the next start */
};

/* Where files are made. */
struct th_seal_folder {
    struct th_duck *duck;
    const struct th_io *io;
    const char *path; /* of the folder, for the database */
    uint64_t start;   /* differs for every start of the role; part of the names */
    uint64_t number;  /* of files made so far */
};

/* Some files that become visible together. */
struct th_seal_unit {
    enum th_seal_what what;
    uint64_t id;                  /* the message that asked for it */
    struct th_seal_table *tables; /* owned; but for chunks those of the rows */
    size_t table_count;
    struct th_catalogue_file *merge; /* owned; files that become one */
    size_t merge_count;
    const char *gone;   /* of a file that is written without some rows: which; else NULL */
    uint64_t gone_rows; /* how many */
    struct th_catalogue_change change; /* what the store is to be told */
    size_t at;                         /* file being written */
    struct th_segment_job *job;
};
void th_seal_unit_done(struct th_seal_unit *u);
/* Takes the tables of the rows over; the rows are empty then. */
void th_seal_unit_of_rows(
    struct th_seal_unit *u, enum th_seal_what what, struct th_seal_rows *rows);
/* Rows that are in no chunk yet; false when there are none. rows must live and stay as they are
 * until the unit is done. */
bool th_seal_unit_of_chunks(struct th_seal_unit *u, struct th_seal_rows *rows);
/* Takes the list over. */
void th_seal_unit_of_merge(struct th_seal_unit *u, struct th_catalogue_file *files, size_t count);
/* One file becomes one without the rows of which `gone` (SQL, must live on) holds. */
void th_seal_unit_without(struct th_seal_unit *u, const struct th_catalogue_file *file,
    const char *gone, uint64_t gone_rows);
/* A step: 1 when all files are there and `change` says what they are; 0 when there is more to do.
 * On an error the files that were made are removed and it can be begun anew by th_seal_unit_again.
 */
int th_seal_unit_step(struct th_seal_unit *u, struct th_seal_folder *f) TH_WARN_UNUSED;
void th_seal_unit_again(struct th_seal_unit *u);
/* Ends it where it is; its files go. */
void th_seal_unit_drop(struct th_seal_unit *u, struct th_seal_folder *f);

/* ---- merging ---- */

/* More would not be sorted in memory, and the end of a sort is one step. */
#define TH_SEAL_MERGED_ROWS 1000000u
/* Chooses files to become one of at most max_rows: *ret (the caller's) and how many, 0: none.
 * now_ns is the newest event time: days before it are merged to the end, its own only when there
 * are many files. */
size_t th_seal_merge_choose(const struct th_catalogue_file *files, size_t count, int64_t now_ns,
    uint64_t max_rows, struct th_catalogue_file **ret);

#endif
