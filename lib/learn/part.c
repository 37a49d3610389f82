/* SPDX-License-Identifier: Apache-2.0 */
#include "learn_i.h"

#include "base/hash.h"

#define FIRST_INDEX 16u
#define FIRST_BUCKETS 2u

struct th_part *th_part_new(void)
{
    struct th_part *p = th_xcalloc(1, sizeof(*p));
    th_pool_init(&p->devs, sizeof(struct th_dev));
    th_pool_init(&p->callers, sizeof(struct th_callers));
    th_pool_init(&p->wins, sizeof(struct th_win));
    th_pool_init(&p->called, sizeof(struct th_called));
    th_pool_init(&p->failed, sizeof(struct th_failed));
    th_pool_init(&p->notes, sizeof(struct th_note));
    th_pool_init(&p->words, sizeof(struct th_words));
    th_pool_init(&p->users, sizeof(struct th_usr));
    th_pool_init(&p->user_wins, sizeof(struct th_usr_win));
    p->index_cap = FIRST_INDEX;
    p->index = th_xmalloc(p->index_cap * sizeof(*p->index));
    memset(p->index, 0xff, p->index_cap * sizeof(*p->index));
    th_pairs_init(p, FIRST_BUCKETS);
    return p;
}

void th_part_free(struct th_part *p)
{
    if (!p)
        return;
    th_pool_done(&p->devs);
    th_pool_done(&p->callers);
    th_pool_done(&p->wins);
    th_pool_done(&p->called);
    th_pool_done(&p->failed);
    th_pool_done(&p->notes);
    th_pool_done(&p->words);
    th_pool_done(&p->users);
    th_pool_done(&p->user_wins);
    free(p->user_index);
    th_touches_done(&p->touches);
    free(p->index);
    free(p->pairs);
    free(p->tags);
    free(p);
}

static uint32_t index_place(const struct th_part *p, uint64_t entity)
{
    uint32_t i = (uint32_t)(th_mix64(entity) >> 32) & (p->index_cap - 1);
    while (p->index[i] != TH_POOL_NONE && th_dev_at(p, p->index[i])->id != entity)
        i = (i + 1) & (p->index_cap - 1);
    return i;
}

uint32_t th_part_find(const struct th_part *p, uint64_t entity)
{
    return p->index[index_place(p, entity)];
}

static void index_rebuild(struct th_part *p, uint32_t cap)
{
    uint32_t *old = p->index;
    uint32_t old_cap = p->index_cap;
    p->index = th_xmalloc(cap * sizeof(*p->index));
    memset(p->index, 0xff, cap * sizeof(*p->index));
    p->index_cap = cap;
    for (uint32_t i = 0; i < old_cap; i++) {
        if (old[i] != TH_POOL_NONE && th_dev_at(p, old[i])->id != 0)
            p->index[index_place(p, th_dev_at(p, old[i])->id)] = old[i];
    }
    free(old);
}

uint32_t th_part_add(struct th_part *p, uint64_t entity, int64_t time_ns)
{
    if (entity == 0 || p->devs.live >= TH_DEVS_MAX)
        return TH_POOL_NONE;
    if (p->devs.live >= p->index_cap / 2)
        index_rebuild(p, p->index_cap * 2);
    uint32_t i = th_pool_take(&p->devs);
    struct th_dev *d = th_dev_at(p, i);
    d->id = entity;
    d->first_ns = time_ns;
    d->closed_ns = TH_TIME_UNSET;
    d->wins = TH_POOL_NONE;
    d->callers = TH_POOL_NONE;
    p->index[index_place(p, entity)] = i;
    return i;
}

void th_part_remove(struct th_part *p, uint32_t dev)
{
    struct th_dev *d = th_dev_at(p, dev);
    while (d->wins != TH_POOL_NONE)
        th_part_window_free(p, d->wins);
    th_pool_drop(&p->callers, &d->callers);
    d->id = 0;
    index_rebuild(p, p->index_cap);
    th_pool_give(&p->devs, dev);
}

uint32_t th_part_window(struct th_part *p, uint32_t dev, int64_t start_ns)
{
    struct th_dev *d = th_dev_at(p, dev);
    for (uint32_t i = d->wins; i != TH_POOL_NONE; i = th_win_at(p, i)->next) {
        if (th_win_at(p, i)->start_ns == start_ns)
            return i;
    }
    uint32_t i = th_pool_take(&p->wins);
    struct th_win *w = th_win_at(p, i);
    w->dev = dev;
    w->start_ns = start_ns;
    w->first_ns = INT64_MAX;
    w->last_ns = INT64_MIN;
    w->notes = TH_POOL_NONE;
    w->called = TH_POOL_NONE;
    w->failed = TH_POOL_NONE;
    w->next = d->wins;
    d->wins = i;
    return i;
}

void th_part_window_free(struct th_part *p, uint32_t win)
{
    struct th_win *w = th_win_at(p, win);
    for (uint32_t n = w->notes; n != TH_POOL_NONE;) {
        uint32_t next = th_note_at(p, n)->next;
        th_pool_drop(&p->words, &th_note_at(p, n)->words);
        th_pool_give(&p->notes, n);
        n = next;
    }
    th_pool_drop(&p->called, &w->called);
    th_pool_drop(&p->failed, &w->failed);
    struct th_dev *d = th_dev_at(p, w->dev);
    uint32_t *link = &d->wins;
    while (*link != win)
        link = &th_win_at(p, *link)->next;
    *link = w->next;
    th_pool_give(&p->wins, win);
}

const struct th_called *th_part_called_look(const struct th_part *p, const struct th_win *w)
{
    static const struct th_called none;
    return th_pool_look(&p->called, w->called, &none);
}

const struct th_failed *th_part_failed_look(const struct th_part *p, const struct th_win *w)
{
    static const struct th_failed none;
    return th_pool_look(&p->failed, w->failed, &none);
}

const struct th_words *th_part_words_look(const struct th_part *p, const struct th_note *n)
{
    static const struct th_words none;
    return th_pool_look(&p->words, n->words, &none);
}

uint64_t th_part_bytes(const struct th_part *p)
{
    return th_pool_bytes(&p->devs) + th_pool_bytes(&p->callers) + th_pool_bytes(&p->wins) +
        th_pool_bytes(&p->called) + th_pool_bytes(&p->failed) + th_pool_bytes(&p->notes) +
        th_pool_bytes(&p->words) + th_pool_bytes(&p->users) + th_pool_bytes(&p->user_wins) +
        (uint64_t)p->user_index_cap * sizeof(*p->user_index) +
        (uint64_t)p->index_cap * sizeof(*p->index) +
        (uint64_t)p->buckets * TH_PAIR_WAYS * (sizeof(*p->pairs) + sizeof(*p->tags));
}
