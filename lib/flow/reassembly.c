/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP data in order (RFC 9293 3.4). What comes early waits; what comes twice counts once, and the
 * first copy wins; a hole is given up when the receiver acknowledged past it, when waiting
 * costs more than the limits allow, or when it has stood too long.
 */
#include "flow_priv.h"

static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* A piece of data, as it came: len bytes at p of wire_len that were sent. */
struct piece {
    uint32_t seq;
    const uint8_t *p;
    uint32_t len, wire_len;
};

static void cut_front(struct piece *x, uint32_t n)
{
    uint32_t have = TH_MIN(n, x->len);
    x->p += have;
    x->len -= have;
    x->wire_len -= n;
    x->seq += n;
}

static void tell_gap(
    struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns, uint32_t len)
{
    struct th_flow *f = &p->f;
    f->missed_bytes += len;
    th_history_count(p, dir, 'g', &th_flow_rare(t, p)->end[dir].gaps);
    if (!f->skip_data[dir] && t->ops.gap)
        t->ops.gap(t->arg, f, dir, time_ns, len);
}

static void skip_to(
    struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns, uint32_t seq)
{
    struct th_tcp_end *e = &p->end[dir];
    uint32_t len = seq - e->next_seq;
    e->next_seq = seq;
    if (len <= TH_TCP_MAX_JUMP)
        p->f.payload_bytes[dir] += len;
    tell_gap(t, p, dir, time_ns, len);
}

static void deliver(
    struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns, const struct piece *x)
{
    struct th_flow *f = &p->f;
    p->end[dir].next_seq += x->wire_len;
    f->payload_bytes[dir] += x->wire_len;
    if (!f->skip_data[dir] && x->len && t->ops.data)
        t->ops.data(t->arg, f, dir, time_ns, x->p, x->len, x->len);
    if (__builtin_expect(x->wire_len > x->len, 0))
        tell_gap(t, p, dir, time_ns, x->wire_len - x->len);
}

static void link_hole(struct th_flows *t, struct th_flow_priv *p)
{
    p->holes = th_xcalloc(1, sizeof(*p->holes));
    p->holes->since_ns = t->now_ns;
    p->holes->prev = t->hole_tail;
    if (t->hole_tail)
        t->hole_tail->holes->next = p;
    else
        t->hole_head = p;
    t->hole_tail = p;
    t->stats.reassembly_bytes_now += TH_REASM_HOLES_COST;
}

/* A direction has nothing left: the last one takes the flow out of the list. */
static void unlink_hole(struct th_flows *t, struct th_flow_priv *p)
{
    struct th_holes *h = p->holes;
    if (h->dir[0].head || h->dir[1].head)
        return;
    if (h->prev)
        h->prev->holes->next = h->next;
    else
        t->hole_head = h->next;
    if (h->next)
        h->next->holes->prev = h->prev;
    else
        t->hole_tail = h->prev;
    t->stats.reassembly_bytes_now -= TH_REASM_HOLES_COST;
    free(TH_TAKE(p->holes));
}

static void drop_pending(struct th_flows *t, struct th_flow_priv *p, int dir)
{
    struct th_pending *q = th_pending(p, dir);
    if (!q)
        return;
    for (struct th_segment *s = q->head; s;) {
        struct th_segment *next = s->next;
        free(s);
        s = next;
    }
    t->stats.reassembly_bytes_now -= q->cost_bytes;
    *q = (struct th_pending){0};
    unlink_hole(t, p);
}

void th_reasm_free(struct th_flows *t, struct th_flow_priv *p)
{
    drop_pending(t, p, 0);
    drop_pending(t, p, 1);
}

/* Takes the first pending segment out. */
static struct th_segment *take_head(struct th_flows *t, struct th_flow_priv *p, int dir)
{
    struct th_pending *q = th_pending(p, dir);
    struct th_segment *s = q->head;
    uint32_t cost = s->len + TH_REASM_SEGMENT_COST;
    q->head = s->next;
    q->count--;
    q->cost_bytes -= cost;
    t->stats.reassembly_bytes_now -= cost;
    if (!q->head) {
        q->tail = NULL;
        unlink_hole(t, p);
    }
    return s;
}

/* Delivers what has become next. */
static void drain(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    struct th_tcp_end *e = &p->end[dir];
    const struct th_pending *q;
    while ((q = th_pending(p, dir)) && seq_diff(q->head->seq, e->next_seq) <= 0) {
        struct th_segment *s = take_head(t, p, dir);
        struct piece x = {.seq = s->seq, .p = s->data, .len = s->len, .wire_len = s->wire_len};
        uint32_t old = e->next_seq - s->seq;
        if (old < x.wire_len) {
            cut_front(&x, old);
            deliver(t, p, dir, time_ns, &x);
        }
        free(s);
    }
}

