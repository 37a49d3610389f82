/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links: what makes breaches one story. Each breach has some: its device (of a user's the user, and
 * of its alert the device that the credential was used from), the device that it reached where an
 * attack moves from one to the other, and the destination (peer and registered domain) where that
 * is rare and the breach an alert. What was reached joins when it acts in turn, so that a path is
 * one story, and a server that many reach makes no story of them. A device's link lasts 4 hours
 * after its last use, a destination's 2 days (an implant that is told once a day is still one
 * story).
 */
#include <math.h>

#include "model_i.h"

#define IDLE_NS (4 * TH_NS_PER_HOUR)
/* A destination that more devices use does not make two devices' troubles one. */
#define RARE_DEVICES 3u
#define RARE_SHARE 0.01
/* Only what is rare by itself makes two devices' troubles one: a step from one to the other when it
 * is so in an hour of 250, a destination that both use when it is an alert. */
#define STEP_SCORE 30.0

enum link_kind { LINK_DEVICE = 1, LINK_PEER, LINK_DOMAIN, LINK_REACHED };

static void links_add(
    struct links *l, enum link_kind kind, uint64_t id, bool strong, bool find, bool put)
{
    l->v[l->count].key = th_hash_pair(kind, id);
    l->v[l->count].strong = strong;
    l->v[l->count].find = find;
    l->v[l->count].put = put;
    l->count++;
}

static bool moves_between_devices(const struct th_model_info *m)
{
    return strcmp(m->tactic, "lateral-movement") == 0 || strcmp(m->tactic, "execution") == 0 ||
        strcmp(m->tactic, "credential-access") == 0;
}

static bool rare_peer(const struct th_breach *b)
{
    for (uint32_t i = 0; i < b->evidence_count; i++) {
        const struct th_signal *s = &b->evidence[i];
        if (!s->has_peer || s->peer.key != b->peer.key)
            continue;
        return s->peer_devices <= RARE_DEVICES ||
            s->peer_devices <= RARE_SHARE * (double)s->org_devices;
    }
    return false;
}

static uint64_t text_key(struct th_str s)
{
    static const struct th_hash_key key = {0x646f6d61696e2d31, 0x7468796d75730003};
    return th_siphash(&key, s.p, s.len);
}

struct links links_of(const struct th_models *m, const struct th_identity *id,
    const struct th_breach *b, double threshold)
{
    struct links l = {0};
    links_add(&l, LINK_DEVICE, b->entity, false, true, true);
    /* A user is at many devices every day: only an alert makes their troubles its own. */
    double step = th_entity_is_user(b->entity) ? threshold : fmin(STEP_SCORE, threshold);
    if (b->score < step)
        return l;
    links_add(&l, LINK_REACHED, b->entity, false, true, false);
    if (b->source) /* what a credential does is a deed of the device that uses it */
        links_add(&l, LINK_DEVICE, b->source, false, true, true);
    if (!b->has_peer)
        return l;
    if (b->peer.inside) {
        const struct th_entity *e = th_identity_slot(id, b->peer.slot);
        if (e && e->id != b->source && moves_between_devices(th_models_info(m, b->model)))
            links_add(&l, LINK_REACHED, e->id, false, false, true);
    } else if (b->score >= threshold && rare_peer(b)) {
        links_add(&l, LINK_PEER, b->peer.key, true, true, true);
        if (b->peer.domain.len)
            links_add(&l, LINK_DOMAIN, text_key(b->peer.domain), true, true, true);
    }
    return l;
}

static bool holds_link(const struct incident *in, uint64_t key, int64_t start_ns, int64_t end_ns)
{
    for (uint32_t i = 0; i < in->link_count; i++) {
        const struct link *l = &in->link[i];
        int64_t idle = l->strong ? LINK_LONGEST_NS : IDLE_NS;
        if (l->key == key && th_time_sub(start_ns, l->last_ns) <= idle &&
            th_time_sub(in->start_ns, end_ns) <= idle)
            return true;
    }
    return false;
}

static void link_put(struct incident *in, uint64_t key, bool strong, int64_t last_ns)
{
    struct link *stalest = &in->link[0];
    for (uint32_t i = 0; i < in->link_count; i++) {
        struct link *l = &in->link[i];
        if (l->key == key) {
            l->last_ns = TH_MAX(l->last_ns, last_ns);
            return;
        }
        if (l->last_ns < stalest->last_ns)
            stalest = l;
    }
    if (in->link_count < MAX_LINKS)
        stalest = &in->link[in->link_count++];
    *stalest = (struct link){.key = key, .last_ns = last_ns, .strong = strong};
}

bool links_meet(const struct incident *in, const struct links *l, const struct th_breach *b)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->v[i].find && holds_link(in, l->v[i].key, b->start_ns, b->end_ns))
            return true;
    return false;
}

void links_put(struct incident *in, const struct links *l, int64_t last_ns)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->v[i].put)
            link_put(in, l->v[i].key, l->v[i].strong, last_ns);
}

void links_take(struct incident *to, const struct incident *from)
{
    for (uint32_t i = 0; i < from->link_count; i++)
        link_put(to, from->link[i].key, from->link[i].strong, from->link[i].last_ns);
}

static void remove_link(struct incident *in, uint64_t key)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < in->link_count; i++)
        if (in->link[i].key != key)
            in->link[kept++] = in->link[i];
    in->link_count = kept;
}

void links_forget(struct incident *in, uint64_t entity)
{
    remove_link(in, th_hash_pair(LINK_DEVICE, entity));
    remove_link(in, th_hash_pair(LINK_REACHED, entity));
}
