/* SPDX-License-Identifier: Apache-2.0 */
#include "store/segment.h"

#include "base/utf8.h"
#include "event/community_id.h"

/* Type of a column, and of its items. */
#define COLUMN_TIME TH_DUCK_I64, 0
#define COLUMN_INTERVAL TH_DUCK_I64, 0
#define COLUMN_COUNT TH_DUCK_U64, 0
#define COLUMN_INT TH_DUCK_I64, 0
#define COLUMN_PORT TH_DUCK_U16, 0
#define COLUMN_DOUBLE TH_DUCK_DOUBLE, 0
#define COLUMN_BOOL TH_DUCK_BOOL, 0
#define COLUMN_ADDR TH_DUCK_BLOB, 0
#define COLUMN_MAC TH_DUCK_BLOB, 0
#define COLUMN_STRING TH_DUCK_TEXT, 0
#define COLUMN_STRINGS TH_DUCK_LIST, TH_DUCK_TEXT
#define COLUMN_INTERVALS TH_DUCK_LIST, TH_DUCK_I64
#define COLUMN_ADDRS TH_DUCK_LIST, TH_DUCK_BLOB

#define TH_KIND(KIND, name, id, help)                                                              \
    static const struct th_duck_column columns_##KIND[] = {{"_entity", TH_DUCK_TEXT, 0},           \
        {"_peer", TH_DUCK_TEXT, 0}, {"_source", TH_DUCK_U64, 0}, {"_seq", TH_DUCK_U64, 0},         \
        {"_time", TH_DUCK_I64, 0},
#define TH_FIELD(KIND, name, id, TYPE, zeek, unit, help) {#name, COLUMN_##TYPE},
#define TH_KIND_END(KIND)                                                                          \
    }                                                                                              \
    ;
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END

static const struct {
    const struct th_duck_column *v;
    size_t n;
} kinds[TH_KIND_COUNT] = {
#define TH_KIND(KIND, name, id, help) [id] = {columns_##KIND, TH_ARRAY_LEN(columns_##KIND)},
#define TH_FIELD(...)
#define TH_KIND_END(KIND)
#include "event/events.def"
#undef TH_KIND
#undef TH_FIELD
#undef TH_KIND_END
};

size_t th_segment_columns(unsigned kind, const struct th_duck_column **ret)
{
    if (kind >= TH_KIND_COUNT || !kinds[kind].v)
        return 0;
    *ret = kinds[kind].v;
    return kinds[kind].n;
}

void th_segment_shape(unsigned kind, struct th_buf *sql)
{
    const struct th_duck_column *columns = NULL;
    size_t count = th_segment_columns(kind, &columns);
    th_buf_puts(sql, "(SELECT ");
    for (size_t i = 0; i < count; i++) {
        th_buf_puts(sql, i ? ", NULL::" : "NULL::");
        th_duck_type_sql(&columns[i], sql);
        th_buf_printf(sql, " AS \"%s\"", columns[i].name);
    }
    th_buf_puts(sql, " WHERE false)");
}

static bool path_is_plain(const char *path)
{
    return !strpbrk(path, "'\\*?[");
}

void th_segment_from(unsigned kind, const char *const *paths, size_t path_count, struct th_buf *sql)
{
    th_buf_puts(sql, "(FROM ");
    th_segment_shape(kind, sql);
    th_buf_puts(sql, " UNION ALL BY NAME FROM read_parquet([");
    for (size_t i = 0; i < path_count; i++) {
        TH_ASSERT(path_is_plain(paths[i]));
        th_buf_printf(sql, "%s'%s'", i ? ", " : "", paths[i]);
    }
    th_buf_puts(sql, "], union_by_name = true))");
}

/* ---- rows in memory ---- */

struct th_segment_table {
    struct th_duck *d;
    const struct th_kind_info *info;
    struct th_duck_rows *rows;
    unsigned kind;
    struct th_segment_extent extent;
    struct th_buf clean; /* copies of text that was not UTF-8, of one row */
};

int th_segment_table_new(struct th_duck *d, unsigned kind, struct th_segment_table **ret)
{
    const struct th_duck_column *columns = NULL;
    size_t count = th_segment_columns(kind, &columns);
    if (count == 0)
        return -EINVAL;
    TH_CLEANUP(th_segment_table_freep) struct th_segment_table *t = th_xcalloc(1, sizeof(*t));
    t->d = d;
    t->kind = kind;
    t->info = th_kind_get(kind);
    int r = th_duck_rows_new(d, columns, count, &t->rows);
    if (r < 0)
        return r;
    *ret = TH_TAKE(t);
    return 0;
}

