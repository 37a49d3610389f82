/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and the bindings of addresses to them.
 *
 * Evidence, best last: an address alone; the link address beside it in a connection (worth
 * something only while that MAC speaks for one host); ARP; DHCP. A binding made through a MAC
 * of a connection is valid only as long as the MAC is no gateway: it is asked at each look-up, so
 * finding a gateway undoes all its bindings at once.
 */
#include "identity_i.h"

/* A holder of an address that was active so short ago is not robbed of it by weak evidence. */
#define STEAL_AFTER_NS (5 * TH_NS_PER_MIN)
/* An address unused for so long may be forgotten for a new one. */
#define SWEEP 64u
#define ID_BITS 50u
#define ID_TRIES 8u

static uint64_t mac_tag(const struct th_identity *id, const struct th_mac *m)
{
    return th_siphash(&id->key, m->b, sizeof(m->b));
}

static bool mac_is_host(const struct th_mac *m)
{
    static const uint8_t zero[6] = {0};
    return !(m->b[0] & 1) && memcmp(m->b, zero, sizeof(zero)) != 0;
}

struct mac_rec *mac_get(struct th_identity *id, const struct th_mac *mac)
{
    if (!mac_is_host(mac))
        return NULL;
    uint32_t hash = index_hash(mac_tag(id, mac));
    uint32_t at = hash;
    for (uint32_t r; (r = index_next(&id->by_mac, hash, &at)) != NONE;)
        if (memcmp(id->mac[r].mac.b, mac->b, sizeof(mac->b)) == 0)
            return &id->mac[r];
    if (id->mac_count == id->max_macs)
        return NULL;
    if (id->mac_count == id->mac_cap) {
        id->mac_cap = id->mac_cap ? id->mac_cap * 2 : 256;
        id->mac = th_xreallocarray(id->mac, id->mac_cap, sizeof(*id->mac));
    }
    struct mac_rec *m = &id->mac[id->mac_count];
    *m = (struct mac_rec){.mac = *mac, .slot = NONE};
    index_put(&id->by_mac, hash, id->mac_count++);
    return m;
}

/* The longest unused of the next few records leaves; its number is free then. */
static uint32_t addr_evict(struct th_identity *id)
{
    uint32_t victim = id->addr_hand;
    for (uint32_t i = 0; i < SWEEP; i++) {
        uint32_t r = (id->addr_hand + i) % id->addr_count;
        if (id->addr[r].last_ns < id->addr[victim].last_ns)
            victim = r;
    }
    id->addr_hand = (id->addr_hand + SWEEP) % id->addr_count;
    index_remove(&id->by_addr, index_hash(addr_tag(id, &id->addr[victim].addr)), victim);
    id->stats.evicted_addresses++;
    return victim;
}

struct addr_rec *addr_get(struct th_identity *id, const struct th_addr *a, bool create)
{
    uint32_t hash = index_hash(addr_tag(id, a));
    uint32_t at = hash;
    for (uint32_t r; (r = index_next(&id->by_addr, hash, &at)) != NONE;)
        if (th_addr_eq(&id->addr[r].addr, a))
            return &id->addr[r];
    if (!create)
        return NULL;
    uint32_t rec = id->addr_count;
    if (id->addr_count == id->max_addrs) {
        rec = addr_evict(id);
    } else {
        if (id->addr_count == id->addr_cap) {
            id->addr_cap = id->addr_cap ? id->addr_cap * 2 : 256;
            id->addr = th_xreallocarray(id->addr, id->addr_cap, sizeof(*id->addr));
        }
        id->addr_count++;
    }
    id->addr[rec] = (struct addr_rec){.addr = *a, .slot = NONE, .mac = NONE};
    index_put(&id->by_addr, hash, rec);
    return &id->addr[rec];
}

struct device *device_new(struct th_identity *id, uint64_t entity_id, int64_t time_ns)
{
    if (id->count == id->max_entities) {
        id->stats.refused_entities++;
        return NULL;
    }
    uint32_t chunk = id->count / DEVICES_PER_CHUNK;
    if (!id->chunk[chunk])
        id->chunk[chunk] = th_xcalloc(DEVICES_PER_CHUNK, sizeof(struct device));
    struct device *d = device_at(id, id->count);
    d->e.id = entity_id;
    d->e.slot = id->count++;
    d->e.kind = TH_ENTITY_DEVICE;
    d->e.first_ns = d->e.last_ns = time_ns;
    index_put(&id->by_id, index_hash(th_mix64(entity_id)), d->e.slot);
    return d;
}

