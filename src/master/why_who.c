/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device does a person mean: by its id, an address that it held in the hour, its MAC, its
 * host name? Where several answer, the one that was about in that hour; where none does, those
 * whose name is much like it.
 */
#include "why.h"

/* By what a device answers; the better ones last. */
enum rank { RANK_NONE, RANK_LABEL, RANK_NAME, RANK_ADDRESS, RANK_ADDRESS_THEN, RANK_MAC, RANK_ID };

enum { MAX_BINDINGS = 32, MAX_COMPARED = 64 };

/* What was asked for, read in each way that it can be. */
struct wanted {
    struct th_str text;
    bool is_id, is_addr, is_mac;
    uint64_t id;
    struct th_addr addr;
    struct th_mac mac;
    int64_t start_ns, end_ns;
};

static struct wanted wanted_of(const struct th_why *why)
{
    struct wanted w = {.text = th_str_c(why->device),
        .start_ns = why->hour_ns,
        .end_ns = th_time_add(why->hour_ns, TH_NS_PER_HOUR)};
    w.is_id = th_entity_parse(w.text, &w.id);
    w.is_addr = th_addr_parse(w.text, &w.addr);
    w.is_mac = th_mac_parse(w.text, &w.mac);
    return w;
}

static struct th_str first_label(struct th_str name)
{
    return th_str_split(&name, '.');
}

static enum rank rank_of_name(const struct wanted *w, const struct th_entity *e)
{
    struct th_str name = th_str_c(e->hostname);
    struct th_str label = first_label(name);
    if (th_str_ieq(name, w->text))
        return RANK_NAME;
    bool same_label = label.len > 0 && th_str_ieq(label, first_label(w->text));
    /* Two that are both written in full are two. */
    return same_label && (label.len == name.len || th_str_index(w->text, '.') < 0) ? RANK_LABEL
                                                                                   : RANK_NONE;
}

static enum rank rank_of_address(
    const struct wanted *w, const struct th_identity *id, const struct th_entity *e)
{
    struct th_binding held[MAX_BINDINGS];
    size_t n = th_identity_history(id, e->slot, held, MAX_BINDINGS);
    enum rank best = th_addr_eq(&e->addr, &w->addr) ? RANK_ADDRESS : RANK_NONE;
    for (size_t i = 0; i < n; i++) {
        if (!th_addr_eq(&held[i].addr, &w->addr))
            continue;
        bool then = held[i].from_ns < w->end_ns && held[i].to_ns > w->start_ns;
        best = TH_MAX(best, then ? RANK_ADDRESS_THEN : RANK_ADDRESS);
    }
    return best;
}

static enum rank rank_of(
    const struct wanted *w, const struct th_identity *id, const struct th_entity *e)
{
    if (w->is_id && e->id == w->id)
        return RANK_ID;
    if (w->is_mac && e->has_mac && memcmp(&e->mac, &w->mac, sizeof(w->mac)) == 0)
        return RANK_MAC;
    if (w->is_addr)
        return rank_of_address(w, id, e);
    return e->hostname[0] ? rank_of_name(w, e) : RANK_NONE;
}

static bool was_about(const struct wanted *w, const struct th_entity *e)
{
    return e->first_ns < w->end_ns && e->last_ns >= w->start_ns;
}

/* Of two that answer equally well. */
static bool is_likelier(
    const struct wanted *w, const struct th_entity *e, const struct th_entity *o)
{
    if (was_about(w, e) != was_about(w, o))
        return was_about(w, e);
    if (e->last_ns != o->last_ns)
        return e->last_ns > o->last_ns;
    return e->id < o->id;
}

/* ---- resemblance ---- */

/* Levenshtein: letters to change, add or leave out; case plays no part. */
static unsigned distance(struct th_str a, struct th_str b)
{
    unsigned row[MAX_COMPARED + 1];
    for (uint32_t k = 0; k <= b.len; k++)
        row[k] = k;
    for (uint32_t i = 0; i < a.len; i++) {
        unsigned before = row[0];
        row[0] = i + 1;
        for (uint32_t k = 0; k < b.len; k++) {
            unsigned change = before + (th_lower(a.p[i]) != th_lower(b.p[k]));
            before = row[k + 1];
            row[k + 1] = TH_MIN(change, TH_MIN(row[k], row[k + 1]) + 1);
        }
    }
    return row[b.len];
}

static bool contains(struct th_str text, struct th_str part)
{
    for (uint32_t i = 0; i + part.len <= text.len; i++)
        if (th_bytes_ieq(text.p + i, part.p, part.len))
            return true;
    return false;
}

