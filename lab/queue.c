/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "base/err.h"
#include "base/mem.h"

#define RING 2048u /* slices: 34 hours */

struct item {
    int64_t time_ns;
    struct lab_flow *flow;
    struct lab_rec *rec; /* NULL: the connection's next part or its end */
};

struct slot {
    struct item *v;
    uint32_t n, cap;
};

struct lab_queue {
    struct lab_queue_config cfg;
    struct lab_pool *pool;
    struct slot ring[RING];
    struct slot far; /* beyond the ring */
    struct slot work;
    uint32_t *count; /* of the distribution sort */
    uint32_t count_cap;
    int64_t now; /* begin of the slice that comes next */
    uint64_t events, flows, seq;
    uint64_t flow_id; /* of the event being written */
};

struct lab_queue *lab_queue_new(const struct lab_queue_config *config, struct lab_pool *pool)
{
    struct lab_queue *q = th_xcalloc(1, sizeof *q);
    q->cfg = *config;
    q->pool = pool;
    q->now = th_time_floor(config->start_ns, LAB_SLICE_NS);
    return q;
}

static void unref(struct lab_queue *q, struct lab_flow *f)
{
    lab_flow_unref(q->pool, f);
}

static void slot_drop(struct lab_queue *q, struct slot *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        unref(q, s->v[i].flow);
    free(s->v);
}

void lab_queue_free(struct lab_queue *q)
{
    if (!q)
        return;
    for (unsigned i = 0; i < RING; i++)
        slot_drop(q, &q->ring[i]);
    slot_drop(q, &q->far);
    free(q->work.v);
    free(q->count);
    free(q);
}

static void push(struct slot *s, struct item it)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->v = th_xreallocarray(s->v, s->cap, sizeof *s->v);
    }
    s->v[s->n++] = it;
}

static void place(struct lab_queue *q, struct item it)
{
    int64_t at = TH_MAX(it.time_ns, q->now) / LAB_SLICE_NS;
    if (at - q->now / LAB_SLICE_NS >= RING)
        push(&q->far, it);
    else
        push(&q->ring[at % RING], it);
}

/* Time of the connection's next record: a part while it goes on, else the end. */
static int64_t next_conn_time(const struct lab_queue *q, const struct lab_flow *f)
{
    int64_t end = th_time_add(f->ts, f->dur_ns);
    if (!q->cfg.part_ns || f->proto != LAB_TCP)
        return end;
    int64_t part = f->ts + q->cfg.part_ns * (int64_t)(f->parts + 1);
    return part < end ? part : end;
}

static void place_if_seen(struct lab_queue *q, struct item it)
{
    if (it.time_ns >= q->cfg.end_ns)
        unref(q, it.flow);
    else
        place(q, it);
}

static bool same_slice(int64_t a, int64_t b)
{
    return a / LAB_SLICE_NS == b / LAB_SLICE_NS;
}

/* Places the connection's next record. Of a part whose end follows in the same slice both are
 * placed: a slice takes nothing more once it is being written. Parts are a slice apart at least. */
static void place_conn(struct lab_queue *q, struct lab_flow *f)
{
    int64_t next = next_conn_time(q, f), end = th_time_add(f->ts, f->dur_ns);
    f->refs++;
    place_if_seen(q, (struct item){next, f, NULL});
    if (next < end && same_slice(next, end)) {
        f->refs++;
        place_if_seen(q, (struct item){end, f, NULL});
    }
}

void lab_queue_put(struct lab_queue *q, struct lab_flow *f)
{
    lab_flow_shape(f, q->cfg.jumbo_after);
    q->flows++;
    f->refs = 1;
    if (q->cfg.flows.put && q->cfg.flows.put(q->cfg.flows.arg, f) < 0)
        q->cfg.flows.put = NULL;
    if (q->cfg.events.put) {
        for (struct lab_rec *r = f->recs; r; r = r->next) {
            f->refs++;
            place_if_seen(q, (struct item){r->ev->time_ns, f, r});
        }
        if (f->proto != LAB_NO_CONN)
            place_conn(q, f);
    }
    unref(q, f);
}

static bool before(const struct item *a, const struct item *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (a->flow->id != b->flow->id)
        return a->flow->id < b->flow->id;
    return (a->rec ? a->rec->no : UINT32_MAX) < (b->rec ? b->rec->no : UINT32_MAX);
}

/* Sorts a slice: as many buckets by time as there are items, then insertion within them. */
static void sort_slice(struct lab_queue *q, const struct slot *s, int64_t start)
{
    uint32_t n = s->n;
    if (q->work.cap < n || q->count_cap < n + 1) {
        q->work.cap = q->count_cap = n + n / 2 + 64;
        q->work.v = th_xreallocarray(q->work.v, q->work.cap, sizeof *q->work.v);
        q->count = th_xreallocarray(q->count, q->count_cap, sizeof *q->count);
    }
    memset(q->count, 0, ((size_t)n + 1) * sizeof *q->count);
#define BUCKET(it)                                                                                 \
    ((uint32_t)((uint64_t)TH_MAX((it)->time_ns - start, 0) * n / (uint64_t)LAB_SLICE_NS))
    for (uint32_t i = 0; i < n; i++)
        q->count[BUCKET(&s->v[i]) + 1]++;
    for (uint32_t i = 1; i <= n; i++)
        q->count[i] += q->count[i - 1];
    for (uint32_t i = 0; i < n; i++)
        q->work.v[q->count[BUCKET(&s->v[i])]++] = s->v[i];
#undef BUCKET
    for (uint32_t i = 1; i < n; i++) {
        struct item it = q->work.v[i];
        uint32_t at = i;
        for (; at > 0 && before(&it, &q->work.v[at - 1]); at--)
            q->work.v[at] = q->work.v[at - 1];
        q->work.v[at] = it;
    }
    q->work.n = n;
}

