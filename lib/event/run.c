/* SPDX-License-Identifier: Apache-2.0 */
#include "event/run.h"

#include "event/batch.h"

/* Its time and rank beside it: most comparisons need nothing else, and events are spread over
 * megabytes. */
struct item {
    int64_t time_ns;
    struct th_event *ev;
    unsigned rank; /* of its kind */
};

struct th_sorter {
    struct th_sink out;
    size_t max_events, max_bytes;
    struct th_arena arena;
    struct item *items;
    size_t count, cap;
};

/* Events that are fetched into the cache before their turn. */
enum { FETCH_AHEAD = 3, FETCH_BYTES = 512, LINE_BYTES = 64 };
/* So few are sorted by putting each in its place. */
enum { INSERTED_MAX = 12 };

/* ---- copies ---- */

static struct th_strs copy_strs(struct th_arena *a, struct th_strs s)
{
    struct th_str *v = s.n ? th_arena_alloc(a, s.n * sizeof(*v)) : NULL;
    if (!v)
        return (struct th_strs){0};
    for (uint32_t i = 0; i < s.n; i++)
        v[i] = th_arena_str(a, s.v[i]);
    return (struct th_strs){.v = v, .n = s.n};
}

static const void *copy_bytes(struct th_arena *a, const void *p, size_t len)
{
    void *copy = len ? th_arena_alloc(a, len) : NULL;
    if (copy)
        memcpy(copy, p, len);
    return copy;
}

/* Gives one field of a copied struct bytes of its own. */
static void own_field(struct th_arena *a, void *field, uint8_t type)
{
    switch (type) {
    case TH_TYPE_STRING: {
        struct th_str *s = field;
        *s = th_arena_str(a, *s);
        break;
    }
    case TH_TYPE_STRINGS: {
        struct th_strs *s = field;
        *s = copy_strs(a, *s);
        break;
    }
    case TH_TYPE_INTERVALS: {
        struct th_spans *s = field;
        s->v = copy_bytes(a, s->v, s->n * sizeof(*s->v));
        s->n = s->v ? s->n : 0;
        break;
    }
    case TH_TYPE_ADDRS: {
        struct th_addrs *s = field;
        s->v = copy_bytes(a, s->v, s->n * sizeof(*s->v));
        s->n = s->v ? s->n : 0;
        break;
    }
    default: break;
    }
}

struct th_event *th_event_copy(struct th_arena *a, const struct th_event *ev)
{
    const struct th_kind_info *k = th_kind_get(ev->kind);
    TH_ASSERT(k);
    struct th_event *copy = th_arena_alloc(a, k->size_bytes);
    if (!copy)
        return NULL;
    memcpy(copy, ev, k->size_bytes);
    for (uint64_t m = ev->set & k->refers; m; m &= m - 1) {
        const struct th_field_info *f = &k->fields[__builtin_ctzll(m)];
        own_field(a, (uint8_t *)copy + f->offset, f->type);
    }
    return copy;
}

/* ---- sorting ---- */

struct th_sorter *th_sorter_new(size_t max_events, size_t max_bytes, const struct th_sink *out)
{
    struct th_sorter *s = th_xcalloc(1, sizeof(*s));
    s->out = *out;
    s->max_events = max_events ? max_events : TH_RUN_MAX_EVENTS;
    s->max_bytes = max_bytes ? max_bytes : TH_RUN_MAX_BYTES;
    s->arena.keep = true;
    return s;
}

void th_sorter_free(struct th_sorter *s)
{
    if (!s)
        return;
    th_arena_done(&s->arena);
    free(s->items);
    free(s);
}

static inline bool is_before(const struct item *a, const struct item *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return th_event_cmp(a->ev, b->ev) < 0;
}

static void insert_each(struct item *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct item one = v[i];
        size_t at = i;
        for (; at > 0 && is_before(&one, &v[at - 1]); at--)
            v[at] = v[at - 1];
        v[at] = one;
    }
}

/* Merge sort, stable, with the comparison in line; halves that follow each other are left as they
 * are. spare has room for n / 2. */
static void sort(struct item *v, struct item *spare, size_t n)
{
    size_t half = n / 2;
    if (n <= INSERTED_MAX) {
        insert_each(v, n);
        return;
    }
    sort(v, spare, half);
    sort(v + half, spare, n - half);
    if (!is_before(&v[half], &v[half - 1]))
        return;
    memcpy(spare, v, half * sizeof(*v));
    const struct item *a = spare, *a_end = spare + half, *b = v + half, *b_end = v + n;
    while (a < a_end && b < b_end)
        *v++ = is_before(b, a) ? *b++ : *a++;
    memcpy(v, a, (size_t)(a_end - a) * sizeof(*v)); /* what is left of b is in its place */
}

