/* SPDX-License-Identifier: Apache-2.0 */
/* Finding flows: chunks, hash slots with linear probing, lists by class of time-out. */
#include "flow_priv.h"

enum { SLOTS_MIN = 1024 };

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* The order of an end among the two, whatever it means: equal for both directions. */
static bool is_swapped(const struct th_pkt *pkt)
{
    int order = memcmp(pkt->src.b, pkt->dst.b, 16);
    return order > 0 || (order == 0 && pkt->src_port > pkt->dst_port);
}

static uint32_t tag_of_v6(
    const struct th_flows *t, const struct th_pkt *pkt, bool swap, uint64_t rest)
{
    uint64_t words[6] = {0};
    memcpy(words, swap ? pkt->dst.b : pkt->src.b, 16);
    memcpy(words + 2, swap ? pkt->src.b : pkt->dst.b, 16);
    words[4] = rest;
    return (uint32_t)th_hash_blocks(&t->config.key, words, TH_ARRAY_LEN(words) / 2);
}

/* Equal for both directions: the lower end goes first. IPv4 needs four bytes of an address. */
uint32_t th_table_tag(const struct th_flows *t, const struct th_pkt *pkt)
{
    bool v4 = th_addr_is_v4(&pkt->src) && th_addr_is_v4(&pkt->dst);
    uint32_t src = load32(pkt->src.b + 12);
    uint32_t dst = load32(pkt->dst.b + 12);
    bool swap = v4 && src != dst ? src > dst : is_swapped(pkt);
    uint16_t low = swap ? pkt->dst_port : pkt->src_port;
    uint16_t high = swap ? pkt->src_port : pkt->dst_port;
    uint64_t rest = (uint64_t)low << 48 | (uint64_t)high << 32 | pkt->proto;
    if (!t->config.ignore_vlan)
        rest |= (uint64_t)pkt->vlan << 20 | (uint64_t)(pkt->inner_vlan & 0xfffu) << 8;
    if (__builtin_expect(!v4, 0))
        return tag_of_v6(t, pkt, swap, rest);
    const uint64_t words[] = {(uint64_t)(swap ? dst : src) << 32 | (swap ? src : dst), rest};
    return (uint32_t)th_hash_blocks(&t->config.key, words, 1);
}

static inline bool addr_eq(const struct th_addr *a, const struct th_addr *b)
{
    return ((load64(a->b) ^ load64(b->b)) | (load64(a->b + 8) ^ load64(b->b + 8))) == 0;
}

/* 0 or 1: the packet's direction in this flow; -1: another flow. */
static inline int match(const struct th_flows *t, const struct th_flow *f, const struct th_pkt *pkt)
{
    if (f->proto != pkt->proto)
        return -1;
    if (!t->config.ignore_vlan && (f->vlan != pkt->vlan || f->inner_vlan != pkt->inner_vlan))
        return -1;
    if (f->port[0] == pkt->src_port && f->port[1] == pkt->dst_port &&
        addr_eq(&f->addr[0], &pkt->src) && addr_eq(&f->addr[1], &pkt->dst))
        return 0;
    if (f->port[1] == pkt->src_port && f->port[0] == pkt->dst_port &&
        addr_eq(&f->addr[1], &pkt->src) && addr_eq(&f->addr[0], &pkt->dst))
        return 1;
    return -1;
}

const struct th_flow *th_flows_fetch(const struct th_flows *t, uint32_t tag)
{
    if (!t->slots)
        return NULL;
    for (uint32_t i = tag & t->slot_mask; t->slots[i].index != TH_FLOW_NONE;
         i = (i + 1) & t->slot_mask) {
        if (t->slots[i].tag == tag) {
            const struct th_flow_priv *p = th_table_at(t, t->slots[i].index);
            th_flow_prefetch(p);
            return &p->f;
        }
    }
    return NULL;
}

struct th_flow_priv *th_table_find(
    struct th_flows *t, const struct th_pkt *pkt, uint32_t tag, int *ret_dir)
{
    if (!t->slots)
        return NULL;
    for (uint32_t i = tag & t->slot_mask; t->slots[i].index != TH_FLOW_NONE;
         i = (i + 1) & t->slot_mask) {
        if (t->slots[i].tag != tag)
            continue;
        struct th_flow_priv *p = th_table_at(t, t->slots[i].index);
        int dir = match(t, &p->f, pkt);
        if (dir >= 0) {
            *ret_dir = dir;
            return p;
        }
    }
    return NULL;
}

static void put_slot(struct th_flows *t, uint32_t tag, uint32_t index)
{
    uint32_t i = tag & t->slot_mask;
    while (t->slots[i].index != TH_FLOW_NONE)
        i = (i + 1) & t->slot_mask;
    t->slots[i] = (struct th_slot){.tag = tag, .index = index};
}