void th_segment_table_free(struct th_segment_table *t)
{
    if (!t)
        return;
    th_duck_rows_free(t->rows);
    th_buf_done(&t->clean);
    free(t);
}

struct th_segment_extent th_segment_table_extent(const struct th_segment_table *t)
{
    return t->extent;
}

/* Counted as it is kept: bytes that are no UTF-8 become more. */
static struct th_str clean_text(struct th_segment_table *t, struct th_str s)
{
    struct th_str clean = th_utf8_clean(s, &t->clean);
    t->extent.text_bytes += clean.len;
    return clean;
}

/* What an item of a list takes at the most, its text left out: a stranger's list may be long, and
 * its items empty. */
#define ITEM_BYTES 16u

static int put_list(struct th_segment_table *t, size_t column, enum th_type type, const void *v)
{
    const struct th_strs *strs = v;
    const struct th_spans *spans = v;
    const struct th_addrs *addrs = v;
    size_t n = type == TH_TYPE_STRINGS ? strs->n : type == TH_TYPE_ADDRS ? addrs->n : spans->n;
    int r = th_duck_put_list(t->rows, column, n);
    t->extent.text_bytes += n * ITEM_BYTES;
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (type == TH_TYPE_STRINGS)
            th_duck_put_item_str(t->rows, column, i, clean_text(t, strs->v[i]));
        else if (type == TH_TYPE_ADDRS)
            th_duck_put_item_str(t->rows, column, i, th_str_n(addrs->v[i].b, 16));
        else
            th_duck_put_item_i64(t->rows, column, i, spans->v[i]);
    }
    return r;
}

static void put_text(struct th_segment_table *t, size_t column, const struct th_event *ev,
    const struct th_field_info *f)
{
    char room[TH_COMMUNITY_ID_LEN];
    th_duck_put_str(t->rows, column, clean_text(t, th_event_text(ev, f, room)));
}

static int put_field(struct th_segment_table *t, size_t column, const struct th_event *ev,
    const struct th_field_info *f)
{
    struct th_duck_rows *a = t->rows;
    const void *v = th_event_field(ev, f);
    switch ((enum th_type)f->type) {
    case TH_TYPE_TIME:
    case TH_TYPE_INTERVAL:
    case TH_TYPE_INT: th_duck_put_i64(a, column, *(const int64_t *)v); return 0;
    case TH_TYPE_COUNT: th_duck_put_u64(a, column, *(const uint64_t *)v); return 0;
    case TH_TYPE_PORT: th_duck_put_u16(a, column, *(const uint16_t *)v); return 0;
    case TH_TYPE_DOUBLE: th_duck_put_double(a, column, *(const double *)v); return 0;
    case TH_TYPE_BOOL: th_duck_put_bool(a, column, *(const bool *)v); return 0;
    case TH_TYPE_ADDR: th_duck_put_str(a, column, th_str_n(v, 16)); return 0;
    case TH_TYPE_MAC: th_duck_put_str(a, column, th_str_n(v, 6)); return 0;
    case TH_TYPE_STRING: put_text(t, column, ev, f); return 0;
    case TH_TYPE_STRINGS:
    case TH_TYPE_INTERVALS:
    case TH_TYPE_ADDRS: break;
    }
    return put_list(t, column, f->type, v);
}

int th_segment_table_add(
    struct th_segment_table *t, const struct th_event *ev, struct th_str entity, struct th_str peer)
{
    TH_ASSERT(ev->kind == t->kind);
    struct th_duck_rows *a = t->rows;
    th_buf_clear(&t->clean);
    if (entity.len > 0)
        th_duck_put_str(a, TH_SEGMENT_ENTITY, entity);
    if (peer.len > 0)
        th_duck_put_str(a, TH_SEGMENT_PEER, peer);
    th_duck_put_u64(a, TH_SEGMENT_SOURCE, ev->source);
    th_duck_put_u64(a, TH_SEGMENT_SEQ, ev->seq);
    th_duck_put_i64(a, TH_SEGMENT_TIME, ev->time_ns);
    int r = 0;
    for (uint64_t set = ev->set; set != 0 && r == 0; set &= set - 1) {
        size_t i = (size_t)__builtin_ctzll(set);
        const struct th_field_info *f = &t->info->fields[i];
        TH_ASSERT(i < t->info->field_count);
        r = put_field(t, TH_SEGMENT_FIRST_FIELD + i, ev, f);
    }
    if (r == 0)
        r = th_duck_row_done(a);
    if (r < 0)
        return r;
    struct th_segment_extent *e = &t->extent;
    e->first_ns = e->rows == 0 ? ev->time_ns : TH_MIN(e->first_ns, ev->time_ns);
    e->last_ns = e->rows == 0 ? ev->time_ns : TH_MAX(e->last_ns, ev->time_ns);
    e->rows++;
    return 0;
}

