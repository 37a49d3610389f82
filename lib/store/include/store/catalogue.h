/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: which segments there are. One SQLite database that the store alone opens
 * holds it, the findings (findings.h) and the positions of followers, so that one transaction makes
 * segments visible, retires the ones that they take the place of, and saves how far in the log
 * that reaches: this commit is the only truth, whatever files lie in the folder.
 *
 * A retired segment is in no new answer; its file stays until nobody holds an older answer, then
 * the store removes it and forgets the row. Changes come as JSON from the role that writes the
 * segments, which has read what strangers wrote: they are checked like any outside bytes.
 */
#ifndef TH_STORE_CATALOGUE_H
#define TH_STORE_CATALOGUE_H

#include "base/buf.h"
#include "base/err.h"

#define TH_CATALOGUE_MAX_FILES 8192u /* in a change or an answer */
#define TH_CATALOGUE_MAX_JSON (4u << 20)
#define TH_CATALOGUE_NAME_BYTES 80u

enum th_catalogue_level {
    TH_LEVEL_SEALED = 0, /* minutes */
    TH_LEVEL_HOURS = 1,
    TH_LEVEL_DAY = 2
};

struct th_catalogue_file {
    char name[TH_CATALOGUE_NAME_BYTES]; /* lower-case letters, digits, '-', '_', '.'; no folder */
    unsigned kind;                      /* enum th_kind */
    int64_t day_ns;                     /* begin of its UTC day */
    int64_t first_ns, last_ns;          /* event times */
    uint64_t rows, bytes;
    int64_t epoch_ns; /* of metrics: end of the epoch that they are of; 0 for others */
    unsigned level;   /* enum th_catalogue_level */
};

struct th_catalogue_change {
    uint64_t position; /* the log below it is in segments */
    bool has_position;
    int64_t epoch_ns; /* not 0: metrics of this epoch that are there are retired */
    struct th_catalogue_file *add;
    size_t add_count;
    char (*retire)[TH_CATALOGUE_NAME_BYTES];
    size_t retire_count;
};
/* {"position": 7, "epoch_ns": 0, "add": [file...], "retire": ["name"...]} */
void th_catalogue_change_put(struct th_buf *out, const struct th_catalogue_change *c);
/* TH_E_MALFORMED, TH_E_LIMIT; th_catalogue_change_done after a success. */
int th_catalogue_change_get(struct th_str json, struct th_catalogue_change *ret) TH_WARN_UNUSED;
void th_catalogue_change_done(struct th_catalogue_change *c);
/* A list of files as JSON, one after the other as {"file", "kind", "day_ns", "first_ns", "last_ns",
 * "rows", "bytes", "epoch_ns", "level"}, and back. */
void th_catalogue_files_put(
    struct th_buf *out, const struct th_catalogue_file *files, size_t count);
int th_catalogue_files_get(
    struct th_str json, struct th_catalogue_file **ret, size_t *ret_count) TH_WARN_UNUSED;

struct th_catalogue;
/* Opens or makes it. TH_E_VERSION: a newer program wrote it. */
int th_catalogue_open(const char *path, struct th_catalogue **ret) TH_WARN_UNUSED;
/* Opens one that a store may be using, to list what it has: nothing is written. -ENOENT: there is
 * none. TH_E_MALFORMED: it is no catalogue. */
int th_catalogue_open_to_read(const char *path, struct th_catalogue **ret) TH_WARN_UNUSED;
void th_catalogue_close(struct th_catalogue *c);

/* One transaction. A name that is there already is replaced: the same change twice is one. */
int th_catalogue_commit(struct th_catalogue *c, const struct th_catalogue_change *change,
    int64_t now_ns) TH_WARN_UNUSED;
/* Position of a follower ("seal", "store", ...); 0 when it has none. */
uint64_t th_catalogue_position(struct th_catalogue *c, const char *follower);
/* The files that hold events of these kinds (bits by number; UINT64_MAX: all) in [from, to), oldest
 * first. *ret is the caller's. TH_E_LIMIT past TH_CATALOGUE_MAX_FILES. */
int th_catalogue_list(struct th_catalogue *c, uint64_t kinds, int64_t from_ns, int64_t to_ns,
    struct th_catalogue_file **ret, size_t *ret_count) TH_WARN_UNUSED;
/* The same for files that are retired and not forgotten. */
int th_catalogue_retired(
    struct th_catalogue *c, struct th_catalogue_file **ret, size_t *ret_count) TH_WARN_UNUSED;
/* How many visible files are of a kind that this program does not know, and so on no list. */
uint64_t th_catalogue_strange(struct th_catalogue *c);
/* Its file is gone. */
int th_catalogue_forget(struct th_catalogue *c, const char *name) TH_WARN_UNUSED;

struct th_catalogue_totals {
    uint64_t files, rows, bytes; /* visible */
    int64_t oldest_ns;           /* first event; 0 when there is none */
    uint64_t retired_files;
};
void th_catalogue_totals_get(struct th_catalogue *c, struct th_catalogue_totals *ret);

/* Retention: retires what is older than its kind may be (days by kind, 0: for ever), counted from
 * now_ns, then the oldest of all but metrics until no more than max_bytes are left (0: no limit).
 * Returns how many files. */
int th_catalogue_expire(struct th_catalogue *c, const uint32_t *days, size_t day_count,
    uint64_t max_bytes, int64_t now_ns) TH_WARN_UNUSED;
/* Bytes of what has events of from_ns or later, and of all metrics. */
uint64_t th_catalogue_bytes_since(struct th_catalogue *c, int64_t from_ns);

#endif
