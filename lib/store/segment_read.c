/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment_read.h"

#include "base/arena.h"

/* Lists of one event; a batch refuses one that is larger than a quarter of it. */
#define MAX_LIST_BYTES (4u << 20)

/* Columns of the result: those of the segment from here on. */
#define FIRST TH_SEGMENT_SOURCE

struct reading {
    const struct th_kind_info *info;
    const struct th_duck_column *columns;
    size_t column_count;
    struct th_duck_result *rows;
    struct th_arena lists; /* of one event */
    struct th_segment_read_stats *stats;
};

static int start(struct th_duck *d, unsigned kind, const char *path, const struct reading *r,
    int64_t from_ns, int64_t to_ns, struct th_duck_stmt **ret)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *s = NULL;
    th_buf_puts(&sql, "SELECT ");
    for (size_t i = FIRST; i < r->column_count; i++)
        th_buf_printf(&sql, "%s\"%s\"", i > FIRST ? ", " : "", r->columns[i].name);
    th_buf_puts(&sql, " FROM ");
    th_segment_from(kind, &path, 1, &sql);
    th_buf_puts(&sql, " WHERE _time >= ? AND _time < ? ORDER BY _time");
    th_buf_u8(&sql, 0);
    int err = th_duck_prepare(d, (const char *)sql.p, &s);
    if (err < 0)
        return err;
    th_duck_bind_i64(s, 1, from_ns);
    th_duck_bind_i64(s, 2, to_ns);
    *ret = TH_TAKE(s);
    return 0;
}

/* A file's own column may be of any type. */
static int check_types(const struct reading *r)
{
    if (th_duck_columns(r->rows) != r->column_count - FIRST)
        return TH_E_MALFORMED;
    for (size_t i = FIRST; i < r->column_count; i++) {
        const struct th_duck_column *c = &r->columns[i];
        if (th_duck_column_type(r->rows, i - FIRST) != c->type ||
            (c->type == TH_DUCK_LIST && th_duck_item_type(r->rows, i - FIRST) != c->item))
            return TH_E_MALFORMED;
    }
    return 0;
}

/* ---- values ---- */

static bool take_bytes(struct th_str s, void *at, size_t len)
{
    if (s.len != len)
        return false;
    memcpy(at, s.p, len);
    return true;
}

static bool take_strs(struct reading *r, size_t column, size_t row, size_t n, struct th_strs *ret)
{
    struct th_str *v = th_arena_alloc(&r->lists, n * sizeof(*v));
    for (size_t i = 0; v && i < n; i++)
        v[i] = th_duck_item_str(r->rows, column, row, i);
    *ret = (struct th_strs){.v = v, .n = (uint32_t)n};
    return v != NULL;
}

static bool take_spans(struct reading *r, size_t column, size_t row, size_t n, struct th_spans *ret)
{
    int64_t *v = th_arena_alloc(&r->lists, n * sizeof(*v));
    for (size_t i = 0; v && i < n; i++)
        v[i] = th_duck_item_i64(r->rows, column, row, i);
    *ret = (struct th_spans){.v = v, .n = (uint32_t)n};
    return v != NULL;
}

/* Addresses that are none are left out. */
static bool take_addrs(struct reading *r, size_t column, size_t row, size_t n, struct th_addrs *ret)
{
    struct th_addr *v = th_arena_alloc(&r->lists, n * sizeof(*v));
    uint32_t count = 0;
    for (size_t i = 0; v && i < n; i++) {
        if (take_bytes(th_duck_item_str(r->rows, column, row, i), &v[count], sizeof(*v)))
            count++;
        else
            r->stats->unfit++;
    }
    *ret = (struct th_addrs){.v = v, .n = count};
    return v != NULL;
}

/* False: the list is too large. */
static bool take_list(struct reading *r, size_t column, size_t row, enum th_type type, void *at)
{
    size_t n = th_duck_list_len(r->rows, column, row);
    if (n == 0)
        return true;
    if (n > MAX_LIST_BYTES)
        return false;
    if (type == TH_TYPE_STRINGS)
        return take_strs(r, column, row, n, at);
    return type == TH_TYPE_ADDRS ? take_addrs(r, column, row, n, at)
                                 : take_spans(r, column, row, n, at);
}

