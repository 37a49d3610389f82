/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DuckDB, as much of it as the store and the queries need: a database in memory of one thread,
 * statements with parameters that run in small steps, results and rows column by column.
 *
 * The database reaches no file but those below the folders it was given and its temporary folder,
 * loads no extension, and its settings cannot be changed once it is open. SQL text is always our
 * own; what comes from outside is bound. Between two steps of a statement the caller is asked
 * whether to go on, so that time limits and cancellation need no thread.
 *
 * Errors: TH_E_DATABASE (th_duck_error has the text), -ENOMEM past the memory limit, -ECANCELED.
 * Not for several threads at once.
 */
#ifndef TH_STORE_DUCK_H
#define TH_STORE_DUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct th_duck_config {
    uint64_t memory_bytes;      /* limit; required */
    const char *temp_folder;    /* for what does not fit; NULL: then a statement fails instead */
    uint64_t temp_bytes;        /* limit of that; 0: as much as the memory */
    const char *const *folders; /* absolute, without a quote; all that SQL may read and write */
    size_t folder_count;
};

struct th_duck;
/* On error ret_message (may be NULL) has a sentence that the caller frees. TH_E_VERSION: the
 * library is not the one that this was written for. */
int th_duck_open(
    const struct th_duck_config *config, struct th_duck **ret, char **ret_message) TH_WARN_UNUSED;
void th_duck_close(struct th_duck *d); /* after all statements, results and rows */
TH_DEFINE_CLEANUP(struct th_duck, th_duck_close)
/* What the last failed call said; "" when none has. Valid until the next call. */
const char *th_duck_error(const struct th_duck *d);
/* Runs one statement without parameters and drops its rows. */
int th_duck_run(struct th_duck *d, const char *sql) TH_WARN_UNUSED;

/* ---- statements ---- */
struct th_duck_stmt;
int th_duck_prepare(struct th_duck *d, const char *sql, struct th_duck_stmt **ret) TH_WARN_UNUSED;
void th_duck_stmt_free(struct th_duck_stmt *s);
TH_DEFINE_CLEANUP(struct th_duck_stmt, th_duck_stmt_free)
size_t th_duck_stmt_params(const struct th_duck_stmt *s);
/* Parameters count from 1. Text is made UTF-8 (base/utf8.h) when it is not. A parameter that
 * does not exist is an error of the next th_duck_start. */
void th_duck_bind_null(struct th_duck_stmt *s, unsigned at);
void th_duck_bind_bool(struct th_duck_stmt *s, unsigned at, bool v);
void th_duck_bind_i64(struct th_duck_stmt *s, unsigned at, int64_t v);
void th_duck_bind_u64(struct th_duck_stmt *s, unsigned at, uint64_t v);
void th_duck_bind_double(struct th_duck_stmt *s, unsigned at, double v);
void th_duck_bind_str(struct th_duck_stmt *s, unsigned at, struct th_str v);
void th_duck_bind_blob(struct th_duck_stmt *s, unsigned at, const void *v, size_t len_bytes);

/* ---- running, and results ---- */
struct th_duck_result;
/* Begins; nothing of note is done yet. The statement must outlive the result. */
int th_duck_start(struct th_duck_stmt *s, struct th_duck_result **ret) TH_WARN_UNUSED;
/* A step, some milliseconds: 1 when the rows are there, 0 when there is more to do. */
int th_duck_step(struct th_duck_result *r) TH_WARN_UNUSED;
/* th_duck_start and all the steps; go_on (may be NULL) is asked before each: false ends it with
 * -ECANCELED. ret may be NULL: the rows are dropped. */
int th_duck_execute(struct th_duck_stmt *s, bool (*go_on)(void *arg), void *arg,
    struct th_duck_result **ret) TH_WARN_UNUSED;
void th_duck_result_free(struct th_duck_result *r); /* whatever its state: this cancels, too */
TH_DEFINE_CLEANUP(struct th_duck_result, th_duck_result_free)

