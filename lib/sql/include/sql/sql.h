/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite for roles that keep relational state. Statements are prepared where they are used, with
 * values bound by a string of types; text of SQL is always a literal of ours. An error of the disk
 * or of SQLite sticks until the end of the transaction, rolls it back and is th_sql_commit's
 * result, so that no function in between has to look. A statement that does not compile is a bug.
 *
 *     TH_AUTOSTMT sqlite3_stmt *q = th_sql(s, "SELECT name FROM users WHERE id = ?", "i", id);
 *     while (th_sql_row(s, q)) ... th_sql_text(q, 0) ...
 *
 * Types: i int64_t, s struct th_str as text, z const char * as text (NULL: null), b struct th_str
 * as a blob, n null (no argument).
 */
#ifndef TH_SQL_SQL_H
#define TH_SQL_SQL_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct th_sql {
    sqlite3 *db;
    int err; /* sticky, negative */
};

/* Opens or makes the database: WAL, synchronous=FULL, nothing in files beside it. */
int th_sql_open(const char *path, struct th_sql *ret) TH_WARN_UNUSED;
/* Opens a database that others may be writing, to read it: it is left as it is, and so are the
 * files beside it. The path is the caller's own words, without '?', '#' and '%'. */
int th_sql_open_to_read(const char *path, struct th_sql *ret) TH_WARN_UNUSED;
void th_sql_done(struct th_sql *s);
void th_sql_begin(struct th_sql *s);
/* 0, or the error that stuck and now is forgotten; then nothing of the transaction happened. */
int th_sql_commit(struct th_sql *s) TH_WARN_UNUSED;

sqlite3_stmt *th_sql(struct th_sql *s, const char *sql, const char *types, ...);
/* True: there is a row; false: there are no more, or an error. */
bool th_sql_row(struct th_sql *s, sqlite3_stmt *q);
/* A statement without rows; how many it changed. */
int th_sql_run(struct th_sql *s, const char *sql, const char *types, ...);
/* First column of the first row; `none` without a row. */
int64_t th_sql_number(struct th_sql *s, int64_t none, const char *sql, const char *types, ...);

/* Text or blob of a column; valid until the next row. */
struct th_str th_sql_text(sqlite3_stmt *q, int column);
static inline int64_t th_sql_int(sqlite3_stmt *q, int column)
{
    return sqlite3_column_int64(q, column);
}
static inline bool th_sql_is_null(sqlite3_stmt *q, int column)
{
    return sqlite3_column_type(q, column) == SQLITE_NULL;
}
/* Copies a column's text, cut to the room. */
void th_sql_copy(sqlite3_stmt *q, int column, char *ret, size_t room);

static inline void th_sql_finalizep(sqlite3_stmt **q)
{
    sqlite3_finalize(*q);
}
#define TH_AUTOSTMT TH_CLEANUP(th_sql_finalizep)

#endif
