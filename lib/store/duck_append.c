/* SPDX-License-Identifier: Apache-2.0 */
/* Rows going in: columns of a data chunk are filled in place, some two thousand rows at a time. */
#include "duck_i.h"

struct column {
    enum th_duck_type type, item;
    duckdb_vector vector;
    void *data;
    uint64_t *valid;
    duckdb_vector items; /* of a list */
    size_t item_count;   /* of all rows so far */
    size_t first_item;   /* of the row being filled */
};

struct th_duck_appender {
    struct th_duck *d;
    duckdb_appender a;
    duckdb_data_chunk chunk;
    size_t rows, max_rows;
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

int th_duck_create(
    struct th_duck *d, const char *table, const struct th_duck_column *columns, size_t count)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    th_buf_printf(&sql, "CREATE TABLE \"%s\" (", table);
    for (size_t i = 0; i < count; i++) {
        th_buf_printf(&sql, "%s\"%s\" ", i ? ", " : "", columns[i].name);
        th_duck_type_sql(&columns[i], &sql);
    }
    th_buf_puts(&sql, ")");
    th_buf_u8(&sql, 0);
    return th_duck_run(d, (const char *)sql.p);
}

/* Where the chunk's columns lie, and that no value is set. */
static void begin_chunk(struct th_duck_appender *a)
{
    a->rows = 0;
    for (size_t i = 0; i < a->column_count; i++) {
        struct column *c = &a->columns[i];
        c->vector = duckdb_data_chunk_get_vector(a->chunk, i);
        c->data = duckdb_vector_get_data(c->vector);
        duckdb_vector_ensure_validity_writable(c->vector);
        c->valid = duckdb_vector_get_validity(c->vector);
        memset(c->valid, 0, (a->max_rows + 7) / 8);
        c->item_count = c->first_item = 0;
        if (c->type == TH_DUCK_LIST)
            c->items = duckdb_list_vector_get_child(c->vector);
    }
}

int th_duck_appender_new(struct th_duck *d, const char *table, const struct th_duck_column *columns,
    size_t count, struct th_duck_appender **ret)
{
    TH_CLEANUP(th_duck_appender_freep)
    struct th_duck_appender *a = th_xcalloc(1, sizeof(*a) + count * sizeof(a->columns[0]));
    a->d = d;
    a->column_count = count;
    a->max_rows = duckdb_vector_size();
    if (duckdb_appender_create(d->c, NULL, table, &a->a) != DuckDBSuccess)
        return th_duck_fail_theirs(d, duckdb_appender_error(a->a));
    TH_AUTOFREE duckdb_logical_type *logical = th_xcalloc(count, sizeof(*logical));
    for (size_t i = 0; i < count; i++) {
        a->columns[i].type = columns[i].type;
        a->columns[i].item = columns[i].item;
        logical[i] = th_duck_logical(columns[i].type, columns[i].item);
    }
    a->chunk = duckdb_create_data_chunk(logical, count);
    for (size_t i = 0; i < count; i++)
        duckdb_destroy_logical_type(&logical[i]);
    if (!a->chunk)
        return th_duck_fail(d, TH_E_DATABASE, "no chunk of these columns");
    begin_chunk(a);
    *ret = TH_TAKE(a);
    return 0;
}

void th_duck_appender_free(struct th_duck_appender *a)
{
    if (!a)
        return;
    if (a->chunk)
        duckdb_destroy_data_chunk(&a->chunk);
    duckdb_appender_destroy(&a->a);
    free(a);
}

static struct column *value(struct th_duck_appender *a, size_t column, enum th_duck_type type)
{
    TH_ASSERT(column < a->column_count && a->columns[column].type == type);
    struct column *c = &a->columns[column];
    c->valid[a->rows / 64] |= UINT64_C(1) << a->rows % 64;
    return c;
}

void th_duck_put_bool(struct th_duck_appender *a, size_t column, bool v)
{
    ((bool *)value(a, column, TH_DUCK_BOOL)->data)[a->rows] = v;
}

void th_duck_put_u16(struct th_duck_appender *a, size_t column, uint16_t v)
{
    ((uint16_t *)value(a, column, TH_DUCK_U16)->data)[a->rows] = v;
}

void th_duck_put_i64(struct th_duck_appender *a, size_t column, int64_t v)
{
    ((int64_t *)value(a, column, TH_DUCK_I64)->data)[a->rows] = v;
}

void th_duck_put_u64(struct th_duck_appender *a, size_t column, uint64_t v)
{
    ((uint64_t *)value(a, column, TH_DUCK_U64)->data)[a->rows] = v;
}

void th_duck_put_double(struct th_duck_appender *a, size_t column, double v)
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

void th_duck_put_str(struct th_duck_appender *a, size_t column, struct th_str v)
{
    TH_ASSERT(column < a->column_count);
    enum th_duck_type type = a->columns[column].type;
    TH_ASSERT(type == TH_DUCK_TEXT || type == TH_DUCK_BLOB);
    struct column *c = value(a, column, type);
    put_text(c->vector, c->data, a->rows, v);
}

int th_duck_put_list(struct th_duck_appender *a, size_t column, size_t count)
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

void th_duck_put_item_i64(struct th_duck_appender *a, size_t column, size_t item, int64_t v)
{
    struct column *c = &a->columns[column];
    TH_ASSERT(c->item == TH_DUCK_I64);
    ((int64_t *)duckdb_vector_get_data(c->items))[item_place(c, item)] = v;
}

void th_duck_put_item_str(struct th_duck_appender *a, size_t column, size_t item, struct th_str v)
{
    struct column *c = &a->columns[column];
    TH_ASSERT(c->item == TH_DUCK_TEXT || c->item == TH_DUCK_BLOB);
    put_text(c->items, duckdb_vector_get_data(c->items), item_place(c, item), v);
}

static int hand_over(struct th_duck_appender *a)
{
    if (a->rows == 0)
        return 0;
    duckdb_data_chunk_set_size(a->chunk, a->rows);
    if (duckdb_append_data_chunk(a->a, a->chunk) != DuckDBSuccess)
        return th_duck_fail_theirs(a->d, duckdb_appender_error(a->a));
    duckdb_data_chunk_reset(a->chunk);
    begin_chunk(a);
    return 0;
}

int th_duck_row_done(struct th_duck_appender *a)
{
    a->rows++;
    return a->rows == a->max_rows ? hand_over(a) : 0;
}

int th_duck_appender_flush(struct th_duck_appender *a)
{
    int r = hand_over(a);
    if (r == 0 && duckdb_appender_flush(a->a) != DuckDBSuccess)
        r = th_duck_fail_theirs(a->d, duckdb_appender_error(a->a));
    return r;
}
