/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a partition's users. */
#include "learn_i.h"

#define FIRST_INDEX 16u

static uint32_t index_place(const struct th_part *p, uint64_t entity)
{
    uint32_t i = (uint32_t)(th_mix64(entity) >> 32) & (p->user_index_cap - 1);
    while (p->user_index[i] != TH_POOL_NONE && th_usr_at(p, p->user_index[i])->id != entity)
        i = (i + 1) & (p->user_index_cap - 1);
    return i;
}

uint32_t th_usr_find(const struct th_part *p, uint64_t entity)
{
    return p->user_index_cap > 0 ? p->user_index[index_place(p, entity)] : TH_POOL_NONE;
}

static void index_rebuild(struct th_part *p, uint32_t cap)
{
    free(p->user_index);
    p->user_index = th_xmalloc(cap * sizeof(*p->user_index));
    memset(p->user_index, 0xff, cap * sizeof(*p->user_index));
    p->user_index_cap = cap;
    for (uint32_t i = 0; i < p->users.used; i++)
        if (th_usr_at(p, i)->id != 0)
            p->user_index[index_place(p, th_usr_at(p, i)->id)] = i;
}

/* Whoever has no hour under way and was longest away. */
static uint32_t longest_away(const struct th_part *p)
{
    uint32_t best = TH_POOL_NONE;
    for (uint32_t i = 0; i < p->users.used; i++) {
        const struct th_usr *u = th_usr_at(p, i);
        if (u->id == 0 || u->wins != TH_POOL_NONE)
            continue;
        const struct th_usr *other = best == TH_POOL_NONE ? NULL : th_usr_at(p, best);
        if (!other || u->closed_ns < other->closed_ns ||
            (u->closed_ns == other->closed_ns && u->id < other->id))
            best = i;
    }
    return best;
}

static bool make_room(struct th_part *p, bool known, struct th_learn_stats *stats)
{
    if (!known && p->users_tried >= TH_USERS_TRIED_MAX) {
        stats->refused_users++;
        return false;
    }
    if (p->users.live < TH_USERS_MAX)
        return true;
    uint32_t least = longest_away(p);
    if (least == TH_POOL_NONE) {
        stats->refused_users++;
        return false;
    }
    th_usr_remove(p, least);
    stats->evicted_users++;
    return true;
}

uint32_t th_usr_add(
    struct th_part *p, uint64_t entity, bool known, int64_t time_ns, struct th_learn_stats *stats)
{
    if (!make_room(p, known, stats))
        return TH_POOL_NONE;
    uint32_t i = th_pool_take(&p->users);
    struct th_usr *u = th_usr_at(p, i);
    u->first_ns = time_ns;
    u->closed_ns = TH_TIME_UNSET;
    u->wins = TH_POOL_NONE;
    u->known = known;
    p->users_tried += !known;
    if (p->users.live > p->user_index_cap / 2)
        index_rebuild(p, p->user_index_cap ? p->user_index_cap * 2 : FIRST_INDEX);
    u->id = entity;
    p->user_index[index_place(p, entity)] = i;
    return i;
}

void th_usr_remove(struct th_part *p, uint32_t user)
{
    struct th_usr *u = th_usr_at(p, user);
    while (u->wins != TH_POOL_NONE)
        th_usr_window_free(p, u->wins);
    p->users_tried -= !u->known;
    u->id = 0;
    index_rebuild(p, p->user_index_cap);
    th_pool_give(&p->users, user);
}

uint32_t th_usr_window(struct th_part *p, uint32_t user, int64_t start_ns)
{
    struct th_usr *u = th_usr_at(p, user);
    for (uint32_t i = u->wins; i != TH_POOL_NONE; i = th_usr_win_at(p, i)->next)
        if (th_usr_win_at(p, i)->start_ns == start_ns)
            return i;
    uint32_t i = th_pool_take(&p->user_wins);
    struct th_usr_win *w = th_usr_win_at(p, i);
    w->user = user;
    w->start_ns = start_ns;
    w->first_ns = w->failed_first_ns = INT64_MAX;
    w->last_ns = w->failed_last_ns = INT64_MIN;
    w->next = u->wins;
    u->wins = i;
    return i;
}

void th_usr_window_free(struct th_part *p, uint32_t win)
{
    struct th_usr_win *w = th_usr_win_at(p, win);
    uint32_t *link = &th_usr_at(p, w->user)->wins;
    while (*link != win)
        link = &th_usr_win_at(p, *link)->next;
    *link = w->next;
    th_pool_give(&p->user_wins, win);
}

void th_usr_forget_old(struct th_part *p, int64_t until_ns)
{
    for (uint32_t i = 0; i < p->users.used; i++) {
        const struct th_usr *u = th_usr_at(p, i);
        if (u->id != 0 && u->wins == TH_POOL_NONE && u->closed_ns != TH_TIME_UNSET &&
            th_time_sub(until_ns, u->closed_ns) > TH_DEV_FORGET_NS)
            th_usr_remove(p, i);
    }
}
