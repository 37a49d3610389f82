/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sequence of packets through the flow table. Each takes 12 bytes of input. The content of
 * every TCP byte is the low byte of its sequence number, so that the listener can tell whether
 * what it gets is in order: a byte in the wrong place, a gap of the wrong length, a flow
 * that begins or ends twice, a buffer past its limit or left behind ends the run.
 */
#include "base/mem.h"
#include "flow/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

enum { STEP_BYTES = 12, MAX_FLOWS = 6, MAX_PAYLOAD = 600 };

struct watcher {
    unsigned begins, ends;
};

struct watched {
    bool placed[2]; /* position known */
    uint8_t next[2];
    bool fin[2];
};

static void begin(void *arg, struct th_flow *f)
{
    ((struct watcher *)arg)->begins++;
    TH_ASSERT(!f->app && f->pkts[0] + f->pkts[1] > 0);
    f->app = th_xcalloc(1, sizeof(struct watched));
}

static void data(void *arg, struct th_flow *f, int dir, int64_t time_ns, const uint8_t *p,
    size_t len, size_t wire_len)
{
    (void)arg;
    (void)time_ns;
    struct watched *w = f->app;
    TH_ASSERT(w && !f->skip_data[dir] && len <= wire_len);
    if (f->proto != 6)
        return;
    TH_ASSERT(len > 0 && len == wire_len);
    if (!w->placed[dir])
        w->next[dir] = p[0];
    w->placed[dir] = true;
    for (size_t i = 0; i < len; i++)
        TH_ASSERT(p[i] == w->next[dir]++);
    if (p[0] == 0x77 && len == 3)
        f->skip_data[dir] = true;
}

static void gap(void *arg, struct th_flow *f, int dir, int64_t time_ns, uint64_t len)
{
    (void)arg;
    (void)time_ns;
    struct watched *w = f->app;
    TH_ASSERT(w && len > 0 && f->missed_bytes >= len);
    w->next[dir] = (uint8_t)(w->next[dir] + len);
}

static void fin(void *arg, struct th_flow *f, int dir, int64_t time_ns)
{
    (void)arg;
    (void)time_ns;
    struct watched *w = f->app;
    TH_ASSERT(!w->fin[dir]);
    w->fin[dir] = true;
}

static void make_record(const struct th_flow *f)
{
    struct th_conn_text text;
    struct th_ev_conn conn;
    th_flow_conn(f, &text, &conn);
    TH_ASSERT(conn.conn_state.len >= 2 && conn.uid.len == TH_UID_LEN - 1);
    TH_ASSERT(conn.orig_pkts == f->pkts[0] && conn.h.time_ns >= conn.ts);
}

static void part(void *arg, struct th_flow *f, int64_t time_ns)
{
    (void)arg;
    (void)time_ns;
    TH_ASSERT(f->app && f->parts > 0);
    make_record(f);
}

static void end(void *arg, struct th_flow *f, enum th_flow_end why)
{
    (void)why;
    ((struct watcher *)arg)->ends++;
    TH_ASSERT(f->app);
    make_record(f);
    free(f->app);
}

static void weird(void *arg, struct th_flow *f, int64_t time_ns, const char *name)
{
    (void)arg;
    (void)time_ns;
    TH_ASSERT(name && name[0] && (!f || f->proto));
}

/* How the time moves on, in ms; index 15 steps back. */
static const int64_t steps_ms[16] = {
    0, 1, 1, 2, 5, 10, 50, 100, 500, 1000, 3000, 6000, 12000, 61000, 400000, -5000};

static void set_payload(struct th_pkt *p, uint8_t *room, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        room[i] = (uint8_t)(p->seq + (p->tcp_flags >> 1 & 1) + i);
    p->payload = th_str_n(room, len);
    p->payload_len = len;
}

static void make_packet(const uint8_t *in, int64_t time_ns, struct th_pkt *p, uint8_t *room)
{
    static const uint8_t ends[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
    int dir = in[0] & 1;
    unsigned flow = in[0] >> 1 & 7;
    memset(p, 0, sizeof(*p));
    p->kind = TH_PKT_IP;
    p->time_ns = time_ns;
    p->src = th_addr_v4(ends[dir]);
    p->dst = th_addr_v4(ends[!dir]);
    p->src_port = (uint16_t)(dir ? 80 : 1024 + flow);
    p->dst_port = (uint16_t)(dir ? 1024 + flow : 80);
    p->proto = in[0] & 0x80 ? (flow & 1 ? 17 : flow & 2 ? 1 : 58) : 6;
    p->tcp_flags = in[2] & 0x1f;
    /* Small moves mostly; sometimes anywhere. */
    p->seq = (uint32_t)(in[3] << 8 | in[4]) + (in[2] & 0x80 ? (uint32_t)in[5] << 24 : 0);
    p->ack = (uint32_t)(in[6] << 8 | in[7]) + (in[2] & 0x40 ? (uint32_t)in[8] << 24 : 0);
    p->window = in[8];
    set_payload(p, room, (uint32_t)(in[9] * 3) % MAX_PAYLOAD);
    p->ip_len = 40 + p->payload_len;
    p->wire_len = p->ip_len + 14;
    if (in[10] & 1)
        p->payload.len /= 2;           /* cut by the capture */
    if (in[10] & 2 && p->proto != 6) { /* TCP out of fragments has other bytes */
        p->fragment = true;
        p->more_fragments = (in[10] & 4) != 0;
        p->frag_offset = in[11] * 8u;
        p->fragment = p->more_fragments || p->frag_offset;
        p->frag_id = in[10] >> 6;
    }
    if (in[10] & 8) {
        p->payload = (struct th_str){0};
        p->payload_len = 0;
        p->weird = "truncated_header";
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
    static const struct th_flow_ops ops = {.begin = begin,
        .data = data,
        .gap = gap,
        .fin = fin,
        .part = part,
        .end = end,
        .weird = weird};
    const struct th_flow_config config = {.key = {3, 4},
        .max_flows = MAX_FLOWS,
        .max_reassembly_bytes = 4000,
        .max_reassembly_flow_bytes = 2500,
        .part_interval_ns = 10 * TH_NS_PER_S};
    struct watcher w = {0};
    struct th_flows *t = th_flows_new(&config, &ops, &w);
    const struct th_flow_stats *stats = th_flows_stats(t);
    uint8_t room[MAX_PAYLOAD];
    int64_t now_ns = 0;
    uint64_t packets = 0;
    for (; size >= STEP_BYTES; in += STEP_BYTES, size -= STEP_BYTES) {
        struct th_pkt p;
        now_ns += steps_ms[in[1] & 15] * TH_NS_PER_MS;
        make_packet(in, now_ns, &p, room);
        th_flows_packet(t, &p);
        TH_ASSERT(stats->packets == ++packets && stats->flows_now <= MAX_FLOWS);
        TH_ASSERT(stats->reassembly_bytes_now <= config.max_reassembly_bytes);
        TH_ASSERT(w.begins == w.ends + stats->flows_now);
    }
    th_flows_flush(t);
    TH_ASSERT(stats->flows_now == 0 && stats->reassembly_bytes_now == 0);
    TH_ASSERT(w.begins == w.ends && w.begins == stats->flows);
    th_flows_free(t);
    return 0;
}
