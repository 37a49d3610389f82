/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forgetting an entity. Its record is emptied and nothing leads to it any more: neither an address,
 * now or in the past, nor a MAC. Addresses and MACs themselves stay in their tables without a
 * holder, as those of strangers do, until they make room for others.
 */
#include "identity_i.h"

void device_empty(struct device *d)
{
    struct th_entity e = {.id = d->e.id, .slot = d->e.slot, .kind = TH_ENTITY_FORGOTTEN};
    *d = (struct device){.e = e};
}

static void release_addresses(struct th_identity *id, uint32_t slot)
{
    for (uint32_t i = 0; i < id->addr_count; i++) {
        struct addr_rec *r = &id->addr[i];
        if (r->slot == slot) {
            r->slot = r->mac = NONE;
            r->via = VIA_NONE;
            r->since_ns = 0;
        }
        for (unsigned k = 0; k < r->past_count; k++)
            if (r->past[k].slot == slot)
                r->past[k].slot = NONE;
    }
}

static void release_macs(struct th_identity *id, uint32_t slot)
{
    for (uint32_t i = 0; i < id->mac_count; i++) {
        struct mac_rec *m = &id->mac[i];
        if (m->slot == slot)
            *m = (struct mac_rec){.mac = m->mac, .gateway = m->gateway, .slot = NONE};
    }
}

/* The record is filed under a number that its slot gives instead of its id. */
static uint64_t nobody(struct th_identity *id, uint32_t slot)
{
    uint64_t h = th_mix64(slot + UINT64_C(0x666f72676574)) >> 14;
    while (h == 0 || th_identity_find(id, h))
        h = th_mix64(h) >> 14;
    return h;
}

uint64_t th_identity_holder(struct th_identity *id, const struct th_addr *a)
{
    const struct addr_rec *r = addr_get(id, a, false);
    const struct th_entity *e = r && r->slot != NONE ? th_identity_slot(id, r->slot) : NULL;
    return e ? e->id : 0;
}

bool th_identity_forget(struct th_identity *id, uint64_t entity_id)
{
    if (th_entity_is_user(entity_id))
        return user_forget(id, entity_id);
    struct th_entity *e = th_identity_find(id, entity_id);
    if (!e)
        return false;
    struct device *d = device_at(id, e->slot);
    release_addresses(id, e->slot);
    release_macs(id, e->slot);
    index_remove(&id->by_id, index_hash(th_mix64(entity_id)), e->slot);
    d->e.id = nobody(id, e->slot);
    index_put(&id->by_id, index_hash(th_mix64(d->e.id)), e->slot);
    device_empty(d);
    return true;
}
