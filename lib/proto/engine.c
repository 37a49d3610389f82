/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/engine.h"

#include "base/err.h"

#include "analyser.h"
#include "dhcp.h"
#include "expect.h"
#include "packet/dedup.h"
#include "packet/tunnels.h"

/* A name of weird is reported this often, then once in WEIRD_EACH times. */
#define WEIRD_FREE 25u
#define WEIRD_EACH 1000u
#define WEIRD_MAX_NAMES 256u
/* Packets that copies are looked for among: two mirrors are some milliseconds apart, and half a
 * megabyte stays in a core's cache. */
#define DEDUP_BITS 16u
/* Beside tunnels plain packets are looked at one in so many, until one is seen both ways; then all,
 * for this long. */
#define PLAIN_SHARE 16u
static const int64_t plain_meets_ns = 60 * TH_NS_PER_S;
/* Tunnels whose packets are themselves fragments of tunnels. */
#define MAX_NESTED 4u

struct weird_name {
    const char *name; /* static */
    uint64_t seen;
    uint64_t unreported;
    int64_t last_ns;
};

/* A frame that was decoded and waits for its turn. */
struct ahead {
    struct th_pkt pkt;
    const struct th_frame *frame;
    const struct th_flow *flow; /* NULL: none, as it seems */
    uint32_t tag;
    bool tunnel; /* what says that it is one */
};

struct th_engine {
    struct th_proto pr;
    struct ahead ahead[TH_ENGINE_FRAMES];
    struct th_flows *flows;
    struct th_tunnels *tunnels;
    struct th_dedup *dedup; /* NULL while packets come one way only */
    uint32_t wire;
    bool wires;             /* there are several */
    int64_t plain_until_ns; /* what is in tunnels is seen without them, too */
    unsigned nested;
    struct th_sink sink;
    struct th_engine_config config;
    struct th_engine_stats stats;
    struct th_subnet *local, *exclude;
    struct weird_name weirds[WEIRD_MAX_NAMES];
    unsigned weird_count;
};

/* Sweeps are some time apart, frames of two wires not quite in order. */
static const int64_t sweep_margin_ns = 10 * TH_NS_PER_S;

static const uint64_t default_max_hash_bytes = 10u << 20;
static const uint64_t default_memory_bytes = UINT64_C(1) << 30;
/* Fragments, copies of packets, tunnels, leases, announced flows: each has a limit of its own,
 * together this. */
static const uint64_t fixed_memory_bytes = 32u << 20;

static bool is_local(const void *arg, const struct th_addr *a)
{
    const struct th_engine *e = arg;
    if (!e->config.local_count)
        return th_addr_is_private(a);
    for (size_t i = 0; i < e->config.local_count; i++)
        if (th_subnet_has(&e->local[i], a))
            return true;
    return false;
}

static void emit_weird(
    struct th_engine *e, struct weird_name *w, const struct th_flow *f, int64_t time_ns)
{
    struct th_ev_weird ev = {0};
    if (f) {
        const struct th_conn conn = {.flow = (struct th_flow *)f};
        TH_CONN_ID(&ev, WEIRD, &conn, time_ns);
    } else {
        ev.h.kind = TH_KIND_WEIRD;
        TH_SET(&ev, WEIRD, ts, time_ns);
    }
    TH_SET(&ev, WEIRD, name, th_str_c(w->name));
    TH_SET(&ev, WEIRD, count, w->unreported);
    w->unreported = 0;
    th_proto_emit(&e->pr, &ev.h, time_ns);
}

/* NULL when there are too many names, which are ours: a bug, but not one to die of. */
static struct weird_name *weird_find(struct th_engine *e, const char *name)
{
    for (unsigned i = 0; i < e->weird_count; i++)
        if (e->weirds[i].name == name || strcmp(e->weirds[i].name, name) == 0)
            return &e->weirds[i];
    if (e->weird_count == WEIRD_MAX_NAMES)
        return NULL;
    e->weirds[e->weird_count] = (struct weird_name){.name = name};
    return &e->weirds[e->weird_count++];
}

static void on_weird(void *arg, struct th_flow *f, int64_t time_ns, const char *name)
{
    struct th_engine *e = arg;
    struct weird_name *w = weird_find(e, name);
    if (!w) {
        e->stats.weirds_suppressed++;
        return;
    }
    w->seen++;
    w->unreported++;
    w->last_ns = time_ns;
    if (w->seen <= WEIRD_FREE || w->seen % WEIRD_EACH == 0)
        emit_weird(e, w, f, time_ns);
    else
        e->stats.weirds_suppressed++;
}