/* True: the field is set. */
static bool take_scalar(struct reading *r, size_t column, size_t row, enum th_type type, void *at)
{
    const struct th_duck_result *rows = r->rows;
    switch (type) {
    case TH_TYPE_TIME:
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INT: *(int64_t *)at = th_duck_i64(rows, column, row); return true;
    case TH_TYPE_COUNT: *(uint64_t *)at = th_duck_u64(rows, column, row); return true;
    case TH_TYPE_PORT: *(uint16_t *)at = (uint16_t)th_duck_i64(rows, column, row); return true;
    case TH_TYPE_DOUBLE: *(double *)at = th_duck_double(rows, column, row); return true;
    case TH_TYPE_BOOL: *(bool *)at = th_duck_i64(rows, column, row) != 0; return true;
    case TH_TYPE_ADDR: return take_bytes(th_duck_str(rows, column, row), at, 16);
    case TH_TYPE_MAC: return take_bytes(th_duck_str(rows, column, row), at, 6);
    case TH_TYPE_STRING: *(struct th_str *)at = th_duck_str(rows, column, row); return true;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: break;
    }
    TH_ASSERT(false); /* a list */
    return false;
}

/* False: the event is too large. */
static bool take_row(struct reading *r, size_t row, unsigned kind, union th_any_event *ret)
{
    memset(ret, 0, r->info->size_bytes);
    ret->h = (struct th_event){.kind = (uint16_t)kind,
        .source = th_duck_u64(r->rows, TH_SEGMENT_SOURCE - FIRST, row),
        .seq = th_duck_u64(r->rows, TH_SEGMENT_SEQ - FIRST, row),
        .time_ns = th_duck_i64(r->rows, TH_SEGMENT_TIME - FIRST, row)};
    th_arena_reset(&r->lists);
    for (size_t i = 0; i < r->info->field_count; i++) {
        const struct th_field_info *f = &r->info->fields[i];
        size_t column = TH_SEGMENT_FIRST_FIELD - FIRST + i;
        void *at = (uint8_t *)ret + f->offset;
        bool is_list = r->columns[TH_SEGMENT_FIRST_FIELD + i].type == TH_DUCK_LIST;
        if (th_duck_is_null(r->rows, column, row))
            continue;
        if (is_list && !take_list(r, column, row, f->type, at))
            return false;
        if (is_list || take_scalar(r, column, row, f->type, at))
            ret->h.set |= UINT64_C(1) << i;
        else
            r->stats->unfit++;
    }
    return true;
}

static int take_rows(struct reading *r, unsigned kind, const struct th_sink *sink)
{
    size_t n = 0;
    int err;
    while ((err = th_duck_next(r->rows, &n)) > 0)
        for (size_t i = 0; i < n; i++) {
            union th_any_event ev;
            if (!take_row(r, i, kind, &ev)) {
                r->stats->too_large++;
                continue;
            }
            r->stats->events++;
            int put = th_sink_put(sink, &ev.h);
            if (put < 0)
                return put;
        }
    return err;
}

int th_segment_read(struct th_duck *d, unsigned kind, const char *path, int64_t from_ns,
    int64_t to_ns, const struct th_sink *sink, struct th_segment_read_stats *stats)
{
    TH_CLEANUP(th_duck_stmt_freep) struct th_duck_stmt *stmt = NULL;
    TH_CLEANUP(th_duck_result_freep) struct th_duck_result *rows = NULL;
    struct reading r = {
        .info = th_kind_get(kind), .lists = {.limit_bytes = MAX_LIST_BYTES}, .stats = stats};
    r.column_count = th_segment_columns(kind, &r.columns);
    if (r.column_count == 0)
        return -EINVAL;
    int err = start(d, kind, path, &r, from_ns, to_ns, &stmt);
    if (err == 0)
        err = th_duck_execute(stmt, NULL, NULL, &rows);
    if (err < 0)
        return err;
    r.rows = rows;
    err = check_types(&r);
    if (err == 0)
        err = take_rows(&r, kind, sink);
    th_arena_done(&r.lists);
    return err;
}
