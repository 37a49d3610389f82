/* SPDX-License-Identifier: Apache-2.0 */
#include "measures.h"

#include <math.h>

#include "base/mem.h"

void th_measures_init(struct th_measures *m)
{
    *m = (struct th_measures){.batch = th_batch_writer_new()};
}

void th_measures_done(struct th_measures *m)
{
    th_batch_writer_free(m->batch);
    th_buf_done(&m->frames);
    th_buf_done(&m->known);
    *m = (struct th_measures){0};
}

void th_measures_clear(struct th_measures *m)
{
    th_measures_finish(m);
    th_buf_clear(&m->frames);
    th_buf_clear(&m->known);
    m->rows = 0;
}

void th_measures_finish(struct th_measures *m)
{
    struct th_batch_head head = {0};
    if (th_batch_count(m->batch) == 0)
        return;
    int r = th_batch_finish(m->batch, &head, &m->frames);
    TH_ASSERT(r == 0); /* our own rows, far from every limit */
}

static void put_row(struct th_measures *m, const struct th_window *w, const char *entity,
    const struct th_measure *v)
{
    struct th_ev_metric ev = {
        .h = {.kind = TH_KIND_METRIC, .time_ns = w->start_ns, .seq = m->rows++}};
    TH_SET(&ev, METRIC, ts, w->start_ns);
    TH_SET(&ev, METRIC, entity, th_str_c(entity));
    TH_SET(&ev, METRIC, feature, th_str_c(th_feature_get(v->feature)->name));
    TH_SET(&ev, METRIC, observed, v->observed);
    TH_SET(&ev, METRIC, expected, v->expected);
    TH_SET(&ev, METRIC, low, v->low);
    TH_SET(&ev, METRIC, high, v->high);
    TH_SET(&ev, METRIC, p, pow(10, -fmin(v->lgp, 300)));
    if (th_batch_full(m->batch))
        th_measures_finish(m);
    int r = th_batch_add(m->batch, &ev.h);
    TH_ASSERT(r == 0);
}

void th_measures_window(struct th_measures *m, const struct th_window *w)
{
    char entity[TH_ENTITY_TEXT_LEN];
    bool told[TH_FEATURE_COUNT] = {false};
    th_entity_text(w->entity, entity);
    for (uint32_t i = 0; i < w->measure_count; i++) {
        told[w->measures[i].feature] = true;
        put_row(m, w, entity, &w->measures[i]);
    }
    /* Of the others the rarest: signals come so. */
    for (uint32_t i = 0; i < w->count; i++) {
        const struct th_signal *s = &w->signals[i];
        if (told[s->feature])
            continue;
        told[s->feature] = true;
        struct th_measure v = {.feature = s->feature,
            .observed = s->observed,
            .expected = s->expected,
            .low = s->low,
            .high = s->high,
            .lgp = s->lgp};
        put_row(m, w, entity, &v);
    }
    struct th_known k = {
        .entity = w->entity, .learned_hours = w->learned_hours + 1, .habit = w->habit};
    th_buf_put(&m->known, &k, sizeof(k));
}

static int by_entity(const void *a, const void *b)
{
    const struct th_known *x = a;
    const struct th_known *y = b;
    if (x->entity != y->entity)
        return x->entity < y->entity ? -1 : 1;
    return (x->learned_hours > y->learned_hours) - (x->learned_hours < y->learned_hours);
}

size_t th_measures_sort(struct th_measures *m, const struct th_known **ret)
{
    struct th_known *v = (struct th_known *)(void *)m->known.p;
    size_t n = m->known.len / sizeof(*v);
    size_t kept = 0;
    if (n > 0)
        qsort(v, n, sizeof(*v), by_entity);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || v[i + 1].entity != v[i].entity)
            v[kept++] = v[i];
    m->known.len = kept * sizeof(*v);
    *ret = v;
    return kept;
}