static void on_data(void *arg, struct th_flow *f, int dir, int64_t time_ns, const uint8_t *p,
    size_t len, size_t wire_len)
{
    struct th_engine *e = arg;
    th_conn_data(&e->pr, f, dir, time_ns, p, len, wire_len);
}

static void on_gap(void *arg, struct th_flow *f, int dir, int64_t time_ns, uint64_t len_bytes)
{
    struct th_engine *e = arg;
    th_conn_gap(&e->pr, f, dir, time_ns, len_bytes);
}

static void on_fin(void *arg, struct th_flow *f, int dir, int64_t time_ns)
{
    struct th_engine *e = arg;
    th_conn_fin(&e->pr, f, dir, time_ns);
}

/* One text for each header around the flow's first packet. */
static struct th_strs tunnel_texts(struct th_engine *e, uint16_t way)
{
    unsigned depth = th_tunnels_depth(e->tunnels, way);
    struct th_str *v = th_arena_alloc(&e->pr.scratch, depth * sizeof(*v));
    for (unsigned i = 0; i < depth; i++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        th_tunnels_text(e->tunnels, way, i, &b);
        v[i] = th_arena_str(&e->pr.scratch, th_buf_view(&b));
    }
    return (struct th_strs){.v = v, .n = depth};
}

static void emit_conn(struct th_engine *e, struct th_flow *f, int64_t time_ns)
{
    struct th_conn_text text;
    struct th_ev_conn ev = {0};
    th_flow_conn(f, &text, &ev);
    ev.h.kind = TH_KIND_CONN;
    th_arena_reset(&e->pr.scratch);
    TH_SET_TEXT(&ev, CONN, service, th_conn_services(&e->pr, f->app));
    TH_SET(&ev, CONN, local_orig, is_local(e, &f->addr[0]));
    TH_SET(&ev, CONN, local_resp, is_local(e, &f->addr[1]));
    if (f->tunnel)
        TH_SET(&ev, CONN, tunnel, tunnel_texts(e, f->tunnel));
    th_proto_emit(&e->pr, &ev.h, TH_MAX(time_ns, f->first_ns));
}

static void on_part(void *arg, struct th_flow *f, int64_t time_ns)
{
    emit_conn(arg, f, time_ns);
}

static void on_end(void *arg, struct th_flow *f, enum th_flow_end why)
{
    struct th_engine *e = arg;
    (void)why;
    th_conn_finish(&e->pr, f, f->last_ns);
    emit_conn(e, f, f->last_ns);
    th_conn_free(&e->pr, f);
}

static bool is_excluded(struct th_engine *e, const struct th_addr *a, const struct th_addr *b)
{
    for (size_t i = 0; i < e->config.exclude_count; i++) {
        if (!th_subnet_has(&e->exclude[i], a) && !th_subnet_has(&e->exclude[i], b))
            continue;
        e->stats.excluded++;
        return true;
    }
    return false;
}

/* RFC 826, for IPv4 over Ethernet. */
static void on_arp(struct th_engine *e, const struct th_pkt *pkt)
{
    struct th_cur c = th_cur_init(pkt->l3.p, pkt->l3.len);
    static const uint8_t ether_ip[6] = {0, 1, 8, 0, 6, 4};
    struct th_str kind = th_cur_bytes(&c, sizeof(ether_ip));
    unsigned op = th_cur_be16(&c);
    struct th_mac mac[2];
    struct th_addr addr[2];
    for (int i = 0; i < 2; i++) {
        struct th_str m = th_cur_bytes(&c, 6), a = th_cur_bytes(&c, 4);
        if (c.failed)
            break;
        memcpy(mac[i].b, m.p, 6);
        addr[i] = th_addr_v4((const uint8_t *)a.p);
    }
    if (c.failed || memcmp(kind.p, ether_ip, sizeof(ether_ip)) != 0 || (op != 1 && op != 2)) {
        on_weird(e, NULL, pkt->time_ns, "bad_ARP");
        return;
    }
    if (is_excluded(e, &addr[0], &addr[1]))
        return;
    struct th_ev_arp ev = {.h.kind = TH_KIND_ARP};
    TH_SET(&ev, ARP, ts, pkt->time_ns);
    TH_SET(&ev, ARP, operation, th_str_c(op == 1 ? "request" : "reply"));
    if (pkt->has_mac) {
        TH_SET(&ev, ARP, src_mac, pkt->src_mac);
        TH_SET(&ev, ARP, dst_mac, pkt->dst_mac);
    }
    TH_SET(&ev, ARP, orig_h, addr[0]);
    TH_SET(&ev, ARP, resp_h, addr[1]);
    TH_SET(&ev, ARP, orig_hw, mac[0]);
    TH_SET(&ev, ARP, resp_hw, mac[1]);
    th_proto_emit(&e->pr, &ev.h, pkt->time_ns);
}