/* 0: equal; larger is less alike; UINT32_MAX: not alike. */
static uint32_t unlikeness(struct th_str a, struct th_str b)
{
    if (a.len < 2 || b.len < 2 || a.len > MAX_COMPARED || b.len > MAX_COMPARED)
        return UINT32_MAX;
    if (contains(a, b) || contains(b, a))
        return 1;
    unsigned d = distance(a, b);
    return d <= TH_MAX(TH_MIN(a.len, b.len) / 4, 1u) ? 1 + d : UINT32_MAX;
}

static uint32_t unlikeness_of(const struct wanted *w, const struct th_entity *e)
{
    char addr[TH_ADDR_TEXT_LEN];
    char mac[TH_MAC_TEXT_LEN] = "";
    char id[TH_ENTITY_TEXT_LEN];
    struct th_str name = th_str_c(e->hostname);
    uint32_t best = unlikeness(w->text, name);
    best = TH_MIN(best, unlikeness(first_label(w->text), first_label(name)));
    best = TH_MIN(best, unlikeness(w->text, th_str_n(addr, th_addr_format(&e->addr, addr))));
    if (e->has_mac)
        th_mac_format(&e->mac, mac);
    best = TH_MIN(best, unlikeness(w->text, th_str_c(mac)));
    th_entity_text(e->id, id);
    return TH_MIN(best, unlikeness(w->text, th_str_c(id)));
}

/* ---- all of them ---- */

struct list {
    uint32_t unlike[TH_WHY_MAX_SIMILAR];
    struct th_why *why;
};

/* Keeps the most alike, in order; equal ones by id. */
static void list_add(struct list *l, uint64_t entity, uint32_t unlike)
{
    struct th_why *why = l->why;
    uint32_t at = why->similar_count;
    while (at > 0 &&
        (l->unlike[at - 1] > unlike ||
            (l->unlike[at - 1] == unlike && why->similar[at - 1] > entity)))
        at--;
    if (at == TH_WHY_MAX_SIMILAR)
        return;
    why->similar_count = TH_MIN(why->similar_count + 1, TH_WHY_MAX_SIMILAR);
    for (uint32_t i = why->similar_count - 1; i > at; i--) {
        why->similar[i] = why->similar[i - 1];
        l->unlike[i] = l->unlike[i - 1];
    }
    why->similar[at] = entity;
    l->unlike[at] = unlike;
}

static const struct th_entity *device_at(const struct th_identity *id, uint32_t slot)
{
    const struct th_entity *e = th_identity_slot(id, slot);
    return e && e->kind == TH_ENTITY_DEVICE ? e : NULL;
}

static const struct th_entity *find_best(
    const struct wanted *w, const struct th_identity *id, enum rank *ret_rank)
{
    const struct th_entity *best = NULL;
    *ret_rank = RANK_NONE;
    for (uint32_t i = 0; i < th_identity_count(id); i++) {
        const struct th_entity *e = device_at(id, i);
        enum rank rank = e ? rank_of(w, id, e) : RANK_NONE;
        if (rank == RANK_NONE || rank < *ret_rank)
            continue;
        if (rank == *ret_rank && !is_likelier(w, e, best))
            continue;
        best = e;
        *ret_rank = rank;
    }
    return best;
}

/* "user:anna", or a user's id. */
static const struct th_net_user *user_of(const struct wanted *w, const struct th_identity *id)
{
    static const char head[] = "user:";
    struct th_str name = w->text;
    if (w->is_id && th_entity_is_user(w->id))
        return th_identity_user(id, w->id);
    if (!th_str_starts(name, head))
        return NULL;
    return th_identity_user_named(
        id, th_str_n(name.p + sizeof(head) - 1, name.len - (sizeof(head) - 1)));
}

void th_why_find(struct th_why *why, const struct th_identity *id)
{
    struct wanted w = wanted_of(why);
    struct list others = {.why = why};
    enum rank rank;
    const struct th_entity *best = find_best(&w, id, &rank);
    const struct th_net_user *user = user_of(&w, id);
    why->entity = user ? user->id : best ? best->id : 0;
    why->similar_count = 0;
    if (user)
        return;
    for (uint32_t i = 0; i < th_identity_count(id); i++) {
        const struct th_entity *e = device_at(id, i);
        if (!e || e == best)
            continue;
        uint32_t unlike = best ? UINT32_MAX : unlikeness_of(&w, e);
        if (best && rank_of(&w, id, e) == rank)
            unlike = 0;
        if (unlike != UINT32_MAX)
            list_add(&others, e->id, unlike);
    }
}