static int emit(struct lab_queue *q, struct th_event *ev)
{
    ev->seq = q->seq++;
    q->events++;
    return th_sink_put(&q->cfg.events, ev);
}

/* All kinds with TH_ID_FIELDS begin alike: DNS stands for them. */
static void fill_id(const struct lab_flow *f, int64_t ts, struct th_event *any)
{
    struct th_ev_dns *ev = (struct th_ev_dns *)any;
    TH_SET(ev, DNS, ts, ts);
    TH_SET(ev, DNS, uid, th_str_n(f->uid, LAB_UID_LEN));
    TH_SET(ev, DNS, id_orig_h, f->src);
    TH_SET(ev, DNS, id_orig_p, f->sport);
    TH_SET(ev, DNS, id_resp_h, f->dst);
    TH_SET(ev, DNS, id_resp_p, f->dport);
}

static bool has_id(unsigned kind)
{
    return kind != TH_KIND_X509 && kind != TH_KIND_FILES && kind != TH_KIND_DHCP &&
        kind != TH_KIND_ARP;
}

static int emit_rec(struct lab_queue *q, const struct item *it)
{
    if (has_id(it->rec->ev->kind))
        fill_id(it->flow, it->rec->ts, it->rec->ev);
    return emit(q, it->rec->ev);
}

/* What has passed by `at`, evenly over the connection's life. */
static uint64_t share(uint64_t whole, int64_t at, int64_t dur)
{
    return dur <= 0 ? whole : (uint64_t)((__uint128_t)whole * (uint64_t)at / (uint64_t)dur);
}

static int emit_conn(struct lab_queue *q, const struct item *it)
{
    struct lab_flow *f = it->flow;
    struct th_ev_conn ev;
    bool end = it->time_ns >= th_time_add(f->ts, f->dur_ns);
    lab_flow_conn(f, &ev);
    if (!end || f->parts) {
        uint64_t up = f->up, down = f->down;
        if (!end) {
            int64_t at = it->time_ns - f->ts;
            up = share(f->up, at, f->dur_ns);
            down = share(f->down, at, f->dur_ns);
            TH_SET(&ev, CONN, duration, at);
            TH_SET(&ev, CONN, orig_bytes, up);
            TH_SET(&ev, CONN, resp_bytes, down);
            TH_SET(&ev, CONN, orig_pkts, share(f->pkts[0], at, f->dur_ns));
            TH_SET(&ev, CONN, resp_pkts, share(f->pkts[1], at, f->dur_ns));
            TH_SET(&ev, CONN, orig_ip_bytes, share(f->ip_bytes[0], at, f->dur_ns));
            TH_SET(&ev, CONN, resp_ip_bytes, share(f->ip_bytes[1], at, f->dur_ns));
            TH_SET(&ev, CONN, conn_state, th_str_n("S1", 2));
            TH_SET(&ev, CONN, history, th_str_n("ShADad", 6));
            TH_SET(&ev, CONN, partial, true);
        }
        TH_SET(&ev, CONN, part, ++f->parts);
        TH_SET(&ev, CONN, part_orig_bytes, up - f->part_up);
        TH_SET(&ev, CONN, part_resp_bytes, down - f->part_down);
        f->part_up = up;
        f->part_down = down;
    }
    ev.h.time_ns = it->time_ns;
    fill_id(f, f->ts, &ev.h);
    int err = emit(q, &ev.h);
    if (!end && !same_slice(it->time_ns, th_time_add(f->ts, f->dur_ns)))
        place_conn(q, f);
    return err;
}

static int drain_slice(struct lab_queue *q)
{
    struct slot *s = &q->ring[(q->now / LAB_SLICE_NS) % RING];
    int err = 0;
    sort_slice(q, s, q->now);
    free(s->v); /* a ring that keeps each hour's peak would be most of the memory */
    *s = (struct slot){0};
    for (uint32_t i = 0; i < q->work.n; i++) {
        struct item *it = &q->work.v[i];
        q->flow_id = it->flow->id;
        if (err == 0)
            err = it->rec ? emit_rec(q, it) : emit_conn(q, it);
        unref(q, it->flow);
    }
    return err;
}

/* Once per turn of the ring's half, what was too far is looked at again. */
static void bring_near(struct lab_queue *q)
{
    struct slot old = q->far;
    q->far = (struct slot){0};
    for (uint32_t i = 0; i < old.n; i++)
        place(q, old.v[i]);
    free(old.v);
}

int lab_queue_drain(struct lab_queue *q, int64_t until_ns)
{
    while (q->now < until_ns) {
        int err = drain_slice(q);
        if (err < 0)
            return err;
        q->now += LAB_SLICE_NS;
        if ((q->now / LAB_SLICE_NS) % (RING / 2) == 0)
            bring_near(q);
    }
    return 0;
}

uint64_t lab_queue_events(const struct lab_queue *q)
{
    return q->events;
}

uint64_t lab_queue_flows(const struct lab_queue *q)
{
    return q->flows;
}

uint64_t lab_queue_flow_id(const struct lab_queue *q)
{
    return q->flow_id;
}
