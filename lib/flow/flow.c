/* SPDX-License-Identifier: Apache-2.0 */
/* The table's life: packets to their flows, parts, time-outs, eviction. */
#include "flow/flow.h"

#include "flow_priv.h"

/* Of a flow's user data, fetched ahead of its end. */
enum { APP_FETCH_BYTES = 192 };

static int64_t or_default(int64_t v, int64_t instead)
{
    return v ? v : instead;
}

static void set_times(const struct th_flow_config *config, int64_t *timeout_ns, int64_t *touch_ns)
{
    timeout_ns[TH_CLASS_TCP] = or_default(config->tcp_idle_ns, 5 * TH_NS_PER_MIN);
    timeout_ns[TH_CLASS_ATTEMPT] = or_default(config->tcp_attempt_ns, 5 * TH_NS_PER_S);
    timeout_ns[TH_CLASS_CLOSING] = or_default(config->tcp_close_ns, 5 * TH_NS_PER_S);
    timeout_ns[TH_CLASS_UDP] = or_default(config->udp_idle_ns, TH_NS_PER_MIN);
    timeout_ns[TH_CLASS_ICMP] = or_default(config->icmp_idle_ns, TH_NS_PER_MIN);
    timeout_ns[TH_CLASS_UDP_ONCE] = timeout_ns[TH_CLASS_UDP];
    timeout_ns[TH_CLASS_ICMP_ONCE] = timeout_ns[TH_CLASS_ICMP];
    for (unsigned i = 0; i < TH_CLASS_COUNT; i++)
        touch_ns[i] = TH_MAX(timeout_ns[i] / TH_FLOW_TOUCH_SHARE, TH_FLOW_SWEEP_NS);
}

struct th_flows *th_flows_new(
    const struct th_flow_config *config, const struct th_flow_ops *ops, void *arg)
{
    struct th_flows *t = th_xcalloc(1, sizeof(*t));
    t->config = *config;
    t->ops = *ops;
    t->arg = arg;
    if (!t->config.max_flows)
        t->config.max_flows = 1000000;
    if (!t->config.max_reassembly_bytes)
        t->config.max_reassembly_bytes = 128u << 20;
    if (!t->config.max_reassembly_flow_bytes)
        t->config.max_reassembly_flow_bytes = 1u << 20;
    if (!t->config.part_interval_ns)
        t->config.part_interval_ns = 5 * TH_NS_PER_MIN;
    set_times(config, t->timeout_ns, t->touch_ns);
    t->now_ns = t->sweep_ns = INT64_MIN;
    t->free_head = TH_FLOW_NONE;
    for (unsigned i = 0; i < TH_CLASS_COUNT; i++)
        t->lists[i] = (struct th_list){.head = TH_FLOW_NONE, .tail = TH_FLOW_NONE};
    t->frags = th_frags_new(&t->config.key);
    return t;
}

static void free_extras(struct th_flows *t, struct th_flow_priv *p)
{
    th_reasm_free(t, p);
    th_flow_rare_free(t, p);
}

void th_flows_free(struct th_flows *t)
{
    if (!t)
        return;
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++) {
        for (uint32_t i = t->lists[class].head; i != TH_FLOW_NONE; i = th_table_at(t, i)->next)
            free_extras(t, th_table_at(t, i));
    }
    for (uint32_t i = 0; i < t->chunk_count; i++)
        free(t->chunks[i]);
    free(t->chunks);
    free(t->slots);
    th_frags_free(t->frags);
    free(t);
}

const struct th_flow_stats *th_flows_stats(const struct th_flows *t)
{
    return &t->stats;
}

static void end_flow(struct th_flows *t, struct th_flow_priv *p, enum th_flow_end why)
{
    th_reasm_flush(t, p, t->now_ns);
    p->ending = true;
    if (t->ops.end)
        t->ops.end(t->arg, &p->f, why);
    free_extras(t, p);
    th_list_remove(t, p);
    th_table_remove(t, p);
}

/* While one flow ends, what ends after it comes from memory: the next one's user data, and the flow
 * behind that. */
