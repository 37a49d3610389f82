/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "learn_i.h"

struct th_learn *th_learn_new(const struct th_learn_config *config)
{
    struct th_learn *l = th_xcalloc(1, sizeof(*l));
    l->cfg = *config;
    l->round = 1;
    l->org = th_org_new();
    l->org->without = config->without.parts;
    l->pending = th_xcalloc(1, sizeof(*l->pending));
    l->domains = th_xcalloc(TH_DOMAIN_CACHE, sizeof(*l->domains));
    l->signals = th_xcalloc(TH_SIGNALS_MAX, sizeof(*l->signals));
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        if (config->partitions >> p & 1)
            l->parts[p] = th_part_new();
    }
    return l;
}

void th_learn_free(struct th_learn *l)
{
    if (!l)
        return;
    for (unsigned p = 0; p < TH_PARTITIONS; p++)
        th_part_free(l->parts[p]);
    th_org_free(l->org);
    free(l->pending);
    free(l->domains);
    free(l->signals);
    free(l->slots);
    free(l);
}

static struct th_slot *slot_of(struct th_learn *l, uint32_t slot)
{
    if (slot >= l->slot_cap) {
        uint32_t cap = TH_MAX(l->slot_cap * 2, slot + 64);
        l->slots = th_xreallocarray(l->slots, cap, sizeof(*l->slots));
        memset(l->slots + l->slot_cap, 0, (cap - l->slot_cap) * sizeof(*l->slots));
        l->slot_cap = cap;
    }
    return &l->slots[slot];
}

/* The device and its window of that hour into the slot; true when the window is new. */
static bool locate(struct th_learn *l, struct th_slot *s, struct th_part *part,
    const struct th_entity *e, int64_t start_ns, int64_t time_ns)
{
    if (s->entity == e->id && s->start_ns == start_ns && s->round == l->round) {
        /* The two are far apart: let the misses overlap. */
        __builtin_prefetch(s->dev);
        __builtin_prefetch(s->win);
        __builtin_prefetch((const uint8_t *)s->win + 64);
        return false;
    }
    *s = (struct th_slot){0};
    uint32_t i = th_part_find(part, e->id);
    if (i == TH_POOL_NONE)
        i = th_part_add(part, e->id, time_ns);
    if (i == TH_POOL_NONE)
        return false;
    s->dev = th_dev_at(part, i);
    s->dev->slot = e->slot;
    s->win = th_win_at(part, th_part_window(part, i, start_ns));
    s->entity = e->id;
    s->start_ns = start_ns;
    s->round = l->round;
    return s->win->events == 0;
}

/* The device has gone on: its earlier hours are whole now, and looked at once more. */
static void renew_looks(struct th_part *part, const struct th_dev *d, int64_t start_ns)
{
    for (uint32_t i = d->wins; i != TH_POOL_NONE; i = th_win_at(part, i)->next) {
        struct th_win *w = th_win_at(part, i);
        if (w->start_ns < start_ns)
            w->looked = ~(uint32_t)w->events;
    }
}

static void be_active(struct th_act *a, int64_t hour)
{
    struct th_dev *d = a->dev;
    int64_t ahead = hour - d->hours_at;
    if (ahead > 0)
        d->strange_bits = ahead < 32 ? d->strange_bits << ahead : 0;
    if (d->hours_bits == 0 || ahead >= 64)
        d->hours_bits = 1;
    else if (ahead > 0)
        d->hours_bits = d->hours_bits << ahead | 1;
    else if (ahead > -64) /* another source was ahead of this one */
        d->hours_bits |= UINT64_C(1) << -ahead;
    if (ahead > 0 || d->hours_at == 0)
        d->hours_at = hour;
    uint16_t period = (uint16_t)(a->day / TH_PERIOD_DAYS + 1);
    if (period > d->period) {
        d->period = period;
        th_touch_add(&a->part->touches, 0, TH_TOUCH_ACTIVE, 0);
    }
}

