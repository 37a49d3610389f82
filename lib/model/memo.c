/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered under a key: an open table. Order plays no part, since only keys and times are
 * asked. */
#include <math.h>

#include "model_i.h"

struct memo *memo_find(const struct memos *t, uint64_t key)
{
    for (uint32_t at = (uint32_t)key; t->cells; at++) {
        struct memo *c = &t->cell[at & (t->cells - 1)];
        if (c->key == key)
            return c;
        if (!c->key)
            return NULL;
    }
    return NULL;
}

static void place(struct memos *t, const struct memo *v)
{
    uint32_t at = (uint32_t)v->key;
    while (t->cell[at & (t->cells - 1)].key)
        at++;
    t->cell[at & (t->cells - 1)] = *v;
    t->count++;
}

void memo_put(struct memos *t, const struct memo *v)
{
    struct memo *c = memo_find(t, v->key);
    if (c) {
        *c = *v;
        return;
    }
    if (t->count >= t->cells / 2) {
        struct memos bigger = {.cells = t->cells ? t->cells * 2 : 256, .dropped = t->dropped};
        bigger.cell = th_xcalloc(bigger.cells, sizeof(*bigger.cell));
        for (uint32_t i = 0; i < t->cells; i++)
            if (t->cell[i].key)
                place(&bigger, &t->cell[i]);
        free(t->cell);
        *t = bigger;
    }
    place(t, v);
}

static int newest_first(const void *a, const void *b)
{
    const struct memo *x = a;
    const struct memo *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns > y->time_ns ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

void memo_sweep(struct memos *t, int64_t now_ns)
{
    struct memos kept = {.cells = t->cells, .dropped = t->dropped};
    if (!t->cells)
        return;
    kept.cell = th_xcalloc(kept.cells, sizeof(*kept.cell));
    qsort(t->cell, t->cells, sizeof(*t->cell), newest_first);
    for (uint32_t i = 0; i < t->cells; i++) {
        if (!t->cell[i].key || th_time_sub(now_ns, t->cell[i].time_ns) >= MEMO_KEEP_NS)
            continue;
        if (kept.count < MAX_MEMOS)
            place(&kept, &t->cell[i]);
        else
            kept.dropped++;
    }
    free(t->cell);
    *t = kept;
}

static int by_key(const void *a, const void *b)
{
    const struct memo *x = a;
    const struct memo *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

void memo_note(struct memo_list *l, const struct memo *v)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = th_xreallocarray(l->v, l->cap, sizeof(*l->v));
    }
    l->v[l->count++] = *v;
}

static void put(struct th_buf *out, const struct memo *v)
{
    th_buf_le64(out, v->key);
    th_buf_le64(out, (uint64_t)v->time_ns);
    th_buf_double(out, v->value);
    th_buf_double(out, v->before);
    th_buf_le64(out, (uint64_t)v->since_ns);
    th_buf_varint(out, v->hours);
}

void memo_list_put(struct memo_list *l, struct th_buf *out)
{
    th_buf_varint(out, l->count);
    for (uint32_t i = 0; i < l->count; i++)
        put(out, &l->v[i]);
    l->count = 0;
}

void memos_put(const struct memos *t, struct th_buf *out)
{
    TH_AUTOFREE struct memo *v = th_xcalloc(t->cells + 1, sizeof(*v));
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->cells; i++)
        if (t->cell[i].key)
            v[n++] = t->cell[i];
    qsort(v, n, sizeof(*v), by_key);
    th_buf_varint(out, n);
    for (uint32_t i = 0; i < n; i++)
        put(out, &v[i]);
}

bool memos_get(struct memos *t, struct th_cur *c)
{
    uint64_t n = th_cur_varint(c);
    if (n > 2 * (uint64_t)MAX_MEMOS)
        return false;
    for (; n > 0 && !c->failed; n--) {
        struct memo v = {.key = th_cur_le64(c)};
        v.time_ns = (int64_t)th_cur_le64(c);
        v.value = th_cur_double(c);
        v.before = th_cur_double(c);
        v.since_ns = (int64_t)th_cur_le64(c);
        uint64_t hours = th_cur_varint(c);
        if (c->failed || v.key == 0 || hours > UINT32_MAX || !isfinite(v.value) ||
            !isfinite(v.before))
            return false;
        v.hours = (uint32_t)hours;
        memo_put(t, &v);
    }
    return !c->failed;
}
