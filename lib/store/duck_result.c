/* SPDX-License-Identifier: Apache-2.0 */
/* Statements running step by step, and the rows that come of them. */
#include <math.h>

#include "duck_i.h"

struct column {
    enum th_duck_type type, item;
    /* of the current group of rows: */
    const void *data;
    const uint64_t *valid; /* NULL: no value is NULL */
    const void *items;
    const uint64_t *items_valid; /* NULL: as above */
};

struct th_duck_result {
    struct th_duck *d;
    duckdb_pending_result pending;
    duckdb_result rows;
    bool ready; /* rows is filled in */
    duckdb_data_chunk chunk;
    size_t chunk_rows;
    size_t column_count;
    struct column *columns;
};

enum th_duck_type th_duck_type_of(duckdb_type t)
{
    switch (t) {
    case DUCKDB_TYPE_BOOLEAN: return TH_DUCK_BOOL;
    case DUCKDB_TYPE_BIGINT: return TH_DUCK_I64;
    case DUCKDB_TYPE_USMALLINT: return TH_DUCK_U16;
    case DUCKDB_TYPE_UBIGINT: return TH_DUCK_U64;
    case DUCKDB_TYPE_DOUBLE: return TH_DUCK_DOUBLE;
    case DUCKDB_TYPE_HUGEINT: return TH_DUCK_HUGE;
    case DUCKDB_TYPE_VARCHAR: return TH_DUCK_TEXT;
    case DUCKDB_TYPE_BLOB: return TH_DUCK_BLOB;
    case DUCKDB_TYPE_LIST: return TH_DUCK_LIST;
    }
    return TH_DUCK_OTHER;
}

int th_duck_start(struct th_duck_stmt *s, struct th_duck_result **ret)
{
    if (s->bad_bind)
        return th_duck_fail(s->d, TH_E_DATABASE, "a parameter does not exist");
    struct th_duck_result *r = th_xcalloc(1, sizeof(*r));
    r->d = s->d;
    if (duckdb_pending_prepared(s->s, &r->pending) != DuckDBSuccess) {
        int err = th_duck_fail_theirs(s->d, duckdb_pending_error(r->pending));
        th_duck_result_free(r);
        return err;
    }
    *ret = r;
    return 0;
}

static enum th_duck_type item_type(duckdb_result *rows, size_t column)
{
    duckdb_logical_type list = duckdb_column_logical_type(rows, column);
    duckdb_logical_type item = duckdb_list_type_child_type(list);
    enum th_duck_type type = th_duck_type_of(duckdb_get_type_id(item));
    duckdb_destroy_logical_type(&item);
    duckdb_destroy_logical_type(&list);
    return type;
}

static int take_rows(struct th_duck_result *r)
{
    r->ready = true; /* whether it is rows or an error, it is to be destroyed */
    if (duckdb_execute_pending(r->pending, &r->rows) != DuckDBSuccess)
        return th_duck_fail_theirs(r->d, duckdb_result_error(&r->rows));
    r->column_count = duckdb_column_count(&r->rows);
    r->columns = th_xcalloc(r->column_count + 1, sizeof(*r->columns));
    for (size_t i = 0; i < r->column_count; i++) {
        r->columns[i].type = th_duck_type_of(duckdb_column_type(&r->rows, i));
        if (r->columns[i].type == TH_DUCK_LIST)
            r->columns[i].item = item_type(&r->rows, i);
    }
    return 1;
}

int th_duck_step(struct th_duck_result *r)
{
    if (r->ready)
        return 1;
    switch (duckdb_pending_execute_task(r->pending)) {
    case DUCKDB_PENDING_RESULT_NOT_READY: return 0;
    /* With one thread there is nobody to wait for: what is left is done by taking the rows. */
    case DUCKDB_PENDING_NO_TASKS_AVAILABLE:
    case DUCKDB_PENDING_RESULT_READY: return take_rows(r);
    case DUCKDB_PENDING_ERROR: break;
    }
    return th_duck_fail_theirs(r->d, duckdb_pending_error(r->pending));
}

int th_duck_execute(
    struct th_duck_stmt *s, bool (*go_on)(void *arg), void *arg, struct th_duck_result **ret)
{
    TH_CLEANUP(th_duck_result_freep) struct th_duck_result *r = NULL;
    int err = th_duck_start(s, &r);
    while (err == 0) {
        if (go_on && !go_on(arg))
            return th_duck_fail(s->d, -ECANCELED, "cancelled");
        err = th_duck_step(r);
    }
    if (err < 0)
        return err;
    if (ret)
        *ret = TH_TAKE(r);
    return 0;
}

void th_duck_result_free(struct th_duck_result *r)
{
    if (!r)
        return;
    if (r->chunk)
        duckdb_destroy_data_chunk(&r->chunk);
    if (r->ready)
        duckdb_destroy_result(&r->rows);
    duckdb_destroy_pending(&r->pending);
    free(r->columns);
    free(r);
}

size_t th_duck_columns(const struct th_duck_result *r)
{
    return r->column_count;
}

const char *th_duck_column_name(const struct th_duck_result *r, size_t column)
{
    duckdb_result rows = r->rows; /* the call changes nothing, but does not say so */
    return duckdb_column_name(&rows, column);
}

enum th_duck_type th_duck_column_type(const struct th_duck_result *r, size_t column)
{
    return r->columns[column].type;
}

enum th_duck_type th_duck_item_type(const struct th_duck_result *r, size_t column)
{
    return r->columns[column].item;
}