static void on_begin(void *arg, struct th_flow *f)
{
    (void)arg;
    f->app = NULL;
}

static void on_packet(struct th_engine *e, const struct th_pkt *pkt, uint32_t tag);

/* Takes the headers of tunnels off; a copy of what is inside is then looked for, as in all that
 * comes from now on. False: nothing was there. */
static bool strip(struct th_engine *e, const struct th_pkt *outer, struct th_pkt *ret)
{
    struct th_tunnel chain[TH_TUNNELS_MAX_DEPTH];
    struct th_pkt inside[2];
    unsigned depth = 0;
    while (depth < TH_TUNNELS_MAX_DEPTH && th_pkt_is_tunnel(outer) &&
        th_decap_inside(outer, &inside[depth % 2], &chain[depth])) {
        outer = &inside[depth % 2];
        depth++;
    }
    if (depth == 0)
        return false;
    *ret = *outer;
    ret->tunnel = th_tunnels_way(e->tunnels, chain, depth);
    if (!e->dedup)
        e->dedup = th_dedup_new(&e->config.flow.key, DEDUP_BITS);
    return true;
}

static void on_inside(struct th_engine *e, const struct th_pkt *inside)
{
    on_packet(e, inside, inside->kind == TH_PKT_IP ? th_flows_tag(e->flows, inside) : 0);
}

/* A packet put together of its fragments may be a tunnel's. */
static bool on_whole(void *arg, const struct th_pkt *pkt)
{
    struct th_engine *e = arg;
    struct th_pkt inside;
    if (e->nested == MAX_NESTED || !strip(e, pkt, &inside))
        return is_excluded(e, &pkt->src, &pkt->dst);
    e->nested++;
    on_inside(e, &inside);
    e->nested--;
    return true;
}

/* The same of both copies: nothing that changes on the way. */
static bool is_looked_at(const struct th_engine *e, const struct th_pkt *pkt)
{
    uint32_t mixed = pkt->seq ^ pkt->ack ^ pkt->frag_id ^ pkt->payload_len;
    return pkt->tunnel || e->wires || pkt->time_ns < e->plain_until_ns || mixed % PLAIN_SHARE == 0;
}

static bool is_copy(struct th_engine *e, const struct th_pkt *pkt)
{
    uint16_t first;
    if (!e->dedup || !is_looked_at(e, pkt))
        return false;
    uint16_t way = (uint16_t)(e->wire * (TH_TUNNELS_MAX_WAYS + 3) + pkt->tunnel);
    if (!th_dedup_is_copy(e->dedup, pkt, way, &first))
        return false;
    if (way == 0 && first == 0 && !e->wires)
        return false; /* one wire is taken as it is, whether or not there are tunnels beside */
    if (way == 0 || first == 0)
        e->plain_until_ns = th_time_add(pkt->time_ns, plain_meets_ns);
    e->stats.copies++;
    return true;
}

static void on_packet(struct th_engine *e, const struct th_pkt *pkt, uint32_t tag)
{
    if (pkt->weird && pkt->kind != TH_PKT_IP)
        on_weird(e, NULL, pkt->time_ns, pkt->weird);
    switch (pkt->kind) {
    case TH_PKT_IP:
        /* What fragments are pieces of may be a tunnel, whose own ends do not count: see on_whole.
         */
        if (!pkt->fragment && is_excluded(e, &pkt->src, &pkt->dst))
            break;
        if (!is_copy(e, pkt))
            th_flows_take(e->flows, pkt, tag);
        break;
    case TH_PKT_ARP: on_arp(e, pkt); break;
    case TH_PKT_BAD: e->stats.bad_frames++; break;
    default: e->stats.other_frames++; break;
    }
}