static void fetch(const struct th_sorter *s, size_t i)
{
    if (i >= s->count)
        return;
    const char *p = (const char *)s->items[i].ev;
    for (size_t at = 0; at < FETCH_BYTES; at += LINE_BYTES)
        __builtin_prefetch(p + at);
}

int th_sorter_flush(struct th_sorter *s)
{
    int r = 0;
    struct item *spare = th_xreallocarray(NULL, s->count / 2, sizeof(*spare));
    sort(s->items, spare, s->count);
    free(spare);
    for (size_t i = 0; r == 0 && i < s->count; i++) {
        fetch(s, i + FETCH_AHEAD);
        r = th_sink_put(&s->out, s->items[i].ev);
    }
    s->count = 0;
    th_arena_reset(&s->arena);
    return r;
}

bool th_sorter_full(const struct th_sorter *s)
{
    return s->count >= s->max_events || s->arena.used_bytes >= s->max_bytes;
}

int th_sorter_put(struct th_sorter *s, const struct th_event *ev)
{
    int r = th_sorter_full(s) ? th_sorter_flush(s) : 0;
    if (r < 0)
        return r;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->items = th_xreallocarray(s->items, s->cap, sizeof(*s->items));
    }
    struct th_event *copy = th_event_copy(&s->arena, ev);
    TH_ASSERT(copy); /* the arena has no limit of its own */
    s->items[s->count++] =
        (struct item){.time_ns = copy->time_ns, .ev = copy, .rank = th_kind_rank(copy->kind)};
    return 0;
}

/* ---- runs as frames ---- */

struct th_run_writer {
    struct th_byte_sink out;
    struct th_sorter *sorter;
    struct th_batch_writer *batch;
    struct th_buf frame;
    uint32_t input;
    uint32_t run;
    uint64_t oversize;
};

static int finish_batch(struct th_run_writer *w)
{
    struct th_batch_head head = {.input = w->input, .run = w->run};
    if (th_batch_count(w->batch) == 0)
        return 0;
    th_buf_clear(&w->frame);
    int r = th_batch_finish(w->batch, &head, &w->frame);
    return r < 0 ? r : w->out.write(w->out.arg, th_buf_view(&w->frame));
}

/* The sorter's sink. */
static int add_sorted(void *arg, const struct th_event *ev)
{
    struct th_run_writer *w = arg;
    int r = th_batch_full(w->batch) ? finish_batch(w) : 0;
    if (r == 0)
        r = th_batch_add(w->batch, ev);
    if (r == TH_E_LIMIT) { /* larger than the room that was left */
        r = finish_batch(w);
        if (r == 0)
            r = th_batch_add(w->batch, ev);
    }
    if (r != -EMSGSIZE)
        return r;
    w->oversize++;
    return 0;
}

uint64_t th_run_writer_oversize(const struct th_run_writer *w)
{
    return w->oversize;
}

struct th_run_writer *th_run_writer_new(const struct th_byte_sink *out)
{
    struct th_run_writer *w = th_xcalloc(1, sizeof(*w));
    struct th_sink sink = {.put = add_sorted, .arg = w};
    w->out = *out;
    w->sorter = th_sorter_new(0, 0, &sink);
    w->batch = th_batch_writer_new();
    return w;
}

void th_run_writer_free(struct th_run_writer *w)
{
    if (!w)
        return;
    th_sorter_free(w->sorter);
    th_batch_writer_free(w->batch);
    th_buf_done(&w->frame);
    free(w);
}

int th_run_writer_flush(struct th_run_writer *w)
{
    int r = th_sorter_flush(w->sorter);
    if (r == 0)
        r = finish_batch(w);
    w->run++;
    return r;
}

int th_run_writer_input(struct th_run_writer *w, uint32_t input)
{
    int r = input == w->input ? 0 : th_run_writer_flush(w);
    if (r == 0)
        w->input = input;
    return r;
}

int th_run_writer_put(struct th_run_writer *w, const struct th_event *ev)
{
    int r = th_sorter_full(w->sorter) ? th_run_writer_flush(w) : 0;
    return r < 0 ? r : th_sorter_put(w->sorter, ev);
}
