/* SPDX-License-Identifier: Apache-2.0 */
/* Logins, into the hour of the user whose name they were under. */
#include "learn_i.h"
#include "sketch/hll.h"

#define TOUCHES_AN_HOUR 64u /* of one user: nobody makes many hosts popular alone */
#define BETTER 1.1          /* as in note.c */

struct deed {
    struct th_learn *l;
    struct th_part *part;
    struct th_usr *user;
    struct th_usr_win *win;
    int64_t time_ns;
    uint16_t day;
};

static struct th_usr_end end_of(const struct th_peer *peer, const struct th_entity *device)
{
    struct th_usr_end e = {.peer_key = peer->key,
        .device = device ? device->id : 0,
        .addr = peer->addr,
        .slot = peer->slot,
        .port = peer->port,
        .inside = peer->inside,
        .has_addr = peer->has_addr};
    th_text_put(e.host, sizeof(e.host), peer->host);
    return e;
}

/* Tickets name hosts now with their domain, now without. */
static struct th_str host_label(struct th_str host)
{
    int64_t dot = th_str_index(host, '.');
    return dot > 0 ? th_str_n(host.p, (size_t)dot) : host;
}

static uint64_t label_key(const struct th_learn *l, struct th_str host)
{
    char label[TH_USER_HOST_LEN];
    struct th_str s = host_label(host);
    uint32_t n = TH_MIN(s.len, (uint32_t)sizeof(label));
    for (uint32_t i = 0; i < n; i++)
        label[i] = th_lower(s.p[i]);
    return th_siphash(&l->cfg.key, label, n) | 1;
}

/* Where it leads: a host that a ticket names, or who answers. Whoever has a name is known by it, so
 * that a host is one whichever of the two shows it. */
static struct th_usr_end target_of(const struct th_learn *l, const struct th_who *w)
{
    struct th_str answers = th_str_c(w->resp ? w->resp->hostname : "");
    struct th_str host = w->login.target.len ? w->login.target : answers;
    struct th_usr_end e = {.slot = UINT32_MAX, .inside = 1};
    if (w->login.target.len == 0 || th_str_ieq(host_label(host), host_label(answers)))
        e = end_of(&w->resp_peer, w->resp);
    else
        th_text_put(e.host, sizeof(e.host), host);
    if (host.len > 0)
        e.peer_key = label_key(l, host);
    return e;
}

/* Once a period each user counts for what it used, as devices do (novelty.c). */
static void count(struct deed *d, uint64_t key, uint16_t before)
{
    bool again = before != 0 && before / TH_PERIOD_DAYS == d->day / TH_PERIOD_DAYS;
    if (again || d->win->touches >= TOUCHES_AN_HOUR)
        return;
    d->win->touches++;
    uint32_t bit = (uint32_t)(th_hash_pair(d->user->id, key) % TH_TOUCH_BITS);
    th_touch_add(&d->part->touches, key, TH_TOUCH_DEVICE, bit + (before == 0 ? TH_TOUCH_BITS : 0));
}

/* The note of the key; else a free one, or that of what is less rare; NULL: there is none. */
static struct th_usr_note *note_of(
    const struct deed *d, enum th_user_side side, uint64_t key, bool make)
{
    struct th_usr_note *notes = d->win->notes[side];
    struct th_usr_note *least = NULL;
    double least_rarity = 0;
    for (unsigned i = 0; i < d->win->note_count[side]; i++) {
        double r = th_org_user_rarity(d->l->org, notes[i].key, false);
        if (notes[i].key == key)
            return &notes[i];
        if (!least || r < least_rarity) {
            least = &notes[i];
            least_rarity = r;
        }
    }
    if (!make)
        return NULL;
    if (d->win->note_count[side] < TH_USER_NOTES)
        return &notes[d->win->note_count[side]++];
    return th_org_user_rarity(d->l->org, key, false) > least_rarity * BETTER ? least : NULL;
}

static void use(struct deed *d, enum th_user_side side, const struct th_usr_end *end, uint64_t from)
{
    bool source = side == TH_USER_SOURCE;
    uint64_t key = th_hash_pair(end->peer_key, source ? TH_SALT_USER_SOURCE : TH_SALT_USER_TARGET);
    struct th_seen_slot *seen = source ? d->user->sources : d->user->targets;
    unsigned buckets = source ? TH_USER_SOURCE_BUCKETS : TH_USER_TARGET_BUCKETS;
    uint16_t before = th_seen_touch(seen, buckets, th_mix64(key), d->day, TH_SEEN_DAYS);
    count(d, key, before);
    d->win->tried[side] = 1;
    d->win->fresh[side] |= before == 0;
    struct th_usr_note *n = note_of(d, side, key, before == 0);
    if (!n)
        return;
    if (n->key != key)
        *n = (struct th_usr_note){.key = key, .from = from, .first_ns = d->time_ns, .end = *end};
    n->first_ns = TH_MIN(n->first_ns, d->time_ns);
    n->last_ns = TH_MAX(n->last_ns, d->time_ns);
    n->logins += n->logins < UINT32_MAX;
}