static const struct th_flow_ops flow_ops = {
    .whole = on_whole,
    .begin = on_begin,
    .data = on_data,
    .gap = on_gap,
    .fin = on_fin,
    .part = on_part,
    .end = on_end,
    .weird = on_weird,
};

/* No part can take another's share: a flood of one kind leaves the rest as it is. */
static void share_memory(struct th_engine *e)
{
    struct th_flow_config *flow = &e->config.flow;
    uint64_t all = e->config.memory_bytes ? e->config.memory_bytes : default_memory_bytes;
    all = TH_MAX(all, TH_ENGINE_MEMORY_MIN_BYTES) - fixed_memory_bytes;
    uint64_t flows = all / 2 / (th_flow_cost_bytes() + sizeof(struct th_conn));
    flows = TH_MIN(flows, UINT32_MAX / 2);
    if (!flow->max_flows || flow->max_flows > flows)
        flow->max_flows = (uint32_t)flows;
    if (!flow->max_reassembly_bytes || flow->max_reassembly_bytes > all / 4)
        flow->max_reassembly_bytes = all / 4;
    e->pr.max_held_bytes = e->config.max_analyser_bytes && e->config.max_analyser_bytes < all / 4
        ? e->config.max_analyser_bytes
        : all / 4;
}

/* After a frame: what it did is known, and nobody is in the middle of anything. */
static inline int settle(struct th_engine *e)
{
    if (__builtin_expect(e->pr.held_bytes > e->pr.max_held_bytes, 0))
        th_proto_shed(&e->pr);
    e->stats.analyses_given_up = e->pr.given_up;
    e->stats.events = e->pr.events;
    return e->pr.sink_err;
}

struct th_engine *th_engine_new(const struct th_engine_config *config, const struct th_sink *sink)
{
    struct th_engine *e = th_xcalloc(1, sizeof(*e));
    e->sink = *sink;
    e->config = *config;
    if (config->local_count) {
        e->local = th_xreallocarray(NULL, config->local_count, sizeof(*e->local));
        memcpy(e->local, config->local, config->local_count * sizeof(*e->local));
    }
    if (config->exclude_count) {
        e->exclude = th_xreallocarray(NULL, config->exclude_count, sizeof(*e->exclude));
        memcpy(e->exclude, config->exclude, config->exclude_count * sizeof(*e->exclude));
    }
    e->pr = (struct th_proto){.sink = &e->sink,
        .key = config->flow.key,
        .max_hash_bytes = config->max_hash_bytes ? config->max_hash_bytes : default_max_hash_bytes,
        .dhcp = th_dhcp_table_new(),
        .is_local = is_local,
        .weird = on_weird,
        .arg = e};
    share_memory(e);
    e->flows = th_flows_new(&e->config.flow, &flow_ops, e);
    e->tunnels = th_tunnels_new(&config->flow.key);
    return e;
}

void th_engine_free(struct th_engine *e)
{
    if (!e)
        return;
    /* Flows that were not flushed end here without a word. */
    e->pr.sink_err = e->pr.sink_err ? e->pr.sink_err : -ECANCELED;
    th_flows_flush(e->flows);
    th_flows_free(e->flows);
    th_dhcp_table_free(e->pr.dhcp);
    th_tunnels_free(e->tunnels);
    th_dedup_free(e->dedup);
    th_proto_done(&e->pr);
    free(e->local);
    free(e->exclude);
    free(e);
}

void th_engine_wire(struct th_engine *e, uint16_t wire)
{
    e->wire = wire;
    e->wires = e->wires || wire > 0;
    if (e->wires && !e->dedup)
        e->dedup = th_dedup_new(&e->config.flow.key, DEDUP_BITS);
}

/* By now the flow itself has come. */
static void fetch_app(const struct ahead *a)
{
    const char *app = a->flow ? a->flow->app : NULL;
    for (size_t at = 0; app && at < sizeof(struct th_conn); at += 64)
        __builtin_prefetch(app + at, 1);
}

static void show(struct th_engine *e, const struct ahead *a, const struct th_pkt *inner)
{
    if (__builtin_expect(e->config.seen != NULL, 0))
        e->config.seen(e->config.seen_arg, a->frame, &a->pkt, inner);
}

