/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The permits of an organisation, and what they cover of a window. State stands under a seal
 * (base/seal.h) with the magic "THPM": u32 number, then each: id u64, device u64, peer u8, address
 * 16 bytes, port u16, until u64, held u64, held at u64, model, tactic and name, each with a u8
 * length.
 */
#include "base/seal.h"
#include "model_i.h"

#define MAGIC 0x4d504854u
#define VERSION 1u

struct th_permits *th_permits_new(void)
{
    return th_xcalloc(1, sizeof(struct th_permits));
}

void th_permits_free(struct th_permits *all)
{
    if (!all)
        return;
    free(all->v);
    free(all->covered);
    free(all);
}

uint32_t th_permits_count(const struct th_permits *all)
{
    return all->count;
}

/* Of a model or tactic: lower-case letters, digits, '-'; may be empty. */
static bool word_ok(const char *s)
{
    size_t n = strnlen(s, TH_PERMIT_WORD_BYTES);
    return n < TH_PERMIT_WORD_BYTES && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool th_permit_ok(const struct th_permit *p)
{
    size_t n = strnlen(p->name, sizeof(p->name));
    bool named = p->peer == TH_PERMIT_HOST || p->peer == TH_PERMIT_DOMAIN;
    return p->id != 0 && p->peer < TH_PERMIT_PEERS &&
        (p->device != 0 || p->peer != TH_PERMIT_ANY_PEER) && word_ok(p->model) &&
        word_ok(p->tactic) && n < sizeof(p->name) && (n > 0) == named &&
        text_ok(th_str_n(p->name, n));
}

static void take_out(struct th_permits *all, uint32_t at)
{
    all->count--;
    memmove(all->v + at, all->v + at + 1, (all->count - at) * sizeof(*all->v));
}

static uint32_t ends_soonest(const struct th_permits *all)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < all->count; i++)
        if (all->v[i].until_ns < all->v[best].until_ns)
            best = i;
    return best;
}

static struct th_permit *find(const struct th_permits *all, uint64_t id)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (all->v[i].id == id)
            return &all->v[i];
    return NULL;
}

/* Only to look faster: what is equal is compared. FNV-1a. */
static uint64_t hash_more(uint64_t h, uint8_t byte)
{
    return (h ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_name(struct th_str s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < s.len; i++)
        h = hash_more(h, (uint8_t)th_lower(s.p[i]));
    return h;
}

static uint64_t hash_addr(const struct th_addr *a)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < sizeof(a->b); i++)
        h = hash_more(h, a->b[i]);
    return h;
}

static uint64_t hash_peer(const struct th_permit *p)
{
    switch (p->peer) {
    case TH_PERMIT_ADDRESS: return hash_addr(&p->addr);
    case TH_PERMIT_HOST:
    case TH_PERMIT_DOMAIN: return hash_name(th_str_c(p->name));
    case TH_PERMIT_ANY_PEER:
    case TH_PERMIT_PEERS: break;
    }
    return 0;
}

void th_permits_add(struct th_permits *all, const struct th_permit *p)
{
    if (!th_permit_ok(p) || find(all, p->id))
        return;
    if (all->count == TH_PERMITS_MAX)
        take_out(all, ends_soonest(all));
    if (all->count == all->cap) {
        all->cap = TH_MIN(all->cap ? all->cap * 2 : 8, TH_PERMITS_MAX);
        all->v = th_xreallocarray(all->v, all->cap, sizeof(*all->v));
        all->covered = th_xreallocarray(all->covered, all->cap, sizeof(*all->covered));
    }
    all->v[all->count] = *p;
    all->v[all->count++].peer_hash = hash_peer(p);
}

void th_permits_end(struct th_permits *all, uint64_t id)
{
    struct th_permit *p = find(all, id);
    if (p)
        take_out(all, (uint32_t)(p - all->v));
}

void th_permits_forget(struct th_permits *all, uint64_t device)
{
    for (uint32_t i = all->count; i-- > 0;)
        if (all->v[i].device == device)
            take_out(all, i);
}

void th_permits_count_held(struct th_permits *all, uint64_t id, uint64_t count, int64_t time_ns)
{
    struct th_permit *p = find(all, id);
    if (!p)
        return;
    p->held_ns = p->held ? TH_MAX(p->held_ns, time_ns) : time_ns;
    p->held += TH_MIN(count, UINT64_MAX - p->held);
    p->changed = true;
}

void th_permits_report(struct th_permits *all, th_permit_fn fn, void *arg)
{
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->v[i].changed)
            fn(arg, &all->v[i]);
        all->v[i].changed = false;
    }
}

/* ---- what they cover ---- */

static bool is_peer(const struct th_permit *p, const struct th_peer *peer)
{
    if (p->port != 0 && p->port != peer->port)
        return false;
    switch (p->peer) {
    case TH_PERMIT_ANY_PEER: return true;
    case TH_PERMIT_ADDRESS: return peer->has_addr && th_addr_eq(&p->addr, &peer->addr);
    case TH_PERMIT_HOST: return th_str_ieq(th_str_c(p->name), peer->host);
    case TH_PERMIT_DOMAIN: return th_str_ieq(th_str_c(p->name), peer->domain);
    case TH_PERMIT_PEERS: break;
    }
    return false;
}