/* An unused id out of what the device is first known by. */
static struct device *device_make(
    struct th_identity *id, const void *known_by, size_t len, int64_t time_ns)
{
    uint64_t h = th_siphash(&id->key, known_by, len);
    for (unsigned i = 0; i < ID_TRIES; i++, h = th_mix64(h + 1)) {
        uint64_t entity_id = h >> (64 - ID_BITS);
        if (entity_id && !th_identity_find(id, entity_id))
            return device_new(id, entity_id, time_ns);
    }
    return NULL;
}

static struct device *device_for_addr(
    struct th_identity *id, const struct th_addr *a, int64_t time_ns)
{
    uint64_t first = th_siphash(&id->key, a->b, sizeof(a->b)) >> (64 - ID_BITS);
    struct th_entity *old = first ? th_identity_find(id, first) : NULL;
    /* The one first known by this address takes it back, unless it was found to be another. */
    if (old && !old->has_mac && th_addr_eq(&device_at(id, old->slot)->e.addr, a))
        return device_at(id, old->slot);
    return device_make(id, a->b, sizeof(a->b), time_ns);
}

/* Notes that the MAC spoke for this inside address; too many at once make it a gateway. */
static void mac_note(
    struct th_identity *id, struct mac_rec *m, const struct th_addr *a, int64_t time_ns)
{
    bool v4 = th_addr_is_v4(a);
    struct mac_seen *seen = v4 ? m->v4 : m->v6;
    unsigned ways = v4 ? HOST_MAX_V4 : HOST_MAX_V6;
    uint64_t tag = addr_tag(id, a);
    struct mac_seen *stale = seen;
    for (unsigned i = 0; i < ways; i++) {
        if (seen[i].tag == tag) {
            seen[i].last_ns = TH_MAX(seen[i].last_ns, time_ns);
            return;
        }
        if (!seen[i].tag || (stale->tag && seen[i].last_ns < stale->last_ns))
            stale = &seen[i];
    }
    if (stale->tag && th_time_sub(time_ns, stale->last_ns) < AT_ONCE_NS) {
        device_mac_outside(id, &m->mac);
        return;
    }
    *stale = (struct mac_seen){.tag = tag, .last_ns = time_ns};
}

/* Another IPv4 address of the MAC is in use now: a second one is then no move. */
static bool mac_busy_elsewhere(
    struct th_identity *id, const struct mac_rec *m, const struct th_addr *a, int64_t time_ns)
{
    if (!th_addr_is_v4(a))
        return false;
    uint64_t tag = addr_tag(id, a);
    for (unsigned i = 0; i < HOST_MAX_V4; i++)
        if (m->v4[i].tag && m->v4[i].tag != tag &&
            th_time_sub(time_ns, m->v4[i].last_ns) < STEAL_AFTER_NS)
            return true;
    return false;
}

void device_mac_outside(struct th_identity *id, const struct th_mac *mac)
{
    struct mac_rec *m = mac_get(id, mac);
    if (!m || m->gateway)
        return;
    m->gateway = true;
    id->stats.gateways++;
    if (m->slot == NONE)
        return;
    struct th_entity *e = &device_at(id, m->slot)->e;
    if (m->via >= VIA_ARP) {
        e->gateway = true;
    } else {
        e->has_mac = false;
        m->slot = NONE;
    }
}

static bool holds(const struct th_identity *id, const struct addr_rec *r)
{
    return r->slot != NONE && (r->via != VIA_CONN || r->mac == NONE || !id->mac[r->mac].gateway);
}

static void history_close(struct device *d, const struct th_addr *a, int64_t time_ns)
{
    for (unsigned i = 0; i < d->history_count; i++)
        if (d->history[i].to_ns == INT64_MAX && th_addr_eq(&d->history[i].addr, a))
            d->history[i].to_ns = time_ns;
}