static inline void fetch_after(const struct th_flow_priv *next, const struct th_flow_priv *then)
{
    const char *app = next ? next->f.app : NULL;
    for (size_t at = 0; app && at < APP_FETCH_BYTES; at += 64)
        __builtin_prefetch(app + at, 1);
    if (then)
        th_flow_prefetch(then);
}

static inline const struct th_flow_priv *after(
    const struct th_flows *t, const struct th_flow_priv *p)
{
    return p && p->next != TH_FLOW_NONE ? th_table_at(t, p->next) : NULL;
}

static bool is_expired(const struct th_flows *t, const struct th_flow_priv *p)
{
    return th_time_add(p->seen_ns, t->timeout_ns[p->class]) <= t->now_ns;
}

static void sweep(struct th_flows *t)
{
    t->sweep_ns = th_time_add(t->now_ns, TH_FLOW_SWEEP_NS);
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++) {
        while (t->lists[class].head != TH_FLOW_NONE) {
            struct th_flow_priv *p = th_table_at(t, t->lists[class].head);
            if (!is_expired(t, p))
                break;
            const struct th_flow_priv *next = after(t, p);
            fetch_after(next, after(t, next));
            end_flow(t, p, class == TH_CLASS_CLOSING ? TH_FLOW_END_CLOSED : TH_FLOW_END_TIMEOUT);
        }
    }
    th_reasm_sweep(t);
    th_frag_sweep(t);
}

/* Time is the highest that was seen: a capture whose clock steps back breaks nothing. */
static inline void advance(struct th_flows *t, int64_t now_ns)
{
    if (now_ns > t->now_ns)
        t->now_ns = now_ns;
    if (t->now_ns >= t->sweep_ns)
        sweep(t);
}

void th_flows_advance(struct th_flows *t, int64_t now_ns)
{
    advance(t, now_ns);
}

int64_t th_flows_longest_idle_ns(const struct th_flow_config *config)
{
    int64_t timeout_ns[TH_CLASS_COUNT], touch_ns[TH_CLASS_COUNT];
    int64_t longest_ns = 0;
    set_times(config, timeout_ns, touch_ns);
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++)
        longest_ns = TH_MAX(longest_ns, timeout_ns[class] + 2 * touch_ns[class]);
    return longest_ns + TH_FLOW_SWEEP_NS;
}

/* Floods and scans are made of these. */
static const unsigned slight_classes = 1u << TH_CLASS_ATTEMPT | 1u << TH_CLASS_CLOSING |
    1u << TH_CLASS_UDP_ONCE | 1u << TH_CLASS_ICMP_ONCE;

/* The one of its class that was idle longest. Lists lag behind (touch() below): who was seen since
 * he moved, and not long ago, moves now. */
static struct th_flow_priv *idlest_of(struct th_flows *t, unsigned class)
{
    for (;;) {
        struct th_flow_priv *p = th_table_at(t, t->lists[class].head);
        if (p->seen_ns <= p->touch_ns || t->now_ns - p->seen_ns > t->touch_ns[class])
            return p;
        p->touch_ns = t->now_ns;
        th_list_remove(t, p);
        th_list_append(t, p, class);
    }
}

static void evict_one(struct th_flows *t)
{
    struct th_flow_priv *idlest = NULL;
    uint32_t slight = 0;
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++)
        slight += slight_classes >> class & 1 ? t->lists[class].count : 0;
    bool any = slight <= t->stats.flows_now / TH_FLOW_SLIGHT_SHARE;
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++) {
        if (!t->lists[class].count || !(any || slight_classes >> class & 1))
            continue;
        struct th_flow_priv *p = idlest_of(t, class);
        if (!idlest || p->seen_ns < idlest->seen_ns)
            idlest = p;
    }
    TH_ASSERT(idlest);
    if (idlest->class == TH_CLASS_CLOSING) {
        end_flow(t, idlest, TH_FLOW_END_CLOSED);
        return;
    }
    t->stats.evicted++;
    idlest->f.cut |= TH_CUT_FLOW;
    end_flow(t, idlest, TH_FLOW_END_EVICTED);
}