/* Opens the act of a device that is ours; false for others. */
static bool begin(struct th_learn *l, const struct th_entity *e, uint64_t peer_key,
    const struct th_event *ev, struct th_act *ret)
{
    if (!e || e->kind != TH_ENTITY_DEVICE)
        return false;
    struct th_part *part = l->parts[th_entity_partition(e->id)];
    if (!part)
        return false;
    int64_t start = th_time_floor(ev->time_ns, TH_NS_PER_HOUR);
    struct th_slot *slot = slot_of(l, e->slot);
    bool opened = locate(l, slot, part, e, start, ev->time_ns);
    struct th_dev *d = slot->dev;
    struct th_win *w = slot->win;
    if (!d)
        return false;
    int64_t day = th_time_floor(start, TH_NS_PER_DAY) / TH_NS_PER_DAY;
    /* What follows looks at all of these: let the misses overlap. */
    __builtin_prefetch(w->v);
    __builtin_prefetch(w->v + 8);
    __builtin_prefetch(w->hll_ext);
    __builtin_prefetch(&d->seen[th_seen_bucket(th_mix64(peer_key), TH_SEEN_BUCKETS)]);
    if (peer_key != 0)
        th_pair_prefetch(part, th_pair_own(l, d, peer_key, TH_PAIR_HOST));
    *ret = (struct th_act){.l = l,
        .part = part,
        .dev = d,
        .win = w,
        .time_ns = ev->time_ns,
        .day = (uint16_t)TH_MIN(TH_MAX(day, 1), UINT16_MAX),
        .late = start < d->closed_ns};
    if (opened) {
        renew_looks(part, d, start);
        be_active(ret, start / TH_NS_PER_HOUR);
        d->kin = e->type < TH_DEVICE_TYPE_COUNT ? e->type : 0;
    }
    w->events++;
    w->first_ns = TH_MIN(w->first_ns, ev->time_ns);
    w->last_ns = TH_MAX(w->last_ns, ev->time_ns);
    l->stats.late_events += ret->late;
    return true;
}

static void dispatch(
    struct th_act *orig, struct th_act *resp, const struct th_event *ev, const struct th_who *w)
{
#define AS(type) ((const struct th_ev_##type *)ev)
    switch (ev->kind) {
    case TH_KIND_CONN: th_learn_conn(orig, resp, AS(conn), w); break;
    case TH_KIND_SSH: th_learn_ssh(orig, resp, AS(ssh), w); break;
    case TH_KIND_FILES: th_learn_files(orig, resp, AS(files), w); break;
    case TH_KIND_ARP: th_learn_arp(orig, resp, AS(arp)); break;
    case TH_KIND_KERBEROS: th_learn_kerberos(orig, resp, AS(kerberos), w); break;
    case TH_KIND_NTLM: th_learn_ntlm(orig, resp, AS(ntlm), w); break;
    case TH_KIND_RDP: th_learn_rdp(orig, resp, AS(rdp), w); break;
    case TH_KIND_LOGIN: th_learn_login_read(orig, resp, AS(login), w); break;
    case TH_KIND_DNS: th_learn_dns(orig, resp, AS(dns)); break;
    default: break;
    }
    if (!orig)
        return;
    switch (ev->kind) {
    case TH_KIND_HTTP: th_learn_http(orig, AS(http), w); break;
    case TH_KIND_SSL: th_learn_ssl(orig, AS(ssl), w); break;
    case TH_KIND_SMB_FILES: th_learn_smb_files(orig, AS(smb_files), w); break;
    case TH_KIND_SMB_MAPPING: th_learn_smb_mapping(orig, AS(smb_mapping), w); break;
    case TH_KIND_DCE_RPC: th_learn_rpc(orig, AS(dce_rpc), w); break;
    case TH_KIND_MODBUS: th_learn_modbus(orig, AS(modbus), w); break;
    case TH_KIND_DNP3: th_learn_dnp3(orig, AS(dnp3), w); break;
    case TH_KIND_S7COMM: th_learn_s7comm(orig, AS(s7comm), w); break;
    case TH_KIND_ENIP: th_learn_enip(orig, AS(enip), w); break;
    case TH_KIND_BACNET: th_learn_bacnet(orig, AS(bacnet), w); break;
    default: break;
    }
#undef AS
}