/* Out of line: its room would be cleared for every packet. */
static __attribute__((noinline)) void take_tunnel(struct th_engine *e, const struct ahead *a)
{
    struct th_pkt inside;
    if (strip(e, &a->pkt, &inside)) {
        show(e, a, &inside);
        on_inside(e, &inside);
    } else {
        show(e, a, &a->pkt);
        on_packet(e, &a->pkt, a->tag);
    }
}

static void take(struct th_engine *e, const struct ahead *a)
{
    e->pr.now_ns = a->pkt.time_ns;
    th_dhcp_advance(&e->pr, a->pkt.time_ns);
    if (__builtin_expect(a->tunnel, 0)) {
        take_tunnel(e, a);
        return;
    }
    show(e, a, &a->pkt);
    on_packet(e, &a->pkt, a->tag);
}

int th_engine_frames(struct th_engine *e, const struct th_frame *v, unsigned n)
{
    unsigned count = 0;
    int r = 0;
    TH_ASSERT(n <= TH_ENGINE_FRAMES);
    for (unsigned i = 0; i < n; i++) {
        struct ahead *a = &e->ahead[count];
        e->stats.frames++;
        e->stats.wire_bytes += v[i].wire_len;
        int err =
            th_decode(v[i].linktype, v[i].time_ns, v[i].data, v[i].cap_len, v[i].wire_len, &a->pkt);
        if (err < 0) {
            r = err;
            continue;
        }
        a->frame = &v[i];
        a->tunnel = th_pkt_is_tunnel(&a->pkt);
        a->tag = a->pkt.kind == TH_PKT_IP ? th_flows_tag(e->flows, &a->pkt) : 0;
        count++;
    }
    for (unsigned i = 0; i < count && count > 1; i++)
        e->ahead[i].flow = th_flows_fetch(e->flows, e->ahead[i].tag);
    for (unsigned i = 0; i < 2 && count > 1; i++)
        fetch_app(&e->ahead[i]);
    for (unsigned i = 0; i < count; i++) {
        if (i + 2 < count)
            fetch_app(&e->ahead[i + 2]);
        take(e, &e->ahead[i]);
        settle(e);
    }
    return e->pr.sink_err ? e->pr.sink_err : r;
}

int th_engine_frame(struct th_engine *e, uint32_t linktype, int64_t time_ns, const uint8_t *frame,
    uint32_t cap_len, uint32_t wire_len)
{
    const struct th_frame f = {.time_ns = time_ns,
        .data = frame,
        .cap_len = cap_len,
        .wire_len = wire_len,
        .linktype = linktype};
    return th_engine_frames(e, &f, 1);
}

void th_engine_weird(struct th_engine *e, int64_t time_ns, const char *name)
{
    on_weird(e, NULL, time_ns, name);
}

int th_engine_advance(struct th_engine *e, int64_t now_ns)
{
    e->pr.now_ns = TH_MAX(e->pr.now_ns, now_ns);
    th_dhcp_advance(&e->pr, e->pr.now_ns);
    th_flows_advance(e->flows, e->pr.now_ns);
    return settle(e);
}

int64_t th_engine_lateness_ns(const struct th_flow_config *config)
{
    return th_flows_longest_idle_ns(config) + sweep_margin_ns;
}

int th_engine_flush(struct th_engine *e)
{
    th_flows_flush(e->flows);
    th_dhcp_flush(&e->pr);
    for (unsigned i = 0; i < e->weird_count; i++)
        if (e->weirds[i].unreported)
            emit_weird(e, &e->weirds[i], NULL, e->weirds[i].last_ns);
    e->stats.events = e->pr.events;
    return e->pr.sink_err;
}

const struct th_engine_stats *th_engine_stats(const struct th_engine *e)
{
    return &e->stats;
}

const struct th_flow_stats *th_engine_flow_stats(const struct th_engine *e)
{
    return th_flows_stats(e->flows);
}

uint64_t th_engine_memory_bytes(const struct th_engine *e)
{
    const struct th_flow_stats *f = th_flows_stats(e->flows);
    return f->table_bytes + f->reassembly_bytes_now + f->fragment_bytes_now +
        e->pr.conns * sizeof(struct th_conn) + e->pr.held_bytes + th_expect_bytes(&e->pr);
}