static void history_open(struct device *d, const struct th_addr *a, int64_t time_ns)
{
    memmove(d->history + 1, d->history, (HISTORY - 1) * sizeof(d->history[0]));
    d->history[0] = (struct th_binding){.addr = *a, .from_ns = time_ns, .to_ns = INT64_MAX};
    if (d->history_count < HISTORY)
        d->history_count++;
}

static void bind(struct th_identity *id, struct addr_rec *r, uint32_t slot, uint32_t mac,
    enum via via, int64_t time_ns)
{
    r->mac = mac;
    r->via = (uint8_t)via;
    if (r->slot == slot)
        return;
    if (r->slot != NONE)
        history_close(device_at(id, r->slot), &r->addr, time_ns);
    if (r->slot != NONE || r->past_count) {
        memmove(r->past + 1, r->past, (PAST_HOLDERS - 1) * sizeof(r->past[0]));
        r->past[0].slot = r->slot;
        r->past[0].from_ns = r->since_ns;
        if (r->past_count < PAST_HOLDERS)
            r->past_count++;
    }
    r->slot = slot;
    r->since_ns = time_ns;
    if (slot != NONE)
        history_open(device_at(id, slot), &r->addr, time_ns);
}

static uint32_t holder_then(const struct addr_rec *r, int64_t time_ns)
{
    for (unsigned i = 0; i < r->past_count; i++)
        if (time_ns >= r->past[i].from_ns)
            return r->past[i].slot;
    return r->past_count ? r->past[r->past_count - 1].slot : r->slot;
}

static void learn_mac(struct th_identity *id, struct mac_rec *m, struct device *d, enum via via)
{
    d->e.has_mac = true;
    d->e.mac = m->mac;
    m->slot = d->e.slot;
    m->via = (uint8_t)via;
    if (m->gateway && via >= VIA_ARP)
        d->e.gateway = true;
    traits_maker(id, d);
}

/* The link address in an interface identifier made from it (RFC 4291, appendix A). */
static bool eui64_mac(const struct th_addr *a, struct th_mac *ret)
{
    if (th_addr_is_v4(a) || a->b[11] != 0xff || a->b[12] != 0xfe)
        return false;
    memcpy(ret->b, a->b + 8, 3);
    memcpy(ret->b + 3, a->b + 13, 3);
    ret->b[0] ^= 2;
    return mac_is_host(ret);
}

/* Finds a better holder of the address through the MAC seen beside it; NONE to leave as it is. */
static uint32_t conn_holder(
    struct th_identity *id, struct addr_rec *r, struct mac_rec *m, int64_t time_ns)
{
    bool held = holds(id, r);
    struct device *d = held ? device_at(id, r->slot) : NULL;
    if (m->slot == NONE) {
        if (d && !d->e.has_mac)
            learn_mac(id, m, d, VIA_CONN);
        return NONE;
    }
    if (held && r->slot == m->slot)
        return NONE;
    if (held && d->e.has_mac &&
        (r->via >= VIA_ARP || th_time_sub(time_ns, r->last_ns) < STEAL_AFTER_NS))
        return NONE;
    if (mac_busy_elsewhere(id, m, &r->addr, time_ns))
        return NONE;
    return m->slot;
}

uint32_t device_by_addr(struct th_identity *id, const struct th_addr *a, const struct th_mac *mac,
    int64_t time_ns, bool create)
{
    struct addr_rec *r = addr_get(id, a, create);
    if (!r)
        return NONE;
    bool held = holds(id, r);
    bool late = is_late(id, time_ns);
    if (held && time_ns < r->since_ns && late)
        return holder_then(r, time_ns);
    struct th_mac embedded;
    struct mac_rec *m = mac && !late ? mac_get(id, mac) : NULL;
    if (m && !m->gateway)
        mac_note(id, m, a, time_ns);
    if ((!m || m->gateway) && !held && eui64_mac(a, &embedded))
        m = mac_get(id, &embedded);
    if (m && !m->gateway) {
        uint32_t slot = conn_holder(id, r, m, time_ns);
        if (slot != NONE) {
            bind(id, r, slot, (uint32_t)(m - id->mac), VIA_CONN, time_ns);
            held = true;
        }
    }
    if (!held && create) {
        struct device *d = device_for_addr(id, a, time_ns);
        bind(id, r, d ? d->e.slot : NONE, NONE, VIA_ADDR, time_ns);
        if (d && m && !m->gateway && m->slot == NONE && !d->e.has_mac)
            learn_mac(id, m, d, VIA_CONN);
    } else if (!held) {
        return NONE;
    }
    r->last_ns = TH_MAX(r->last_ns, time_ns);
    return r->slot;
}