int th_duck_next(struct th_duck_result *r, size_t *ret_rows)
{
    TH_ASSERT(r->ready);
    if (r->chunk)
        duckdb_destroy_data_chunk(&r->chunk);
    r->chunk = duckdb_fetch_chunk(r->rows);
    r->chunk_rows = r->chunk ? duckdb_data_chunk_get_size(r->chunk) : 0;
    if (r->chunk_rows == 0)
        return 0;
    for (size_t i = 0; i < r->column_count; i++) {
        struct column *c = &r->columns[i];
        duckdb_vector v = duckdb_data_chunk_get_vector(r->chunk, i);
        c->data = duckdb_vector_get_data(v);
        c->valid = duckdb_vector_get_validity(v);
        if (c->type != TH_DUCK_LIST)
            continue;
        duckdb_vector items = duckdb_list_vector_get_child(v);
        c->items = duckdb_vector_get_data(items);
        c->items_valid = duckdb_vector_get_validity(items);
    }
    *ret_rows = r->chunk_rows;
    return 1;
}

static bool is_null(const uint64_t *valid, size_t at)
{
    return valid && !(valid[at / 64] >> at % 64 & 1);
}

bool th_duck_is_null(const struct th_duck_result *r, size_t column, size_t row)
{
    TH_ASSERT(column < r->column_count && row < r->chunk_rows);
    return is_null(r->columns[column].valid, row);
}

static int64_t huge_to_i64(duckdb_hugeint v)
{
    if (v.upper == 0 && v.lower <= INT64_MAX)
        return (int64_t)v.lower;
    if (v.upper == -1 && v.lower > INT64_MAX)
        return (int64_t)v.lower;
    return v.upper < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t number(enum th_duck_type type, const void *data, size_t at)
{
    switch (type) {
    case TH_DUCK_BOOL: return ((const bool *)data)[at];
    case TH_DUCK_U16: return ((const uint16_t *)data)[at];
    case TH_DUCK_I64: return ((const int64_t *)data)[at];
    case TH_DUCK_U64: return (int64_t)TH_MIN(((const uint64_t *)data)[at], (uint64_t)INT64_MAX);
    case TH_DUCK_HUGE: return huge_to_i64(((const duckdb_hugeint *)data)[at]);
    default: break;
    }
    TH_ASSERT(type == TH_DUCK_I64); /* a column of numbers */
    return 0;
}

static struct th_str text(const void *data, size_t at)
{
    const duckdb_string_t *s = (const duckdb_string_t *)data + at;
    uint32_t len = s->inlined.length;
    return th_str_n(len <= TH_DUCK_INLINE_BYTES ? s->inlined.bytes : s->pointer.bytes, len);
}

int64_t th_duck_i64(const struct th_duck_result *r, size_t column, size_t row)
{
    if (th_duck_is_null(r, column, row))
        return 0;
    return number(r->columns[column].type, r->columns[column].data, row);
}

uint64_t th_duck_u64(const struct th_duck_result *r, size_t column, size_t row)
{
    const struct column *c = &r->columns[column];
    if (th_duck_is_null(r, column, row))
        return 0;
    if (c->type == TH_DUCK_U64)
        return ((const uint64_t *)c->data)[row];
    int64_t v = number(c->type, c->data, row);
    return v < 0 ? 0 : (uint64_t)v;
}

double th_duck_double(const struct th_duck_result *r, size_t column, size_t row)
{
    const struct column *c = &r->columns[column];
    if (th_duck_is_null(r, column, row))
        return 0;
    if (c->type == TH_DUCK_DOUBLE)
        return ((const double *)c->data)[row];
    if (c->type == TH_DUCK_U64)
        return (double)((const uint64_t *)c->data)[row];
    if (c->type == TH_DUCK_HUGE) {
        const duckdb_hugeint *v = (const duckdb_hugeint *)c->data + row;
        return ldexp((double)v->upper, 64) + (double)v->lower;
    }
    return (double)number(c->type, c->data, row);
}

struct th_str th_duck_str(const struct th_duck_result *r, size_t column, size_t row)
{
    const struct column *c = &r->columns[column];
    if (th_duck_is_null(r, column, row))
        return th_str_n("", 0);
    TH_ASSERT(c->type == TH_DUCK_TEXT || c->type == TH_DUCK_BLOB);
    return text(c->data, row);
}

static const duckdb_list_entry *list(const struct th_duck_result *r, size_t column, size_t row)
{
    TH_ASSERT(r->columns[column].type == TH_DUCK_LIST);
    return (const duckdb_list_entry *)r->columns[column].data + row;
}

size_t th_duck_list_len(const struct th_duck_result *r, size_t column, size_t row)
{
    return th_duck_is_null(r, column, row) ? 0 : list(r, column, row)->length;
}

int64_t th_duck_item_i64(const struct th_duck_result *r, size_t column, size_t row, size_t item)
{
    const struct column *c = &r->columns[column];
    TH_ASSERT(item < th_duck_list_len(r, column, row));
    size_t at = list(r, column, row)->offset + item;
    return is_null(c->items_valid, at) ? 0 : number(c->item, c->items, at);
}

struct th_str th_duck_item_str(
    const struct th_duck_result *r, size_t column, size_t row, size_t item)
{
    const struct column *c = &r->columns[column];
    TH_ASSERT(item < th_duck_list_len(r, column, row));
    TH_ASSERT(c->item == TH_DUCK_TEXT || c->item == TH_DUCK_BLOB);
    size_t at = list(r, column, row)->offset + item;
    return is_null(c->items_valid, at) ? th_str_n("", 0) : text(c->items, at);
}
