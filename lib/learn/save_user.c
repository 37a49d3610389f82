/* SPDX-License-Identifier: Apache-2.0 */
/* The users of a partition as bytes, as save.c has its devices: each record, then its windows. */
#include <math.h>

#include "base/cursor.h"
#include "learn_i.h"

#define MAX_WINDOWS 1000u /* open at once, of one user */

static void put_user(const struct th_part *p, const struct th_usr *u, struct th_buf *out)
{
    uint32_t wins[MAX_WINDOWS];
    uint32_t n = 0;
    for (uint32_t i = u->wins; i != TH_POOL_NONE && n < MAX_WINDOWS; i = th_usr_win_at(p, i)->next)
        wins[n++] = i;
    th_buf_put(out, u, sizeof(*u));
    th_buf_varint(out, n);
    while (n-- > 0) /* back to front: putting each in front gives the same chain */
        th_buf_put(out, th_usr_win_at(p, wins[n]), sizeof(struct th_usr_win));
}

void th_usr_put_all(const struct th_part *p, struct th_buf *out)
{
    th_buf_varint(out, p->users.live);
    for (uint32_t i = 0; i < p->users.used; i++)
        if (th_usr_at(p, i)->id != 0)
            put_user(p, th_usr_at(p, i), out);
}

static bool count_valid(float v)
{
    return isfinite(v) && v >= 0 && v < 1e18f;
}

static bool user_valid(const struct th_usr *u)
{
    bool ok = th_entity_is_user(u->id) && u->known <= 1 && count_valid(u->hours) &&
        count_valid(u->weight);
    for (unsigned i = 0; i < TH_USER_RATES; i++)
        ok = ok && th_moments_valid(&u->rates[i]);
    for (unsigned i = 0; i < TH_USER_SIDES; i++)
        ok = ok && count_valid(u->novel[i].hours) && count_valid(u->novel[i].fresh);
    return ok;
}

static bool window_valid(const struct th_usr_win *w)
{
    bool ok = w->events > 0 && w->start_ns == th_time_floor(w->start_ns, TH_NS_PER_HOUR) &&
        w->start_ns < INT64_MAX - TH_NS_PER_HOUR && w->examples <= TH_USER_NOTES;
    for (unsigned s = 0; s < TH_USER_SIDES && ok; s++) {
        ok = w->note_count[s] <= TH_USER_NOTES;
        for (unsigned i = 0; ok && i < TH_USER_NOTES; i++)
            ok = memchr(w->notes[s][i].end.host, '\0', TH_USER_HOST_LEN) != NULL;
    }
    return ok;
}

static void make_printable(struct th_usr_win *w)
{
    for (unsigned s = 0; s < TH_USER_SIDES; s++)
        for (unsigned i = 0; i < TH_USER_NOTES; i++)
            for (char *c = w->notes[s][i].end.host; *c; c++)
                *c = *c < ' ' || *c == 0x7f ? '?' : *c;
}

static void get_record(struct th_cur *c, void *to, size_t len)
{
    struct th_str s = th_cur_bytes(c, len);
    if (!c->failed)
        memcpy(to, s.p, len);
}

static void get_window(struct th_cur *c, struct th_part *p, uint32_t user)
{
    struct th_usr_win in = {0};
    get_record(c, &in, sizeof(in));
    if (c->failed || !window_valid(&in)) {
        th_cur_fail(c);
        return;
    }
    struct th_usr_win *w = th_usr_win_at(p, th_usr_window(p, user, in.start_ns));
    if (w->events != 0) { /* twice the same hour */
        th_cur_fail(c);
        return;
    }
    make_printable(&in);
    in.user = user;
    in.next = w->next;
    *w = in;
}

static void get_user(struct th_cur *c, struct th_part *p, unsigned partition)
{
    struct th_learn_stats stats = {0};
    struct th_usr in = {0};
    get_record(c, &in, sizeof(in));
    uint64_t windows = th_cur_varint(c);
    if (c->failed || !user_valid(&in) || windows > MAX_WINDOWS ||
        th_entity_partition(in.id) != partition || th_usr_find(p, in.id) != TH_POOL_NONE) {
        th_cur_fail(c);
        return;
    }
    uint32_t i = th_usr_add(p, in.id, in.known, in.first_ns, &stats);
    if (i == TH_POOL_NONE || stats.evicted_users > 0) { /* more than there can be */
        th_cur_fail(c);
        return;
    }
    in.wins = TH_POOL_NONE;
    *th_usr_at(p, i) = in;
    for (uint64_t n = 0; n < windows && !c->failed; n++)
        get_window(c, p, i);
}

void th_usr_get_all(struct th_cur *c, struct th_part *p, unsigned partition)
{
    uint64_t n = th_cur_varint(c);
    for (uint64_t i = 0; i < n && !c->failed; i++)
        get_user(c, p, partition);
}