static enum th_flow_class class_of(const struct th_flow_priv *p)
{
    if (p->f.proto == TH_IPPROTO_TCP)
        return th_tcp_class(p);
    bool once = p->f.pkts[0] + p->f.pkts[1] <= 1;
    if (th_is_icmp(p->f.proto))
        return once ? TH_CLASS_ICMP_ONCE : TH_CLASS_ICMP;
    return once ? TH_CLASS_UDP_ONCE : TH_CLASS_UDP;
}

static struct th_flow_priv *create(
    struct th_flows *t, const struct th_pkt *pkt, uint32_t tag, int *ret_dir)
{
    while (t->stats.flows_now >= t->config.max_flows)
        evict_one(t);
    struct th_flow_priv *p = th_table_add(t, tag);
    struct th_flow *f = &p->f;
    int dir = th_flow_is_reversed(pkt);
    f->addr[dir] = pkt->src;
    f->addr[!dir] = pkt->dst;
    f->port[dir] = pkt->src_port;
    f->port[!dir] = pkt->dst_port;
    f->proto = pkt->proto;
    f->vlan = pkt->vlan;
    f->inner_vlan = pkt->inner_vlan;
    f->tunnel = pkt->tunnel;
    f->has_mac = pkt->has_mac;
    f->mac[dir] = pkt->src_mac;
    f->mac[!dir] = pkt->dst_mac;
    f->first_ns = f->last_ns = pkt->time_ns;
    p->part_ns = p->touch_ns = t->now_ns;
    th_flow_uid(&t->config.key, pkt, f->uid);
    if (dir)
        th_history_put(p, 0, '^');
    th_list_append(t, p, class_of(p));
    *ret_dir = dir;
    return p;
}

static void make_part(struct th_flows *t, struct th_flow_priv *p)
{
    p->f.parts++;
    if (t->ops.part)
        t->ops.part(t->arg, &p->f, t->now_ns);
    p->part_ns = t->now_ns;
    memcpy(th_flow_rare(t, p)->part_payload, p->f.payload_bytes, sizeof(p->f.payload_bytes));
}

static inline void account(struct th_flows *t, struct th_flow_priv *p, int dir,
    const struct th_pkt *pkt, const struct th_count *count)
{
    struct th_flow *f = &p->f;
    f->pkts[dir] += count->pkts;
    f->ip_bytes[dir] += count->ip_bytes;
    f->wire_bytes[dir] += count->wire_bytes;
    if (pkt->time_ns > f->last_ns)
        f->last_ns = pkt->time_ns;
    p->seen_ns = t->now_ns;
}

static void datagram(struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt)
{
    p->f.payload_bytes[dir] += pkt->payload_len;
    if (pkt->payload_len && !th_is_icmp(pkt->proto))
        th_history_once(p, dir, TH_ONCE_DATA);
    if (!p->f.skip_data[dir] && t->ops.data)
        t->ops.data(t->arg, &p->f, dir, pkt->time_ns, (const uint8_t *)pkt->payload.p,
            pkt->payload.len, pkt->payload_len);
}

/* Moves it to the end of its class's list, unless it did so a moment ago. */
static inline void touch(struct th_flows *t, struct th_flow_priv *p)
{
    enum th_flow_class class = class_of(p);
    if (class == p->class && t->now_ns - p->touch_ns < t->touch_ns[class])
        return;
    p->touch_ns = t->now_ns;
    th_list_remove(t, p);
    th_list_append(t, p, class);
}