/* ---- writing files ---- */

struct th_segment_job {
    struct th_duck_stmt *stmt;
    struct th_duck_result *result;
};

/* In the order in which they came: merging sorts them, and until then a file has so few rows that a
 * search skips none of its groups. Sizes of delta-coded columns are much smaller in version 2 of
 * the format's pages.
 */
#define SEALED                                                                                     \
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION V2, "                  \
    "USE_TMP_FILE false"
/* What is merged stays for weeks: smaller for a third more work. */
#define MERGED                                                                                     \
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 6, PARQUET_VERSION V2, "                  \
    "ROW_GROUP_SIZE 245760, USE_TMP_FILE false"
#define PLAIN "FORMAT parquet, COMPRESSION uncompressed, USE_TMP_FILE false"
#define ORDER "ORDER BY _entity, _time, _source, _seq"

/* From text without a quote into a statement that runs. */
static int start(struct th_duck *d, struct th_buf *sql, struct th_segment_job **ret)
{
    TH_CLEANUP(th_segment_job_freep) struct th_segment_job *j = th_xcalloc(1, sizeof(*j));
    th_buf_u8(sql, 0);
    int r = th_duck_prepare(d, (const char *)sql->p, &j->stmt);
    if (r == 0)
        r = th_duck_start(j->stmt, &j->result);
    if (r < 0)
        return r;
    *ret = TH_TAKE(j);
    return 0;
}

static int write_table(const struct th_segment_table *t, uint64_t first_row, const char *path,
    const char *format, struct th_segment_job **ret)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    TH_ASSERT(path_is_plain(path));
    th_buf_puts(&sql, "COPY (FROM ");
    th_duck_rows_sql(t->rows, first_row, &sql);
    th_buf_printf(&sql, ") TO '%s' (%s)", path, format);
    return start(t->d, &sql, ret);
}

int th_segment_seal(struct th_segment_table *t, const char *path, struct th_segment_job **ret)
{
    return write_table(t, 0, path, SEALED, ret);
}

int th_segment_chunk(
    struct th_segment_table *t, uint64_t first_row, const char *path, struct th_segment_job **ret)
{
    return write_table(t, first_row, path, PLAIN, ret);
}

static int rewrite(struct th_duck *d, unsigned kind, const char *const *from, size_t from_count,
    const char *gone, const char *path, struct th_segment_job **ret)
{
    TH_AUTOBUF struct th_buf sql = TH_BUF_INIT;
    const struct th_duck_column *columns = NULL;
    size_t count = th_segment_columns(kind, &columns);
    if (count == 0 || from_count == 0)
        return -EINVAL;
    TH_ASSERT(path_is_plain(path));
    /* Every column of today is asked for by name. */
    th_buf_puts(&sql, "COPY (SELECT ");
    for (size_t i = 0; i < count; i++)
        th_buf_printf(&sql, "%s\"%s\"", i ? ", " : "", columns[i].name);
    th_buf_puts(&sql, " FROM ");
    th_segment_from(kind, from, from_count, &sql);
    th_buf_u8(&sql, ' ');
    if (gone) /* a row of which it is not known stays */
        th_buf_printf(&sql, "WHERE (%s) IS NOT TRUE ", gone);
    th_buf_printf(&sql, ORDER ") TO '%s' (" MERGED ")", path);
    return start(d, &sql, ret);
}

int th_segment_merge(struct th_duck *d, unsigned kind, const char *const *from, size_t from_count,
    const char *path, struct th_segment_job **ret)
{
    return rewrite(d, kind, from, from_count, NULL, path, ret);
}

int th_segment_without(struct th_duck *d, unsigned kind, const char *from, const char *gone,
    const char *path, struct th_segment_job **ret)
{
    return rewrite(d, kind, &from, 1, gone, path, ret);
}

int th_segment_job_step(struct th_segment_job *j)
{
    return th_duck_step(j->result);
}

void th_segment_job_free(struct th_segment_job *j)
{
    if (!j)
        return;
    th_duck_result_free(j->result);
    th_duck_stmt_free(j->stmt);
    free(j);
}