static void tell_fin(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    struct th_tcp_end *e = &p->end[dir];
    if (!e->has_fin || e->fin_told || seq_diff(e->next_seq, e->fin_seq) < 0)
        return;
    e->fin_told = true;
    if (t->ops.fin)
        t->ops.fin(t->arg, &p->f, dir, time_ns);
}

/* Gives the first hole up. */
static void force(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    skip_to(t, p, dir, time_ns, p->holes->dir[dir].head->seq);
    drain(t, p, dir, time_ns);
    tell_fin(t, p, dir, time_ns);
}

static void store_between(struct th_flows *t, struct th_flow_priv *p, int dir,
    struct th_segment **link, const struct piece *x, uint32_t wire_len)
{
    struct th_pending *q = &p->holes->dir[dir];
    uint32_t len = TH_MIN(x->len, wire_len);
    struct th_segment *s = th_xmalloc(sizeof(*s) + len);
    s->seq = x->seq;
    s->len = len;
    s->wire_len = wire_len;
    memcpy(s->data, x->p, len);
    s->next = *link;
    *link = s;
    if (!s->next)
        q->tail = s;
    q->count++;
    q->cost_bytes += len + TH_REASM_SEGMENT_COST;
    t->stats.reassembly_bytes_now += len + TH_REASM_SEGMENT_COST;
}

/* Two copies of the same bytes that differ: someone wants us to read another stream than the
 * receiver does. */
static bool differs(const struct th_segment *s, const struct piece *x)
{
    uint32_t at = x->seq - s->seq; /* x begins inside s */
    uint32_t n = s->len > at ? TH_MIN(s->len - at, x->len) : 0;
    return memcmp(s->data + at, x->p, n) != 0;
}

/* Puts early data in its place, filling only what is not there yet. */
static void store(
    struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns, struct piece x)
{
    if (!p->holes)
        link_hole(t, p);
    struct th_pending *q = &p->holes->dir[dir];
    struct th_segment **link = &q->head;
    /* Most come in order behind the hole. */
    if (q->tail && seq_diff(x.seq, q->tail->seq + q->tail->wire_len) >= 0)
        link = &q->tail->next;
    while (x.wire_len) {
        struct th_segment *s = *link;
        if (s && seq_diff(x.seq, s->seq + s->wire_len) >= 0) {
            link = &s->next;
            continue;
        }
        uint32_t room = s ? s->seq - x.seq : x.wire_len;
        if (!s || seq_diff(s->seq, x.seq) > 0) {
            uint32_t n = TH_MIN(room, x.wire_len);
            store_between(t, p, dir, link, &x, n);
            link = &(*link)->next;
            cut_front(&x, n);
            continue;
        }
        uint32_t again = TH_MIN(s->seq + s->wire_len - x.seq, x.wire_len);
        if (differs(s, &x))
            th_flow_weird(t, p, time_ns, "rexmit_inconsistency");
        t->stats.retransmitted_bytes += again;
        th_history_count(p, dir, 't', &th_flow_rare(t, p)->end[dir].rexmits);
        cut_front(&x, again);
    }
}

/* Gives the first hole up because a limit says so. */
static void give_up(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    t->stats.reassembly_given_up++;
    t->stats.reassembly_dropped_bytes += p->holes->dir[dir].head->seq - p->end[dir].next_seq;
    p->f.cut |= TH_CUT_STREAM;
    force(t, p, dir, time_ns);
}

/* Within the limits again: the flow's own first hole, then the flow that waits longest. */
static void keep_limits(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    const struct th_pending *q;
    while ((q = th_pending(p, dir)) &&
        (q->cost_bytes > t->config.max_reassembly_flow_bytes || q->count > TH_REASM_MAX_SEGMENTS))
        give_up(t, p, dir, time_ns);
    while (t->stats.reassembly_bytes_now > t->config.max_reassembly_bytes)
        give_up(t, t->hole_head, th_pending(t->hole_head, 0) ? 0 : 1, time_ns);
}

void th_reasm_acked(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    struct th_tcp_end *e = &p->end[dir];
    const struct th_tcp_end *peer = &p->end[!dir];
    if (!peer->has_ack || !e->has_seq)
        return;
    const struct th_pending *q;
    while ((q = th_pending(p, dir)) && seq_diff(peer->ack, q->head->seq) >= 0)
        force(t, p, dir, time_ns);
    if (!q && e->has_fin && !e->fin_told && seq_diff(peer->ack, e->fin_seq) > 0 &&
        seq_diff(e->fin_seq, e->next_seq) > 0)
        skip_to(t, p, dir, time_ns, e->fin_seq);
    tell_fin(t, p, dir, time_ns);
}

