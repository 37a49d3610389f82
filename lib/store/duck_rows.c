/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows going in: columns of data chunks are filled in place, some two thousand rows each, and stay
 * where they are. A statement reads them by the table function th_rows, which lends it a chunk
 * after the other: no table of the database takes a copy of them.
 */
#include <inttypes.h>

#include "duck_i.h"

struct column {
    const char *name;
    enum th_duck_type type, item;
    duckdb_vector vector;
    void *data;
    uint64_t *valid;
    duckdb_vector items; /* of a list */
    size_t item_count;   /* of all rows so far */
    size_t first_item;   /* of the row being filled */
};

struct th_duck_rows {
    struct th_duck *d;
    struct th_duck_rows *next; /* of this database */
    uint64_t number;
    duckdb_data_chunk *chunks; /* the last one is being filled */
    size_t chunk_count, chunk_room;
    size_t rows, max_rows; /* of a chunk */
    size_t column_count;
    struct column columns[];
};

static const struct {
    duckdb_type type;
    const char *sql;
} types[] = {
    [TH_DUCK_BOOL] = {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
    [TH_DUCK_U16] = {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
    [TH_DUCK_I64] = {DUCKDB_TYPE_BIGINT, "BIGINT"},
    [TH_DUCK_U64] = {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
    [TH_DUCK_HUGE] = {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
    [TH_DUCK_DOUBLE] = {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
    [TH_DUCK_TEXT] = {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
    [TH_DUCK_BLOB] = {DUCKDB_TYPE_BLOB, "BLOB"},
};

duckdb_logical_type th_duck_logical(enum th_duck_type type, enum th_duck_type item)
{
    if (type != TH_DUCK_LIST)
        return duckdb_create_logical_type(types[type].type);
    duckdb_logical_type of = duckdb_create_logical_type(types[item].type);
    duckdb_logical_type list = duckdb_create_list_type(of);
    duckdb_destroy_logical_type(&of);
    return list;
}

void th_duck_type_sql(const struct th_duck_column *column, struct th_buf *sql)
{
    bool list = column->type == TH_DUCK_LIST;
    th_buf_puts(sql, types[list ? column->item : column->type].sql);
    th_buf_puts(sql, list ? "[]" : "");
}

/* ---- chunks ---- */

/* A chunk in which no value is set. */
static int add_chunk(struct th_duck_rows *a)
{
    TH_AUTOFREE duckdb_logical_type *logical = th_xcalloc(a->column_count, sizeof(*logical));
    for (size_t i = 0; i < a->column_count; i++)
        logical[i] = th_duck_logical(a->columns[i].type, a->columns[i].item);
    duckdb_data_chunk chunk = duckdb_create_data_chunk(logical, a->column_count);
    for (size_t i = 0; i < a->column_count; i++)
        duckdb_destroy_logical_type(&logical[i]);
    if (!chunk)
        return th_duck_fail(a->d, TH_E_DATABASE, "no chunk of these columns");
    if (a->chunk_count == a->chunk_room) {
        a->chunk_room = a->chunk_room ? 2 * a->chunk_room : 4;
        a->chunks = th_xreallocarray(a->chunks, a->chunk_room, sizeof(*a->chunks));
    }
    a->chunks[a->chunk_count++] = chunk;
    a->rows = 0;
    for (size_t i = 0; i < a->column_count; i++) {
        struct column *c = &a->columns[i];
        c->vector = duckdb_data_chunk_get_vector(chunk, i);
        c->data = duckdb_vector_get_data(c->vector);
        duckdb_vector_ensure_validity_writable(c->vector);
        c->valid = duckdb_vector_get_validity(c->vector);
        memset(c->valid, 0, (a->max_rows + 7) / 8);
        c->item_count = c->first_item = 0;
        if (c->type == TH_DUCK_LIST)
            c->items = duckdb_list_vector_get_child(c->vector);
    }
    return 0;
}

/* ---- the table function: th_rows(number, first row) ---- */

struct scan {
    const struct th_duck_rows *rows;
    size_t at; /* row */
};

static void scan_bind(duckdb_bind_info info)
{
    const struct th_duck *d = duckdb_bind_get_extra_info(info);
    duckdb_value number = duckdb_bind_get_parameter(info, 0);
    duckdb_value first = duckdb_bind_get_parameter(info, 1);
    const struct th_duck_rows *a = d->rows;
    while (a && a->number != duckdb_get_uint64(number))
        a = a->next;
    struct scan *s = th_xcalloc(1, sizeof(*s));
    *s = (struct scan){.rows = a, .at = duckdb_get_uint64(first)};
    duckdb_destroy_value(&number);
    duckdb_destroy_value(&first);
    duckdb_bind_set_bind_data(info, s, free);
    if (!a) {
        duckdb_bind_set_error(info, "there are no such rows");
        return;
    }
    for (size_t i = 0; i < a->column_count; i++) {
        duckdb_logical_type type = th_duck_logical(a->columns[i].type, a->columns[i].item);
        duckdb_bind_add_result_column(info, a->columns[i].name, type);
        duckdb_destroy_logical_type(&type);
    }
}

static void scan_init(duckdb_init_info info)
{
    struct scan *s = th_xcalloc(1, sizeof(*s));
    *s = *(const struct scan *)duckdb_init_get_bind_data(info);
    duckdb_init_set_init_data(info, s, free);
}

/* Lends rows `from` to `to` of a chunk. */
static void lend(
    duckdb_data_chunk chunk, size_t columns, size_t from, size_t to, duckdb_data_chunk output)
{
    duckdb_selection_vector part = NULL;
    if (from > 0) {
        part = duckdb_create_selection_vector(to - from);
        for (size_t i = from; i < to; i++)
            duckdb_selection_vector_get_data_ptr(part)[i - from] = (uint32_t)i;
    }
    for (size_t i = 0; i < columns; i++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(output, i);
        duckdb_vector_reference_vector(v, duckdb_data_chunk_get_vector(chunk, i));
        if (part)
            duckdb_slice_vector(v, part, to - from);
    }
    if (part)
        duckdb_destroy_selection_vector(part);
    duckdb_data_chunk_set_size(output, to - from);
}

static void scan_next(duckdb_function_info info, duckdb_data_chunk output)
{
    struct scan *s = duckdb_function_get_init_data(info);
    const struct th_duck_rows *a = s->rows;
    size_t chunk = s->at / a->max_rows;
    size_t from = s->at % a->max_rows;
    size_t to = chunk + 1 < a->chunk_count ? a->max_rows : a->rows;
    if (chunk >= a->chunk_count || from >= to) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    lend(a->chunks[chunk], a->column_count, from, to, output);
    s->at += to - from;
}

static int make_function(struct th_duck *d)
{
    duckdb_table_function f = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    duckdb_table_function_set_name(f, "th_rows");
    duckdb_table_function_add_parameter(f, number);
    duckdb_table_function_add_parameter(f, number);
    duckdb_table_function_set_extra_info(f, d, NULL);
    duckdb_table_function_set_bind(f, scan_bind);
    duckdb_table_function_set_init(f, scan_init);
    duckdb_table_function_set_function(f, scan_next);
    duckdb_state state = duckdb_register_table_function(d->c, f);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&f);
    return state == DuckDBSuccess ? 0 : th_duck_fail(d, TH_E_DATABASE, "no function for rows");
}

/* ---- the rows ---- */

int th_duck_rows_new(struct th_duck *d, const struct th_duck_column *columns, size_t count,
    struct th_duck_rows **ret)
{
    int r = d->rows_number == 0 ? make_function(d) : 0;
    if (r < 0)
        return r;
    struct th_duck_rows *a = th_xcalloc(1, sizeof(*a) + count * sizeof(a->columns[0]));
    a->d = d;
    a->number = ++d->rows_number;
    a->column_count = count;
    a->max_rows = duckdb_vector_size();
    a->next = d->rows;
    d->rows = a;
    for (size_t i = 0; i < count; i++) {
        a->columns[i].name = columns[i].name;
        a->columns[i].type = columns[i].type;
        a->columns[i].item = columns[i].item;
    }
    r = add_chunk(a);
    if (r < 0) {
        th_duck_rows_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

void th_duck_rows_free(struct th_duck_rows *a)
{
    if (!a)
        return;
    struct th_duck_rows **link = &a->d->rows;
    while (*link != a)
        link = &(*link)->next;
    *link = a->next;
    for (size_t i = 0; i < a->chunk_count; i++)
        duckdb_destroy_data_chunk(&a->chunks[i]);
    free(a->chunks);
    free(a);
}

void th_duck_rows_sql(const struct th_duck_rows *a, uint64_t first_row, struct th_buf *sql)
{
    th_buf_printf(sql, "th_rows(%" PRIu64 "::UBIGINT, %" PRIu64 "::UBIGINT)", a->number, first_row);
}

static struct column *value(struct th_duck_rows *a, size_t column, enum th_duck_type type)
{
    TH_ASSERT(column < a->column_count && a->columns[column].type == type);
    struct column *c = &a->columns[column];
    c->valid[a->rows / 64] |= UINT64_C(1) << a->rows % 64;
    return c;
}

void th_duck_put_bool(struct th_duck_rows *a, size_t column, bool v)
{
    ((bool *)value(a, column, TH_DUCK_BOOL)->data)[a->rows] = v;
}

void th_duck_put_u16(struct th_duck_rows *a, size_t column, uint16_t v)
{
    ((uint16_t *)value(a, column, TH_DUCK_U16)->data)[a->rows] = v;
}

void th_duck_put_i64(struct th_duck_rows *a, size_t column, int64_t v)
{
    ((int64_t *)value(a, column, TH_DUCK_I64)->data)[a->rows] = v;
}

void th_duck_put_u64(struct th_duck_rows *a, size_t column, uint64_t v)
{
    ((uint64_t *)value(a, column, TH_DUCK_U64)->data)[a->rows] = v;
}

void th_duck_put_double(struct th_duck_rows *a, size_t column, double v)
{
    ((double *)value(a, column, TH_DUCK_DOUBLE)->data)[a->rows] = v;
}

/* Short strings lie in the vector itself: written here, without a call. */
static void put_text(duckdb_vector v, void *data, size_t at, struct th_str s)
{
    if (s.len > TH_DUCK_INLINE_BYTES) {
        duckdb_unsafe_vector_assign_string_element_len(v, at, s.p, s.len);
        return;
    }
    duckdb_string_t t = {.inlined.length = s.len};
    if (s.len > 0)
        memcpy(t.inlined.bytes, s.p, s.len);
    ((duckdb_string_t *)data)[at] = t;
}

void th_duck_put_str(struct th_duck_rows *a, size_t column, struct th_str v)
{
    TH_ASSERT(column < a->column_count);
    enum th_duck_type type = a->columns[column].type;
    TH_ASSERT(type == TH_DUCK_TEXT || type == TH_DUCK_BLOB);
    struct column *c = value(a, column, type);
    put_text(c->vector, c->data, a->rows, v);
}

int th_duck_put_list(struct th_duck_rows *a, size_t column, size_t count)
{
    struct column *c = value(a, column, TH_DUCK_LIST);
    c->first_item = c->item_count;
    c->item_count += count;
    if (duckdb_list_vector_reserve(c->vector, c->item_count) != DuckDBSuccess ||
        duckdb_list_vector_set_size(c->vector, c->item_count) != DuckDBSuccess)
        return th_duck_fail(a->d, -ENOMEM, "a list is too long");
    ((duckdb_list_entry *)c->data)[a->rows] =
        (duckdb_list_entry){.offset = c->first_item, .length = count};
    return 0;
}

static size_t item_place(const struct column *c, size_t item)
{
    TH_ASSERT(c->type == TH_DUCK_LIST && c->first_item + item < c->item_count);
    return c->first_item + item;
}

void th_duck_put_item_i64(struct th_duck_rows *a, size_t column, size_t item, int64_t v)
{
    struct column *c = &a->columns[column];
    TH_ASSERT(c->item == TH_DUCK_I64);
    ((int64_t *)duckdb_vector_get_data(c->items))[item_place(c, item)] = v;
}

void th_duck_put_item_str(struct th_duck_rows *a, size_t column, size_t item, struct th_str v)
{
    struct column *c = &a->columns[column];
    TH_ASSERT(c->item == TH_DUCK_TEXT || c->item == TH_DUCK_BLOB);
    put_text(c->items, duckdb_vector_get_data(c->items), item_place(c, item), v);
}

int th_duck_row_done(struct th_duck_rows *a)
{
    a->rows++;
    if (a->rows < a->max_rows)
        return 0;
    return add_chunk(a);
}