/* Of each signal what a permit may name, so that a thousand permits are a thousand numbers. */
struct named {
    uint64_t by[TH_PERMIT_PEERS][TH_WINDOW_MAX_SIGNALS];
};

static void name_peers(const struct th_window *w, struct named *ret)
{
    for (uint32_t k = 0; k < w->count; k++) {
        const struct th_peer *p = &w->signals[k].peer;
        bool has = w->signals[k].has_peer;
        ret->by[TH_PERMIT_ANY_PEER][k] = 0;
        ret->by[TH_PERMIT_ADDRESS][k] = has && p->has_addr ? hash_addr(&p->addr) : 0;
        ret->by[TH_PERMIT_HOST][k] = has ? hash_name(p->host) : 0;
        ret->by[TH_PERMIT_DOMAIN][k] = has ? hash_name(p->domain) : 0;
    }
}

static bool covers(const struct th_permit *p, const struct th_signal *s)
{
    bool all_of_device = p->peer == TH_PERMIT_ANY_PEER && p->port == 0;
    return s->last_ns < p->until_ns && (all_of_device || (s->has_peer && is_peer(p, &s->peer)));
}

static uint32_t cover(struct th_permits *all, const struct th_window *w)
{
    struct named named;
    uint32_t n = 0;
    name_peers(w, &named);
    for (uint32_t i = 0; i < all->count; i++) {
        const struct th_permit *p = &all->v[i];
        const uint64_t *names = named.by[p->peer];
        uint64_t signals = 0;
        if (p->device != 0 && p->device != w->entity)
            continue;
        for (uint32_t k = 0; k < w->count; k++)
            if (names[k] == p->peer_hash && covers(p, &w->signals[k]))
                signals |= UINT64_C(1) << k;
        if (signals)
            all->covered[n++] = (struct covered){.permit = p, .signals = signals};
    }
    return n;
}

uint32_t permits_cover(
    struct th_permits *all, const struct th_window *w, const struct covered **ret)
{
    TH_ASSERT(w->count <= TH_WINDOW_MAX_SIGNALS);
    *ret = all->covered;
    return all->count > 0 ? cover(all, w) : 0;
}

bool permit_means(const struct th_permit *p, const struct model *m)
{
    return (!*p->model || strcmp(p->model, m->info.id) == 0) &&
        (!*p->tactic || strcmp(p->tactic, m->info.tactic) == 0);
}

/* ---- state ---- */

void th_permits_save(const struct th_permits *all, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le32(out, all->count);
    for (uint32_t i = 0; i < all->count; i++) {
        const struct th_permit *p = &all->v[i];
        th_buf_le64(out, p->id);
        th_buf_le64(out, p->device);
        th_buf_u8(out, (uint8_t)p->peer);
        th_buf_put(out, p->addr.b, sizeof(p->addr.b));
        th_buf_le16(out, p->port);
        th_buf_le64(out, (uint64_t)p->until_ns);
        th_buf_le64(out, p->held);
        th_buf_le64(out, (uint64_t)p->held_ns);
        text_put(out, p->model, sizeof(p->model));
        text_put(out, p->tactic, sizeof(p->tactic));
        text_put(out, p->name, sizeof(p->name));
    }
    th_seal_end(out, at);
}

static bool get_permit(struct th_cur *c, struct th_permit *ret)
{
    *ret = (struct th_permit){.id = th_cur_le64(c), .device = th_cur_le64(c)};
    unsigned peer = th_cur_u8(c);
    struct th_str addr = th_cur_bytes(c, sizeof(ret->addr.b));
    ret->peer = peer < TH_PERMIT_PEERS ? (enum th_permit_peer)peer : TH_PERMIT_PEERS;
    if (!c->failed)
        memcpy(ret->addr.b, addr.p, sizeof(ret->addr.b));
    ret->port = th_cur_le16(c);
    ret->until_ns = (int64_t)th_cur_le64(c);
    ret->held = th_cur_le64(c);
    ret->held_ns = (int64_t)th_cur_le64(c);
    text_get(c, ret->model, sizeof(ret->model));
    text_get(c, ret->tactic, sizeof(ret->tactic));
    text_get(c, ret->name, sizeof(ret->name));
    return !c->failed && th_permit_ok(ret);
}

int th_permits_load(struct th_permits *all, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    if (r < 0)
        return r;
    uint32_t n = th_cur_le32(&c);
    if (n > TH_PERMITS_MAX)
        return TH_E_LIMIT;
    for (uint32_t i = 0; i < n; i++) {
        struct th_permit p;
        if (!get_permit(&c, &p))
            return TH_E_MALFORMED;
        th_permits_add(all, &p);
    }
    return !c.failed && th_cur_left(&c) == 0 ? 0 : TH_E_MALFORMED;
}

void th_permit_json(const struct th_permit *p, struct th_buf *out)
{
    char id[20];
    struct th_json j = th_json_init(out);
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)p->id);
    th_json_open(&j);
    th_json_key(&j, "kind");
    th_json_str(&j, th_str_c("permit"));
    th_json_key(&j, "id");
    th_json_str(&j, th_str_c(id));
    th_json_key(&j, "held");
    th_json_u64(&j, p->held);
    th_json_key(&j, "last");
    th_json_time(&j, p->held_ns);
    th_json_close(&j);
    th_buf_u8(out, '\n');
}