/* Far ahead of anything expected. True when the segment is to be taken as the new position. */
static bool accept_jump(
    struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns, const struct piece *x)
{
    struct th_tcp_end *e = &p->end[dir];
    const struct th_tcp_end *peer = &p->end[!dir];
    bool acked = peer->has_ack && seq_diff(peer->ack, x->seq) >= 0 &&
        seq_diff(peer->ack, x->seq) <= TH_TCP_MAX_JUMP;
    uint32_t *jump_seq = &th_flow_rare(t, p)->end[dir].jump_seq;
    bool confirmed = *jump_seq == x->seq;
    *jump_seq = x->seq + x->wire_len;
    if (!acked && !confirmed) {
        th_flow_weird(t, p, time_ns, "TCP_seq_jump");
        return false;
    }
    while (th_pending(p, dir))
        force(t, p, dir, time_ns);
    if (seq_diff(x->seq, e->next_seq) > 0)
        skip_to(t, p, dir, time_ns, x->seq);
    return true;
}

/* The listener wants nothing more: bytes are counted by sequence numbers. */
static void count_only(struct th_flow_priv *p, int dir, const struct piece *x)
{
    struct th_tcp_end *e = &p->end[dir];
    uint32_t end = x->seq + x->wire_len;
    p->f.payload_bytes[dir] += end - e->next_seq;
    e->next_seq = end;
}

void th_reasm_data(
    struct th_flows *t, struct th_flow_priv *p, int dir, const struct th_pkt *pkt, uint32_t seq)
{
    struct th_tcp_end *e = &p->end[dir];
    int64_t time_ns = pkt->time_ns;
    struct piece x = {.seq = seq,
        .p = (const uint8_t *)pkt->payload.p,
        .len = pkt->payload.len,
        .wire_len = pkt->payload_len};
    int32_t ahead = seq_diff(seq, e->next_seq);
    if (__builtin_expect(ahead < 0, 0)) {
        uint32_t old = (uint32_t)-ahead;
        bool keep_alive = old == 1 && x.wire_len == 1; /* RFC 9293 3.8.4 */
        if (!keep_alive && old <= TH_TCP_MAX_JUMP) {
            t->stats.retransmitted_bytes += TH_MIN(old, x.wire_len);
            th_history_count(p, dir, 't', &th_flow_rare(t, p)->end[dir].rexmits);
        }
        if (old >= x.wire_len)
            return;
        cut_front(&x, old);
        ahead = 0;
    }
    if (__builtin_expect(ahead > TH_TCP_MAX_JUMP, 0)) {
        if (!accept_jump(t, p, dir, time_ns, &x))
            return;
        ahead = 0;
    }
    if (p->f.skip_data[dir]) {
        drop_pending(t, p, dir);
        count_only(p, dir, &x);
        tell_fin(t, p, dir, time_ns);
        return;
    }
    if (ahead == 0) {
        deliver(t, p, dir, time_ns, &x);
        if (__builtin_expect(p->holes != NULL, 0))
            drain(t, p, dir, time_ns);
        tell_fin(t, p, dir, time_ns);
        return;
    }
    store(t, p, dir, time_ns, x);
    th_reasm_acked(t, p, dir, time_ns);
    keep_limits(t, p, dir, time_ns);
}

void th_reasm_fin(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    tell_fin(t, p, dir, time_ns);
}

/* At a flow's end: what the peer acknowledged and was never seen. */
static void flush_tail(struct th_flows *t, struct th_flow_priv *p, int dir, int64_t time_ns)
{
    struct th_tcp_end *e = &p->end[dir];
    const struct th_tcp_end *peer = &p->end[!dir];
    if (!e->has_seq || !peer->has_ack || e->fin_told)
        return;
    int32_t missing = seq_diff(peer->ack, e->next_seq);
    /* One more may be the acknowledgement of a FIN that was not seen. */
    if (missing > 1 && missing <= TH_TCP_MAX_JUMP)
        skip_to(t, p, dir, time_ns, peer->ack);
}

void th_reasm_flush(struct th_flows *t, struct th_flow_priv *p, int64_t time_ns)
{
    if (p->f.proto != TH_IPPROTO_TCP)
        return;
    for (int dir = 0; dir < 2; dir++) {
        while (th_pending(p, dir))
            force(t, p, dir, time_ns);
        flush_tail(t, p, dir, time_ns);
    }
}

void th_reasm_sweep(struct th_flows *t)
{
    while (
        t->hole_head && th_time_add(t->hole_head->holes->since_ns, TH_REASM_HOLE_NS) <= t->now_ns) {
        struct th_flow_priv *p = t->hole_head;
        for (int dir = 0; dir < 2; dir++) {
            while (th_pending(p, dir))
                force(t, p, dir, t->now_ns);
        }
    }
}
