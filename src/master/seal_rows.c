/* SPDX-License-Identifier: Apache-2.0 */
#include "seal.h"

#include "base/time.h"

void th_seal_rows_done(struct th_seal_rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        th_segment_table_free(r->tables[i].rows);
    r->count = 0;
    r->rows = 0;
    memset(r->last, 0, sizeof(r->last));
}

static struct th_seal_table *find(struct th_seal_rows *r, unsigned kind, int64_t day_ns)
{
    size_t last = r->last[kind];
    if (last > 0 && r->tables[last - 1].day_ns == day_ns)
        return &r->tables[last - 1];
    for (size_t i = 0; i < r->count; i++)
        if (r->tables[i].kind == kind && r->tables[i].day_ns == day_ns) {
            r->last[kind] = (uint16_t)(i + 1);
            return &r->tables[i];
        }
    return NULL;
}

/* Any table of the kind: a segment's day is a help for merging, its extent is what counts. */
static struct th_seal_table *find_any(struct th_seal_rows *r, unsigned kind)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->tables[i].kind == kind)
            return &r->tables[i];
    return NULL;
}

static int make(struct th_seal_rows *r, unsigned kind, int64_t day_ns, struct th_seal_table **ret)
{
    TH_ASSERT(r->count < TH_ARRAY_LEN(r->tables));
    struct th_seal_table t = {.kind = kind, .day_ns = day_ns};
    int err = th_segment_table_new(r->duck, kind, &t.rows);
    if (err < 0)
        return err;
    r->tables[r->count++] = t;
    r->last[kind] = (uint16_t)r->count;
    *ret = &r->tables[r->count - 1];
    return 0;
}

int th_seal_rows_add(
    struct th_seal_rows *r, const struct th_event *ev, struct th_str entity, struct th_str peer)
{
    int64_t day_ns = th_time_floor(ev->time_ns, TH_NS_PER_DAY);
    struct th_seal_table *t = find(r, ev->kind, day_ns);
    if (!t && r->count >= TH_SEAL_TABLES)
        t = find_any(r, ev->kind);
    int err = t ? 0 : make(r, ev->kind, day_ns, &t);
    if (err == 0)
        err = th_segment_table_add(t->rows, ev, entity, peer);
    if (err == 0)
        r->rows++;
    return err;
}

bool th_seal_rows_full(const struct th_seal_rows *r)
{
    uint64_t text_bytes = 0;
    for (size_t i = 0; i < r->count; i++)
        text_bytes += th_segment_table_extent(r->tables[i].rows).text_bytes;
    return r->rows >= (r->max_rows ? r->max_rows : TH_SEAL_ROWS) ||
        text_bytes >= TH_SEAL_TEXT_BYTES || r->count > TH_SEAL_TABLES / 2;
}

void th_seal_rows_unchunk(struct th_seal_rows *r)
{
    for (size_t i = 0; i < r->count; i++)
        r->tables[i].chunked = 0;
}