/* The index has at most 3.2 slots a flow, and half as many again while it grows. */
size_t th_flow_cost_bytes(void)
{
    return sizeof(struct th_flow_priv) + 5 * sizeof(struct th_slot);
}

/* Keeps at least three of eight slots free. */
static void grow_slots(struct th_flows *t)
{
    uint32_t count = t->slots ? t->slot_mask + 1 : 0;
    if (count && t->stats.flows_now < count / 8 * 5)
        return;
    struct th_slot *old = t->slots;
    uint32_t wider = count ? count * 2 : SLOTS_MIN;
    t->slots = th_xcalloc(wider, sizeof(*t->slots));
    t->slot_mask = wider - 1;
    t->stats.table_bytes += (wider - count) * sizeof(*t->slots);
    for (uint32_t i = 0; i < wider; i++)
        t->slots[i].index = TH_FLOW_NONE;
    for (uint32_t i = 0; i < count; i++) {
        if (old[i].index != TH_FLOW_NONE)
            put_slot(t, old[i].tag, old[i].index);
    }
    free(old);
}

static void add_chunk(struct th_flows *t)
{
    uint32_t base = t->chunk_count << TH_FLOW_CHUNK_BITS;
    t->chunks = th_xreallocarray(t->chunks, t->chunk_count + 1, sizeof(struct th_flow_priv *));
    struct th_flow_priv *chunk =
        aligned_alloc(_Alignof(struct th_flow_priv), TH_FLOW_CHUNK * sizeof(*chunk));
    TH_ASSERT(chunk);
    t->chunks[t->chunk_count++] = chunk;
    t->stats.table_bytes += TH_FLOW_CHUNK * sizeof(*chunk);
    for (uint32_t i = TH_FLOW_CHUNK; i-- > 0;) {
        chunk[i].index = base + i;
        chunk[i].next = t->free_head;
        t->free_head = base + i;
    }
}

struct th_flow_priv *th_table_add(struct th_flows *t, uint32_t tag)
{
    if (t->free_head == TH_FLOW_NONE)
        add_chunk(t);
    grow_slots(t);
    uint32_t index = t->free_head;
    struct th_flow_priv *p = th_table_at(t, index);
    t->free_head = p->next;
    memset(p, 0, sizeof(*p));
    p->index = index;
    p->tag = tag;
    put_slot(t, tag, index);
    t->stats.flows++;
    t->stats.flows_now++;
    return p;
}

/* Deletion with linear probing: those behind move up when their home is not past the hole (Knuth,
 * The Art of Computer Programming 6.4, algorithm R). */
static void free_slot(struct th_flows *t, uint32_t hole)
{
    uint32_t i = hole;
    for (;;) {
        i = (i + 1) & t->slot_mask;
        if (t->slots[i].index == TH_FLOW_NONE)
            break;
        uint32_t home = t->slots[i].tag & t->slot_mask;
        if (((i - home) & t->slot_mask) >= ((i - hole) & t->slot_mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].index = TH_FLOW_NONE;
}

void th_table_remove(struct th_flows *t, struct th_flow_priv *p)
{
    uint32_t i = p->tag & t->slot_mask;
    while (t->slots[i].index != p->index) {
        TH_ASSERT(t->slots[i].index != TH_FLOW_NONE);
        i = (i + 1) & t->slot_mask;
    }
    free_slot(t, i);
    p->next = t->free_head;
    t->free_head = p->index;
    t->stats.flows_now--;
}

struct th_rare *th_flow_rare(struct th_flows *t, struct th_flow_priv *p)
{
    if (!p->rare) {
        p->rare = th_xcalloc(1, sizeof(*p->rare));
        t->stats.table_bytes += sizeof(*p->rare);
    }
    return p->rare;
}

void th_flow_rare_free(struct th_flows *t, struct th_flow_priv *p)
{
    if (!p->rare)
        return;
    t->stats.table_bytes -= sizeof(*p->rare);
    free(TH_TAKE(p->rare));
}

void th_list_append(struct th_flows *t, struct th_flow_priv *p, enum th_flow_class class)
{
    struct th_list *l = &t->lists[class];
    l->count++;
    p->class = (uint8_t) class;
    p->prev = l->tail;
    p->next = TH_FLOW_NONE;
    if (l->tail != TH_FLOW_NONE)
        th_table_at(t, l->tail)->next = p->index;
    else
        l->head = p->index;
    l->tail = p->index;
}

void th_list_remove(struct th_flows *t, struct th_flow_priv *p)
{
    struct th_list *l = &t->lists[p->class];
    l->count--;
    if (p->prev != TH_FLOW_NONE)
        th_table_at(t, p->prev)->next = p->next;
    else
        l->head = p->next;
    if (p->next != TH_FLOW_NONE)
        th_table_at(t, p->next)->prev = p->prev;
    else
        l->tail = p->prev;
}