void th_learn_event(struct th_learn *l, const struct th_event *ev, const struct th_who *who)
{
    struct th_act orig;
    struct th_act resp;
    l->stats.events++;
    bool has_orig = begin(l, who->orig, who->resp_peer.key, ev, &orig);
    bool has_resp = who->resp != who->orig && begin(l, who->resp, 0, ev, &resp);
    if (has_orig || has_resp)
        dispatch(has_orig ? &orig : NULL, has_resp ? &resp : NULL, ev, who);
    th_learn_user(l, ev, who);
}

struct due {
    int64_t start_ns;
    uint64_t entity; /* a device or a user */
    uint32_t part, win;
};

struct dues {
    struct due *v;
    size_t n, cap;
    int64_t until_ns;
};

static int due_order(const void *a, const void *b)
{
    const struct due *x = a;
    const struct due *y = b;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return (x->entity > y->entity) - (x->entity < y->entity);
}

static void add_due(
    struct dues *all, uint32_t part, uint64_t entity, int64_t start_ns, uint32_t win)
{
    if (th_time_add(start_ns, TH_NS_PER_HOUR) > all->until_ns)
        return;
    if (all->n == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 256;
        all->v = th_xreallocarray(all->v, all->cap, sizeof(*all->v));
    }
    all->v[all->n++] =
        (struct due){.start_ns = start_ns, .entity = entity, .part = part, .win = win};
}

static void add_devices(struct dues *all, const struct th_part *part, uint32_t p, bool news)
{
    for (uint32_t i = 0; i < part->devs.used; i++) {
        const struct th_dev *d = th_dev_at(part, i);
        if (d->id == 0 || part->devs.live == 0)
            continue;
        for (uint32_t w = d->wins; w != TH_POOL_NONE;) {
            const struct th_win *win = th_win_at(part, w);
            if (!news || win->looked != (uint32_t)win->events)
                add_due(all, p, d->id, win->start_ns, w);
            w = win->next;
        }
    }
}

static void add_users(struct dues *all, const struct th_part *part, uint32_t p, bool news)
{
    for (uint32_t i = 0; i < part->users.used; i++) {
        const struct th_usr *u = th_usr_at(part, i);
        for (uint32_t w = u->id != 0 ? u->wins : TH_POOL_NONE; w != TH_POOL_NONE;) {
            const struct th_usr_win *win = th_usr_win_at(part, w);
            if (!news || win->looked != (uint32_t)win->events)
                add_due(all, p, u->id, win->start_ns, w);
            w = win->next;
        }
    }
}

/* The windows that end at or before until_ns; news: only those with events since the last look. */
static struct due *gather(struct th_learn *l, int64_t until_ns, bool news, size_t *ret_n)
{
    struct dues all = {.until_ns = until_ns};
    for (uint32_t p = 0; p < TH_PARTITIONS; p++) {
        if (!l->parts[p])
            continue;
        add_devices(&all, l->parts[p], p, news);
        add_users(&all, l->parts[p], p, news);
    }
    *ret_n = all.n;
    if (all.n > 0)
        qsort(all.v, all.n, sizeof(*all.v), due_order);
    return all.v;
}

/* Devices and users that were not seen for so long are forgotten. */
static void forget(struct th_learn *l, int64_t until_ns)
{
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        struct th_part *part = l->parts[p];
        for (uint32_t i = 0; part && i < part->devs.used; i++) {
            const struct th_dev *d = th_dev_at(part, i);
            if (d->id != 0 && d->wins == TH_POOL_NONE && d->closed_ns != TH_TIME_UNSET &&
                th_time_sub(until_ns, d->closed_ns) > TH_DEV_FORGET_NS)
                th_part_remove(part, i);
        }
        if (part)
            th_usr_forget_old(part, until_ns);
    }
}

void th_learn_close(struct th_learn *l, int64_t until_ns, th_window_fn fn, void *arg)
{
    size_t n = 0;
    l->round++;
    TH_AUTOFREE struct due *v = gather(l, until_ns, false, &n);
    for (size_t i = 0; i < n; i++) {
        struct th_part *part = l->parts[v[i].part];
        if (th_entity_is_user(v[i].entity)) {
            th_usr_close(l, part, v[i].win, fn, arg);
            continue;
        }
        th_window_close(l, part, th_win_at(part, v[i].win), fn, arg);
        th_part_window_free(part, v[i].win);
    }
    forget(l, until_ns);
}

