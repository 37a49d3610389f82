/* SPDX-License-Identifier: Apache-2.0 */
#include "query_i.h"
#include "select_i.h"

/* So many texts, DuckDB looks into for all rows of a step in some 50 ms. Such a condition stays
 * plain: DuckDB can then apply it while it reads a file. */
#define CHEAP_COST 8u

struct th_select *th_select_new(void)
{
    return th_xcalloc(1, sizeof(struct th_select));
}

void th_select_free(struct th_select *s)
{
    if (!s)
        return;
    th_buf_done(&s->text);
    th_arena_done(&s->arena);
    free(s->params);
    free(s);
}

const char *th_select_text(const struct th_select *s)
{
    TH_ASSERT(s->text.len && s->text.p[s->text.len - 1] == 0);
    return (const char *)s->text.p;
}

size_t th_select_param_count(const struct th_select *s)
{
    return s->param_count;
}

const struct th_select_param *th_select_param(const struct th_select *s, size_t index)
{
    TH_ASSERT(index < s->param_count);
    return &s->params[index];
}

unsigned select_add(struct th_select *s, struct th_select_param p)
{
    if (s->param_count == s->param_room) {
        s->param_room = s->param_room ? s->param_room * 2 : 32;
        s->params = th_xreallocarray(s->params, s->param_room, sizeof(*s->params));
    }
    s->params[s->param_count++] = p;
    return (unsigned)s->param_count;
}

unsigned select_add_i64(struct th_select *s, int64_t v)
{
    return select_add(s, (struct th_select_param){.type = TH_SELECT_I64, .i64 = v});
}

static unsigned add_u64(struct th_select *s, uint64_t v)
{
    return select_add(s, (struct th_select_param){.type = TH_SELECT_U64, .u64 = v});
}

/* FROM and WHERE, up to the tree's condition. DuckDB drops the empty side of the union while it
 * plans. */
static void put_from(
    struct th_select *s, const struct th_query *q, const struct th_select_from *from)
{
    th_buf_printf(&s->text, " FROM (FROM %s UNION ALL BY NAME FROM read_parquet([", from->shape);
    for (size_t i = 0; i < from->file_count; i++)
        th_buf_printf(&s->text, "%s$%u", i ? ", " : "",
            select_add(
                s, (struct th_select_param){.type = TH_SELECT_TEXT, .bytes = from->files[i]}));
    th_buf_printf(
        &s->text, "], union_by_name = true)) WHERE _time >= $%u", select_add_i64(s, from->from_ns));
    th_buf_printf(&s->text, " AND _time < $%u AND ", select_add_i64(s, from->to_ns));
    for (size_t i = 0; i < from->time_count; i++)
        th_buf_printf(&s->text, "%s$%u%s", i ? ", " : "_time IN (",
            select_add_i64(s, from->times[i]), i + 1 == from->time_count ? ") AND " : "");
    s->watched = from->watched && select_cost(th_query_root(q), from->kind) > CHEAP_COST;
    select_node(s, th_query_root(q), from->kind, false);
}

static void put_after(struct th_select *s, unsigned kind, const struct th_select_place *after)
{
    unsigned time = select_add_i64(s, after->time_ns);
    if (kind != after->kind) {
        th_buf_printf(&s->text, " AND _time %s $%u", kind > after->kind ? "<=" : "<", time);
        return;
    }
    unsigned source = add_u64(s, after->source), seq = add_u64(s, after->seq);
    th_buf_printf(&s->text, " AND _time <= $%u", time);
    th_buf_printf(&s->text, " AND (_time < $%u OR _source > $%u OR (_source = $%u AND _seq > $%u))",
        time, source, source, seq);
}

void th_select_rows(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, uint64_t fields, const struct th_select_place *after,
    uint64_t limit)
{
    const struct th_kind_info *k = th_kind_get(from->kind);
    th_buf_puts(&s->text, "SELECT _time, _source, _seq, _entity, _peer");
    for (unsigned i = 0; i < k->field_count; i++)
        if (fields >> i & 1)
            th_buf_printf(&s->text, ", \"%s\"", k->fields[i].name);
    put_from(s, q, from);
    if (after)
        put_after(s, from->kind, after);
    th_buf_printf(&s->text, " ORDER BY _time DESC, _source, _seq LIMIT $%u",
        select_add_i64(s, (int64_t)limit));
    th_buf_u8(&s->text, 0);
}

void th_select_times(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, const struct th_select_place *after, uint64_t limit)
{
    th_buf_puts(&s->text, "SELECT _time");
    put_from(s, q, from);
    if (after)
        put_after(s, from->kind, after);
    th_buf_printf(&s->text, " ORDER BY _time DESC LIMIT $%u", select_add_i64(s, (int64_t)limit));
    th_buf_u8(&s->text, 0);
}

void th_select_histogram(struct th_select *s, const struct th_query *q,
    const struct th_select_from *from, int64_t base_ns, int64_t bucket_ns)
{
    th_buf_printf(&s->text, "SELECT (_time - $%u)", select_add_i64(s, base_ns));
    th_buf_printf(&s->text, " // $%u AS b, count(*) AS n", select_add_i64(s, bucket_ns));
    put_from(s, q, from);
    th_buf_puts(&s->text, " GROUP BY b");
    th_buf_u8(&s->text, 0);
}