static bool is_itself(const struct th_entity *device, struct th_str host)
{
    return device && host.len > 0 &&
        th_str_ieq(host_label(th_str_c(device->hostname)), host_label(host));
}

static void let_in(struct deed *d, const struct th_who *w)
{
    struct th_usr_win *win = d->win;
    struct th_usr_end from = end_of(&w->orig_peer, w->orig);
    from.port = 0; /* of the client: any */
    if (win->tried[TH_USER_SOURCE] && win->source != from.device)
        win->several = 1;
    win->source = from.device;
    win->logins += w->login.outcome == TH_NET_LOGIN_OK;
    th_hll_add(win->hll_source, TH_USER_HLL_LOG2M, th_mix64(from.peer_key));
    use(d, TH_USER_SOURCE, &from, from.device);
    if (is_itself(w->orig, w->login.target))
        return;
    struct th_usr_end to = target_of(d->l, w);
    th_hll_add(win->hll_target, TH_USER_HLL_LOG2M, th_mix64(to.peer_key));
    use(d, TH_USER_TARGET, &to, from.device);
}

static void note_failed(struct deed *d, const struct th_who *w)
{
    struct th_usr_win *win = d->win;
    const struct th_peer *from = &w->orig_peer;
    win->refused++;
    win->failed_first_ns = TH_MIN(win->failed_first_ns, d->time_ns);
    win->failed_last_ns = TH_MAX(win->failed_last_ns, d->time_ns);
    th_hll_add(win->hll_failed, TH_USER_HLL_LOG2M, th_mix64(from->key));
    for (unsigned i = 0; i < win->examples; i++)
        if (th_addr_eq(&win->failed[i], &from->addr))
            return;
    if (win->examples < TH_USER_NOTES && from->has_addr)
        win->failed[win->examples++] = from->addr;
}

static void be_active(struct deed *d)
{
    uint16_t period = (uint16_t)(d->day / TH_PERIOD_DAYS + 1);
    if (period <= d->user->period)
        return;
    d->user->period = period;
    th_touch_add(&d->part->touches, 0, TH_TOUCH_USER_ACTIVE, 0);
}

/* Its earlier hours are whole now, and looked at once more. */
static void renew_looks(const struct deed *d)
{
    for (uint32_t i = d->user->wins; i != TH_POOL_NONE;) {
        struct th_usr_win *w = th_usr_win_at(d->part, i);
        if (w->start_ns < d->win->start_ns)
            w->looked = ~(uint32_t)w->events;
        i = w->next;
    }
}

/* False: its user is not ours, or has no room. */
static bool begin(struct th_learn *l, const struct th_event *ev, const struct th_net_login *login,
    struct deed *ret)
{
    struct th_part *part = l->parts[th_entity_partition(login->user)];
    uint32_t i = part ? th_usr_find(part, login->user) : TH_POOL_NONE;
    if (part && i == TH_POOL_NONE)
        i = th_usr_add(part, login->user, login->known, ev->time_ns, &l->stats);
    if (i == TH_POOL_NONE)
        return false;
    int64_t start = th_time_floor(ev->time_ns, TH_NS_PER_HOUR);
    int64_t day = th_time_floor(start, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    *ret = (struct deed){.l = l,
        .part = part,
        .user = th_usr_at(part, i),
        .win = th_usr_win_at(part, th_usr_window(part, i, start)),
        .time_ns = ev->time_ns,
        .day = (uint16_t)TH_MIN(TH_MAX(day, 1), UINT16_MAX)};
    if (ret->win->events == 0)
        renew_looks(ret);
    if (login->known && !ret->user->known) {
        ret->user->known = 1;
        part->users_tried--;
    }
    return true;
}

void th_learn_user(struct th_learn *l, const struct th_event *ev, const struct th_who *w)
{
    struct deed d;
    if (w->login.user == 0 || !begin(l, ev, &w->login, &d))
        return;
    d.win->events++;
    d.win->first_ns = TH_MIN(d.win->first_ns, ev->time_ns);
    d.win->last_ns = TH_MAX(d.win->last_ns, ev->time_ns);
    if (d.user->known)
        be_active(&d);
    if (w->login.outcome == TH_NET_LOGIN_FAILED)
        note_failed(&d, w);
    else
        let_in(&d, w);
}