size_t th_learn_look(struct th_learn *l, th_window_fn fn, void *arg)
{
    size_t n = 0;
    TH_AUTOFREE struct due *v = gather(l, INT64_MAX, true, &n);
    for (size_t i = 0; i < n; i++) {
        const struct th_part *part = l->parts[v[i].part];
        if (th_entity_is_user(v[i].entity)) {
            struct th_usr_win *of_user = th_usr_win_at(part, v[i].win);
            of_user->looked = (uint32_t)of_user->events;
            th_usr_look(l, part, of_user, fn, arg);
            continue;
        }
        struct th_win *w = th_win_at(part, v[i].win);
        w->looked = (uint32_t)w->events;
        th_window_look(l, part, w, fn, arg);
    }
    return n;
}

void th_learn_forget(struct th_learn *l, uint64_t entity)
{
    struct th_part *part = l->parts[th_entity_partition(entity)];
    bool user = th_entity_is_user(entity);
    uint32_t i = !part ? TH_POOL_NONE
        : user         ? th_usr_find(part, entity)
                       : th_part_find(part, entity);
    l->round++; /* what was found before may be gone */
    if (i != TH_POOL_NONE && user)
        th_usr_remove(part, i);
    else if (i != TH_POOL_NONE)
        th_part_remove(part, i);
}

static unsigned first_partition(const struct th_learn *l)
{
    return l->cfg.partitions ? (unsigned)__builtin_ctzll(l->cfg.partitions) : TH_PARTITIONS;
}

void th_learn_epoch_out(struct th_learn *l, unsigned partition, struct th_buf *out)
{
    TH_ASSERT(partition < TH_PARTITIONS);
    struct th_part *part = l->parts[partition];
    if (!part)
        return;
    /* Histograms add up to the same however they are cut: all windows' go with the first. */
    bool first = partition == first_partition(l) && l->pending_any;
    th_delta_encode(first ? l->pending : NULL, &part->touches, out);
    part->touches.n = part->touches.gram_n = 0;
    if (first) {
        memset(l->pending, 0, sizeof(*l->pending));
        l->pending_any = false;
    }
}

int th_learn_epoch_in(struct th_learn *l, unsigned partition, const uint8_t *data, size_t len_bytes)
{
    TH_ASSERT(partition < TH_PARTITIONS);
    return len_bytes == 0 ? 0 : th_delta_apply(l->org, data, len_bytes);
}

void th_learn_epoch_done(struct th_learn *l, int64_t time_ns)
{
    th_org_advance(l->org, time_ns);
}

void th_learn_stats_get(const struct th_learn *l, struct th_learn_stats *ret)
{
    *ret = l->stats;
    ret->devices = ret->users = 0;
    ret->memory_bytes = 0;
    for (unsigned p = 0; p < TH_PARTITIONS; p++) {
        if (!l->parts[p])
            continue;
        ret->devices += l->parts[p]->devs.live;
        ret->users += l->parts[p]->users.live - l->parts[p]->users_tried;
        ret->memory_bytes += th_part_bytes(l->parts[p]);
    }
    uint64_t hours = 0;
    for (unsigned g = 0; g < TH_GROUPS; g++)
        hours += l->org->h.hours[g];
    ret->pooled_device_hours = (double)hours / TH_WEIGHT;
    ret->prior_device_hours = (double)l->org->prior_hours / TH_WEIGHT;
}

void th_learn_save_org(const struct th_learn *l, struct th_buf *out)
{
    th_org_encode(l->org, false, out);
}

int th_learn_load_org(struct th_learn *l, const uint8_t *data, size_t len_bytes)
{
    return th_org_decode(l->org, false, data, len_bytes);
}

void th_learn_save_prior(const struct th_learn *l, struct th_buf *out)
{
    th_org_encode(l->org, true, out);
}

int th_learn_load_prior(struct th_learn *l, const uint8_t *data, size_t len_bytes)
{
    return th_org_decode(l->org, true, data, len_bytes);
}