/* A device has one leased address: what DHCP gave it before is free again. */
static void release_lease(
    struct th_identity *id, struct device *d, const struct th_addr *keep, int64_t time_ns)
{
    for (unsigned i = 0; i < d->history_count; i++) {
        struct th_binding h = d->history[i];
        if (h.to_ns != INT64_MAX || th_addr_eq(&h.addr, keep) ||
            th_addr_is_v4(&h.addr) != th_addr_is_v4(keep))
            continue;
        struct addr_rec *r = addr_get(id, &h.addr, false);
        if (r && r->slot == d->e.slot && r->via == VIA_DHCP)
            bind(id, r, NONE, NONE, VIA_NONE, time_ns);
    }
}

uint32_t device_bind(struct th_identity *id, const struct th_addr *a, const struct th_mac *mac,
    enum via via, int64_t time_ns)
{
    struct mac_rec *m = mac_get(id, mac);
    if (!m || is_late(id, time_ns))
        return device_by_addr(id, a, NULL, time_ns, true);
    if (via == VIA_ARP) {
        mac_note(id, m, a, time_ns);
        /* A router answers ARP for others; its first address is its own. */
        if (m->gateway && m->slot != NONE)
            return device_by_addr(id, a, NULL, time_ns, true);
    }
    struct addr_rec *r = addr_get(id, a, true);
    bool held = holds(id, r);
    struct device *d = m->slot != NONE ? device_at(id, m->slot) : NULL;
    if (held && time_ns < r->since_ns && via <= r->via)
        return r->slot; /* another source brought newer word before */
    if (held && via == VIA_ARP && r->slot != m->slot && device_at(id, r->slot)->e.has_mac &&
        r->via >= VIA_ARP && th_time_sub(time_ns, r->last_ns) < STEAL_AFTER_NS)
        return r->slot; /* perhaps a spoofed answer: the holder is alive */
    if (!d && held && !device_at(id, r->slot)->e.has_mac)
        d = device_at(id, r->slot);
    if (!d)
        d = device_make(id, mac->b, sizeof(mac->b), time_ns);
    if (!d)
        return NONE;
    if (m->slot != d->e.slot || via > m->via)
        learn_mac(id, m, d, via);
    if (via == VIA_DHCP)
        release_lease(id, d, a, time_ns);
    if (r->slot != d->e.slot || via > r->via || !held)
        bind(id, r, d->e.slot, (uint32_t)(m - id->mac), via, time_ns);
    r->last_ns = TH_MAX(r->last_ns, time_ns);
    return r->slot;
}

void device_touch(struct th_identity *id, uint32_t slot, const struct th_addr *a, int64_t time_ns)
{
    struct th_entity *e = &device_at(id, slot)->e;
    if (time_ns >= e->last_ns) {
        e->last_ns = time_ns;
        /* A link-local address is shown only as long as there is no better one. */
        if (!th_addr_is_link_local(a) || th_addr_is_any(&e->addr) ||
            th_addr_is_link_local(&e->addr))
            e->addr = *a;
    }
    e->first_ns = TH_MIN(e->first_ns, time_ns);
}

void copy_printable(char *out, size_t cap, struct th_str s)
{
    size_t n = TH_MIN((size_t)s.len, cap - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '?';
    out[n] = '\0';
}

void device_name(struct device *d, struct th_str name, enum host_rank rank)
{
    name = th_str_trim(name);
    while (name.len && (name.p[name.len - 1] == '.' || name.p[name.len - 1] == '$'))
        name.len--;
    if (!d || !name.len || rank < d->name_rank || (rank == d->name_rank && rank == HOST_DNS))
        return;
    d->name_rank = (uint8_t)rank;
    copy_printable(d->e.hostname, sizeof(d->e.hostname), name);
}

void device_user(struct device *d, struct th_str user)
{
    user = th_str_trim(user);
    if (d && user.len)
        copy_printable(d->e.user, sizeof(d->e.user), user);
}
