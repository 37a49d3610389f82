/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Identity's state, under a seal (base/seal.h) with the magic "THID":
 * the tables in order of their numbers. A load fills a fresh object or fails and
 * leaves one that must be freed.
 */
#include "base/seal.h"
#include "identity_i.h"

#define MAGIC 0x44494854u
#define VERSION 3u

static void put_text(struct th_buf *out, const char *s)
{
    size_t n = strlen(s);
    th_buf_u8(out, (uint8_t)n);
    th_buf_put(out, s, n);
}

static void get_text(struct th_cur *c, char *out, size_t cap)
{
    struct th_str s = th_cur_bytes(c, th_cur_u8(c));
    if (s.len >= cap)
        th_cur_fail(c);
    if (c->failed)
        return;
    for (uint32_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            th_cur_fail(c);
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
}

static void get_bytes(struct th_cur *c, uint8_t *out, size_t n)
{
    struct th_str s = th_cur_bytes(c, n);
    if (!c->failed)
        memcpy(out, s.p, n);
}

static void put_traits(struct th_buf *out, const struct device_traits *t)
{
    for (unsigned i = 0; i < TRAIT_SOURCES; i++)
        th_buf_put(out, &t->vote[i], sizeof(t->vote[i]));
    th_buf_le32(out, t->offers);
    th_buf_le32(out, t->agent);
    for (unsigned i = 0; i < TRAIT_PORTS; i++)
        th_buf_le16(out, t->port[i]);
    th_buf_le16(out, t->heard);
    th_buf_le16(out, t->heard_day);
    th_buf_le16(out, t->shared_day);
    th_buf_u8(out, t->port_at);
}

static bool get_traits(struct th_cur *c, struct device_traits *t)
{
    for (unsigned i = 0; i < TRAIT_SOURCES; i++) {
        struct trait_vote *v = &t->vote[i];
        get_bytes(c, (uint8_t *)v, sizeof(*v));
        if (v->os >= TH_OS_COUNT || v->type >= TH_DEVICE_TYPE_COUNT)
            return false;
    }
    t->offers = th_cur_le32(c);
    t->agent = th_cur_le32(c);
    for (unsigned i = 0; i < TRAIT_PORTS; i++)
        t->port[i] = th_cur_le16(c);
    t->heard = th_cur_le16(c);
    t->heard_day = th_cur_le16(c);
    t->shared_day = th_cur_le16(c);
    t->port_at = th_cur_u8(c);
    return t->offers >> TH_OFFER_COUNT == 0 && t->port_at < TRAIT_PORTS;
}

static void put_device(struct th_buf *out, const struct device *d)
{
    th_buf_le64(out, d->e.id);
    bool forgotten = d->e.kind == TH_ENTITY_FORGOTTEN;
    th_buf_u8(out, (uint8_t)(d->e.has_mac | d->e.gateway << 1 | forgotten << 2 | d->e.shared << 3));
    th_buf_put(out, d->e.mac.b, 6);
    th_buf_put(out, d->e.addr.b, 16);
    th_buf_le64(out, (uint64_t)d->e.first_ns);
    th_buf_le64(out, (uint64_t)d->e.last_ns);
    put_text(out, d->e.hostname);
    put_text(out, d->e.user);
    put_traits(out, &d->traits);
    th_buf_u8(out, d->name_rank);
    th_buf_u8(out, d->history_count);
    for (unsigned i = 0; i < d->history_count; i++) {
        th_buf_put(out, d->history[i].addr.b, 16);
        th_buf_le64(out, (uint64_t)d->history[i].from_ns);
        th_buf_le64(out, (uint64_t)d->history[i].to_ns);
    }
}

static bool get_device(struct th_identity *id, struct th_cur *c)
{
    uint64_t entity_id = th_cur_le64(c);
    if (c->failed || !entity_id || entity_id >> 50 || th_identity_find(id, entity_id))
        return false;
    struct device *d = device_new(id, entity_id, 0);
    if (!d)
        return false;
    uint8_t flags = th_cur_u8(c);
    d->e.has_mac = flags & 1;
    d->e.gateway = flags >> 1 & 1;
    d->e.shared = flags >> 3 & 1;
    get_bytes(c, d->e.mac.b, 6);
    get_bytes(c, d->e.addr.b, 16);
    d->e.first_ns = (int64_t)th_cur_le64(c);
    d->e.last_ns = (int64_t)th_cur_le64(c);
    get_text(c, d->e.hostname, sizeof(d->e.hostname));
    get_text(c, d->e.user, sizeof(d->e.user));
    if (!get_traits(c, &d->traits))
        return false;
    traits_conclude(d);
    d->name_rank = th_cur_u8(c);
    d->history_count = th_cur_u8(c);
    if (flags > 15 || d->name_rank > HOST_DHCP || d->history_count > HISTORY)
        return false;
    for (unsigned i = 0; i < d->history_count; i++) {
        get_bytes(c, d->history[i].addr.b, 16);
        d->history[i].from_ns = (int64_t)th_cur_le64(c);
        d->history[i].to_ns = (int64_t)th_cur_le64(c);
    }
    if (flags & 4)
        device_empty(d);
    return !c->failed;
}

static void put_mac(struct th_buf *out, const struct mac_rec *m)
{
    th_buf_put(out, m->mac.b, 6);
    th_buf_u8(out, m->gateway);
    th_buf_u8(out, m->via);
    th_buf_le32(out, m->slot);
    for (unsigned i = 0; i < HOST_MAX_V4 + HOST_MAX_V6; i++) {
        const struct mac_seen *s = i < HOST_MAX_V4 ? &m->v4[i] : &m->v6[i - HOST_MAX_V4];
        th_buf_le64(out, s->tag);
        th_buf_le64(out, (uint64_t)s->last_ns);
    }
}

static bool get_mac(struct th_identity *id, struct th_cur *c)
{
    struct th_mac mac = {0};
    uint32_t before = id->mac_count;
    get_bytes(c, mac.b, 6);
    struct mac_rec *m = c->failed ? NULL : mac_get(id, &mac);
    if (!m || id->mac_count == before)
        return false;
    uint8_t gateway = th_cur_u8(c);
    m->gateway = gateway != 0;
    m->via = th_cur_u8(c);
    m->slot = th_cur_le32(c);
    for (unsigned i = 0; i < HOST_MAX_V4 + HOST_MAX_V6; i++) {
        struct mac_seen *s = i < HOST_MAX_V4 ? &m->v4[i] : &m->v6[i - HOST_MAX_V4];
        s->tag = th_cur_le64(c);
        s->last_ns = (int64_t)th_cur_le64(c);
    }
    return !c->failed && gateway <= 1 && m->via <= VIA_DHCP &&
        (m->slot == NONE || m->slot < id->count);
}

static void put_addr(struct th_buf *out, const struct addr_rec *r)
{
    th_buf_put(out, r->addr.b, 16);
    th_buf_le32(out, r->slot);
    th_buf_le32(out, r->mac);
    th_buf_le64(out, (uint64_t)r->since_ns);
    th_buf_le64(out, (uint64_t)r->last_ns);
    th_buf_u8(out, r->via);
    th_buf_u8(out, r->past_count);
    for (unsigned i = 0; i < r->past_count; i++) {
        th_buf_le64(out, (uint64_t)r->past[i].from_ns);
        th_buf_le32(out, r->past[i].slot);
    }
}

static bool slot_ok(const struct th_identity *id, uint32_t slot)
{
    return slot == NONE || slot < id->count;
}

static bool get_addr(struct th_identity *id, struct th_cur *c)
{
    struct th_addr a = {0};
    get_bytes(c, a.b, 16);
    if (c->failed || id->addr_count == id->max_addrs || addr_get(id, &a, false))
        return false;
    struct addr_rec *r = addr_get(id, &a, true);
    r->slot = th_cur_le32(c);
    r->mac = th_cur_le32(c);
    r->since_ns = (int64_t)th_cur_le64(c);
    r->last_ns = (int64_t)th_cur_le64(c);
    r->via = th_cur_u8(c);
    r->past_count = th_cur_u8(c);
    if (!slot_ok(id, r->slot) || (r->mac != NONE && r->mac >= id->mac_count) || r->via > VIA_DHCP ||
        r->past_count > PAST_HOLDERS)
        return false;
    for (unsigned i = 0; i < r->past_count; i++) {
        r->past[i].from_ns = (int64_t)th_cur_le64(c);
        r->past[i].slot = th_cur_le32(c);
        if (!slot_ok(id, r->past[i].slot))
            return false;
    }
    return !c->failed;
}

/* A name memory goes out cell by cell, so that eviction goes on as if nothing had been. */
static void put_names(struct th_buf *out, const struct names *n)
{
    th_buf_le32(out, n->buckets);
    uint32_t cells = n->buckets * NAME_WAYS;
    for (uint32_t i = 0; i < cells; i++) {
        const struct name_entry *e = &n->e[i];
        const struct name_bucket *b = &n->bucket[i / NAME_WAYS];
        if (!b->tag[i % NAME_WAYS])
            continue;
        th_buf_le32(out, i);
        th_buf_le64(out, b->tag[i % NAME_WAYS]);
        th_buf_le64(out, e->key);
        th_buf_le64(out, (uint64_t)b->last_ns[i % NAME_WAYS]);
        th_buf_u8(out, (uint8_t)(e->rank | e->proxied << 2));
        th_buf_u8(out, e->dom_len);
        th_buf_le16(out, e->port);
        th_buf_u8(out, e->name_len);
        th_buf_put(out, e->name, e->name_len);
    }
    th_buf_le32(out, NONE);
}

static bool get_names(struct names *n, struct th_cur *c)
{
    if (th_cur_le32(c) != n->buckets)
        return false;
    for (uint32_t i; (i = th_cur_le32(c)) != NONE;) {
        if (c->failed || i >= n->buckets * NAME_WAYS)
            return false;
        struct name_entry *e = &n->e[i];
        uint64_t *tag = &n->bucket[i / NAME_WAYS].tag[i % NAME_WAYS];
        if (*tag)
            return false;
        *tag = th_cur_le64(c);
        e->key = th_cur_le64(c);
        n->bucket[i / NAME_WAYS].last_ns[i % NAME_WAYS] = (int64_t)th_cur_le64(c);
        uint8_t flags = th_cur_u8(c);
        e->rank = flags & 3;
        e->proxied = flags >> 2 & 1;
        e->dom_len = th_cur_u8(c);
        e->port = th_cur_le16(c);
        e->name_len = th_cur_u8(c);
        if (flags > 7 || e->name_len > NAME_LEN || e->dom_len > e->name_len || !*tag)
            return false;
        get_bytes(c, (uint8_t *)e->name, e->name_len);
        for (unsigned k = 0; k < e->name_len; k++)
            if (e->name[k] <= ' ' || e->name[k] >= 0x7f)
                return false;
    }
    return !c->failed;
}

static void put_users(struct th_buf *out, const struct user_table *t)
{
    th_buf_le32(out, t->hand);
    th_buf_le32(out, t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        const struct user_rec *r = &t->v[i];
        th_buf_le64(out, r->e.id);
        th_buf_le64(out, (uint64_t)r->e.first_ns);
        th_buf_le64(out, (uint64_t)r->e.last_ns);
        put_text(out, r->e.name);
        th_buf_le64(out, r->source);
        th_buf_u8(out, r->several);
    }
}

static bool get_user(
    struct th_identity *id, struct user_table *t, struct th_cur *c, bool known, uint64_t *evicted)
{
    uint64_t entity_id = th_cur_le64(c);
    if (c->failed || entity_id >> 50 != 1 || th_identity_user(id, entity_id))
        return false;
    struct user_rec *r = user_add(t, entity_id, evicted);
    r->e.known = known;
    r->e.first_ns = (int64_t)th_cur_le64(c);
    r->e.last_ns = (int64_t)th_cur_le64(c);
    get_text(c, r->e.name, sizeof(r->e.name));
    r->source = th_cur_le64(c);
    uint8_t several = th_cur_u8(c);
    r->several = several != 0;
    return !c->failed && several <= 1 && r->e.name[0];
}

static bool get_users(
    struct th_identity *id, struct user_table *t, struct th_cur *c, bool known, uint64_t *evicted)
{
    t->hand = th_cur_le32(c);
    uint32_t n = th_cur_le32(c);
    if (c->failed || n > t->max || t->hand >= t->max)
        return false;
    for (; n > 0; n--)
        if (!get_user(id, t, c, known, evicted))
            return false;
    return true;
}

static void put_realms(struct th_buf *out, const struct users *u)
{
    th_buf_u8(out, u->realm_count);
    for (unsigned i = 0; i < u->realm_count; i++)
        put_text(out, u->realm[i]);
}

static bool get_realms(struct th_cur *c, struct users *u)
{
    u->realm_count = th_cur_u8(c);
    if (u->realm_count > MAX_REALMS)
        return false;
    for (unsigned i = 0; i < u->realm_count; i++)
        get_text(c, u->realm[i], sizeof(u->realm[i]));
    return !c->failed;
}

static bool get_all_users(struct th_identity *id, struct th_cur *c)
{
    struct users *u = &id->users;
    return get_realms(c, u) && get_users(id, &u->known, c, true, &id->stats.evicted_users) &&
        get_users(id, &u->tried, c, false, &id->stats.evicted_names);
}

void th_identity_save(const struct th_identity *id, struct th_buf *out)
{
    size_t at = th_seal_begin(out, MAGIC, VERSION);
    th_buf_le64(out, (uint64_t)id->now_ns);
    th_buf_le64(out, id->stats.refused_entities);
    th_buf_le64(out, id->stats.evicted_addresses);
    th_buf_le64(out, id->stats.gateways);
    th_buf_le64(out, id->stats.evicted_users);
    th_buf_le64(out, id->stats.evicted_names);
    th_buf_le32(out, id->addr_hand);
    th_buf_le32(out, id->count);
    for (uint32_t i = 0; i < id->count; i++)
        put_device(out, device_at(id, i));
    th_buf_le32(out, id->mac_count);
    for (uint32_t i = 0; i < id->mac_count; i++)
        put_mac(out, &id->mac[i]);
    th_buf_le32(out, id->addr_count);
    for (uint32_t i = 0; i < id->addr_count; i++)
        put_addr(out, &id->addr[i]);
    put_names(out, &id->names);
    put_names(out, &id->uids);
    put_realms(out, &id->users);
    put_users(out, &id->users.known);
    put_users(out, &id->users.tried);
    th_seal_end(out, at);
}

static bool get_tables(struct th_identity *id, struct th_cur *c)
{
    id->now_ns = (int64_t)th_cur_le64(c);
    id->stats.refused_entities = th_cur_le64(c);
    id->stats.evicted_addresses = th_cur_le64(c);
    id->stats.gateways = th_cur_le64(c);
    id->stats.evicted_users = th_cur_le64(c);
    id->stats.evicted_names = th_cur_le64(c);
    id->addr_hand = th_cur_le32(c);
    for (uint32_t n = th_cur_le32(c); n > 0; n--)
        if (!get_device(id, c))
            return false;
    for (uint32_t n = th_cur_le32(c); n > 0; n--)
        if (!get_mac(id, c))
            return false;
    for (uint32_t n = th_cur_le32(c); n > 0; n--)
        if (!get_addr(id, c))
            return false;
    return id->addr_hand <= id->addr_count && get_names(&id->names, c) && get_names(&id->uids, c) &&
        get_all_users(id, c) && th_cur_left(c) == 0;
}

int th_identity_load(struct th_identity *id, const uint8_t *data, size_t len_bytes)
{
    struct th_cur c;
    TH_ASSERT(id->count == 0 && id->addr_count == 0);
    int r = th_seal_open(data, len_bytes, MAGIC, VERSION, &c);
    if (r < 0)
        return r;
    return get_tables(id, &c) ? 0 : TH_E_MALFORMED;
}