enum th_duck_type {
    TH_DUCK_OTHER = 0, /* cast it to one of these in SQL */
    TH_DUCK_BOOL,
    TH_DUCK_U16,
    TH_DUCK_I64,
    TH_DUCK_U64,
    TH_DUCK_HUGE, /* a sum of BIGINTs */
    TH_DUCK_DOUBLE,
    TH_DUCK_TEXT,
    TH_DUCK_BLOB,
    TH_DUCK_LIST /* of one of the above */
};

size_t th_duck_columns(const struct th_duck_result *r);
const char *th_duck_column_name(const struct th_duck_result *r, size_t column);
enum th_duck_type th_duck_column_type(const struct th_duck_result *r, size_t column);
/* Of a LIST column, the type of its items. */
enum th_duck_type th_duck_item_type(const struct th_duck_result *r, size_t column);
/* Rows come in groups: 1 and their number, 0 when there are no more. Values belong to the current
 * group. */
int th_duck_next(struct th_duck_result *r, size_t *ret_rows) TH_WARN_UNUSED;
bool th_duck_is_null(const struct th_duck_result *r, size_t column, size_t row);
/* The value; the column must be of a type that fits: I64 takes BOOL, U16, I64, U64 and HUGE (held
 * within int64), DOUBLE takes all numbers, STR takes TEXT and BLOB. NULL is 0 or empty. */
int64_t th_duck_i64(const struct th_duck_result *r, size_t column, size_t row);
uint64_t th_duck_u64(const struct th_duck_result *r, size_t column, size_t row);
double th_duck_double(const struct th_duck_result *r, size_t column, size_t row);
struct th_str th_duck_str(const struct th_duck_result *r, size_t column, size_t row);
/* Number of items of a list, and one of them; NULL is 0 or empty. */
size_t th_duck_list_len(const struct th_duck_result *r, size_t column, size_t row);
int64_t th_duck_item_i64(const struct th_duck_result *r, size_t column, size_t row, size_t item);
struct th_str th_duck_item_str(
    const struct th_duck_result *r, size_t column, size_t row, size_t item);

/* ---- rows of our own ---- */
struct th_duck_column {
    const char *name; /* must live as long as the rows */
    enum th_duck_type type;
    enum th_duck_type item; /* of a LIST */
};
/* The column's type as SQL has it: "BIGINT", "VARCHAR[]". */
void th_duck_type_sql(const struct th_duck_column *column, struct th_buf *sql);

/* Rows that grow, outside the database's memory limit; statements read them where they lie. */
struct th_duck_rows;
int th_duck_rows_new(struct th_duck *d, const struct th_duck_column *columns, size_t count,
    struct th_duck_rows **ret) TH_WARN_UNUSED;
/* After all statements that read them. */
void th_duck_rows_free(struct th_duck_rows *a);
TH_DEFINE_CLEANUP(struct th_duck_rows, th_duck_rows_free)
/* What stands behind FROM to read them, in the order in which they came, from number first_row
 * (of 0) on. No row may be added from the first step of such a statement to the end of its result.
 */
void th_duck_rows_sql(const struct th_duck_rows *a, uint64_t first_row, struct th_buf *sql);
/* Values of the row being filled; a column that gets none is NULL. The type is the column's. Text
 * must be UTF-8. */
void th_duck_put_bool(struct th_duck_rows *a, size_t column, bool v);
void th_duck_put_u16(struct th_duck_rows *a, size_t column, uint16_t v);
void th_duck_put_i64(struct th_duck_rows *a, size_t column, int64_t v);
void th_duck_put_u64(struct th_duck_rows *a, size_t column, uint64_t v);
void th_duck_put_double(struct th_duck_rows *a, size_t column, double v);
void th_duck_put_str(struct th_duck_rows *a, size_t column, struct th_str v); /* TEXT, BLOB */
/* A list with `count` items, which then are put by index. */
int th_duck_put_list(struct th_duck_rows *a, size_t column, size_t count) TH_WARN_UNUSED;
void th_duck_put_item_i64(struct th_duck_rows *a, size_t column, size_t item, int64_t v);
void th_duck_put_item_str(struct th_duck_rows *a, size_t column, size_t item, struct th_str v);
/* The row is complete; those that read see it. */
int th_duck_row_done(struct th_duck_rows *a) TH_WARN_UNUSED;

#endif