void th_flow_input(
    struct th_flows *t, const struct th_pkt *pkt, uint32_t tag, const struct th_count *count)
{
    /* The transport header could not be read: enough to count for a flow that is known. */
    bool readable = pkt->payload.p != NULL;
    int dir = 0;
    struct th_flow_priv *p = th_table_find(t, pkt, tag, &dir);
    if (p && readable) {
        bool reuse = pkt->proto == TH_IPPROTO_TCP && th_tcp_is_reuse(p, dir, pkt);
        if (__builtin_expect(reuse || is_expired(t, p), 0)) {
            end_flow(t, p,
                reuse || p->class == TH_CLASS_CLOSING ? TH_FLOW_END_CLOSED : TH_FLOW_END_TIMEOUT);
            p = NULL;
        }
    }
    bool fresh = !p;
    if (fresh && !readable) {
        th_flow_weird(t, NULL, pkt->time_ns, pkt->weird);
        return;
    }
    if (fresh)
        p = create(t, pkt, tag, &dir);
    else if (t->config.part_interval_ns > 0 &&
        __builtin_expect(t->now_ns - p->part_ns >= t->config.part_interval_ns, 0))
        make_part(t, p);
    account(t, p, dir, pkt, count);
    if (fresh && t->ops.begin)
        t->ops.begin(t->arg, &p->f);
    if (__builtin_expect(pkt->weird != NULL, 0))
        th_flow_weird(t, p, pkt->time_ns, pkt->weird);
    if (!readable)
        return;
    if (p->f.pkts[dir] == count->pkts && pkt->has_mac)
        p->f.mac[dir] = pkt->src_mac; /* the responder's own, not whom the originator asked */
    if (pkt->proto == TH_IPPROTO_TCP)
        th_tcp_packet(t, p, dir, pkt);
    else
        datagram(t, p, dir, pkt);
    touch(t, p);
}

uint32_t th_flows_tag(const struct th_flows *t, const struct th_pkt *pkt)
{
    uint32_t tag = th_table_tag(t, pkt);
    if (t->slots)
        __builtin_prefetch(&t->slots[tag & t->slot_mask]);
    return tag;
}

void th_flows_packet(struct th_flows *t, const struct th_pkt *pkt)
{
    th_flows_take(t, pkt, pkt->kind == TH_PKT_IP ? th_table_tag(t, pkt) : 0);
}

void th_flows_take(struct th_flows *t, const struct th_pkt *pkt, uint32_t tag)
{
    advance(t, pkt->time_ns);
    t->stats.packets++;
    if (pkt->kind != TH_PKT_IP)
        return;
    if (__builtin_expect(pkt->fragment, 0)) {
        th_frag_packet(t, pkt);
        return;
    }
    struct th_count count = {.pkts = 1, .ip_bytes = pkt->ip_len, .wire_bytes = pkt->wire_len};
    th_flow_input(t, pkt, tag, &count);
}

static int by_age(const void *a, const void *b)
{
    const struct th_flow_priv *x = *(struct th_flow_priv *const *)a;
    const struct th_flow_priv *y = *(struct th_flow_priv *const *)b;
    if (x->f.first_ns != y->f.first_ns)
        return x->f.first_ns < y->f.first_ns ? -1 : 1;
    return memcmp(x->f.uid, y->f.uid, TH_UID_LEN);
}

void th_flows_flush(struct th_flows *t)
{
    th_frag_flush(t);
    if (!t->stats.flows_now)
        return;
    TH_AUTOFREE struct th_flow_priv **all =
        th_xreallocarray(NULL, t->stats.flows_now, sizeof(struct th_flow_priv *));
    size_t n = 0;
    for (unsigned class = 0; class < TH_CLASS_COUNT; class ++) {
        for (uint32_t i = t->lists[class].head; i != TH_FLOW_NONE; i = th_table_at(t, i)->next)
            all[n++] = th_table_at(t, i);
    }
    TH_ASSERT(n == t->stats.flows_now);
    qsort(all, n, sizeof(struct th_flow_priv *), by_age);
    for (size_t i = 0; i < n; i++) {
        fetch_after(i + 1 < n ? all[i + 1] : NULL, i + 2 < n ? all[i + 2] : NULL);
        end_flow(
            t, all[i], all[i]->class == TH_CLASS_CLOSING ? TH_FLOW_END_CLOSED : TH_FLOW_END_FLUSH);
    }
}
