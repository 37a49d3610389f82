/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow table with a listener that writes down what it is told: one line an event, so
 * that a test compares a text. Packets are made without frames; the client is 10.0.0.1
 * port 40000, the server 10.0.0.2 port 80; time is in milliseconds.
 */
#ifndef TH_TESTS_FLOW_HARNESS_H
#define TH_TESTS_FLOW_HARNESS_H

#include "base/buf.h"
#include "flow/flow.h"
#include "unit.h"

struct harness {
    struct th_flows *t;
    struct th_buf log; /* what the listener heard */
    struct th_buf stream[2];
    int64_t now_ms;
    struct th_ev_conn conn; /* of the last end or part */
    struct th_conn_text text;
    char uid[TH_UID_LEN]; /* of that one: the flow itself is gone */
    unsigned conns;
    bool quiet; /* no data lines */
};

static const char *const end_names[] = {"closed", "timeout", "flush", "evicted"};

static inline void hear_begin(void *arg, struct th_flow *f)
{
    struct harness *h = arg;
    th_buf_printf(&h->log, "begin %u>%u\n", f->port[0], f->port[1]);
}

static inline void hear_data(void *arg, struct th_flow *f, int dir, int64_t time_ns,
    const uint8_t *p, size_t len, size_t wire_len)
{
    struct harness *h = arg;
    (void)f;
    (void)time_ns;
    th_buf_put(&h->stream[dir], p, len);
    if (!h->quiet)
        th_buf_printf(&h->log, "data%d %.*s\n", dir, (int)len, (const char *)p);
    if (wire_len != len)
        th_buf_printf(&h->log, "cut %zu\n", wire_len - len);
}

static inline void hear_gap(void *arg, struct th_flow *f, int dir, int64_t time_ns, uint64_t len)
{
    struct harness *h = arg;
    (void)f;
    (void)time_ns;
    th_buf_printf(&h->log, "gap%d %u\n", dir, (unsigned)len);
}

static inline void hear_fin(void *arg, struct th_flow *f, int dir, int64_t time_ns)
{
    struct harness *h = arg;
    (void)f;
    (void)time_ns;
    th_buf_printf(&h->log, "fin%d\n", dir);
}

static inline void hear_part(void *arg, struct th_flow *f, int64_t time_ns)
{
    struct harness *h = arg;
    (void)time_ns;
    th_flow_conn(f, &h->text, &h->conn);
    th_buf_printf(
        &h->log, "part %u %u\n", (unsigned)h->conn.part, (unsigned)h->conn.part_orig_bytes);
}

static inline void hear_end(void *arg, struct th_flow *f, enum th_flow_end why)
{
    struct harness *h = arg;
    th_flow_conn(f, &h->text, &h->conn);
    memcpy(h->uid, f->uid, TH_UID_LEN);
    h->conns++;
    th_buf_printf(&h->log, "end %s %s %s\n", end_names[why], h->conn.conn_state.p,
        h->conn.history.len ? h->conn.history.p : "-");
}

static inline void hear_weird(void *arg, struct th_flow *f, int64_t time_ns, const char *name)
{
    struct harness *h = arg;
    (void)f;
    (void)time_ns;
    th_buf_printf(&h->log, "weird %s\n", name);
}

static inline struct harness harness_open(struct harness *at, struct th_flow_config config)
{
    static const struct th_flow_ops ops = {.begin = hear_begin,
        .data = hear_data,
        .gap = hear_gap,
        .fin = hear_fin,
        .part = hear_part,
        .end = hear_end,
        .weird = hear_weird};
    config.key = (struct th_hash_key){1, 2};
    memset(at, 0, sizeof(*at));
    at->t = th_flows_new(&config, &ops, at);
    return *at;
}

static inline void harness_close(struct harness *h)
{
    th_flows_free(h->t);
    th_buf_done(&h->log);
    th_buf_done(&h->stream[0]);
    th_buf_done(&h->stream[1]);
}

static inline struct th_pkt packet(const struct harness *h, int dir, uint8_t proto)
{
    static const uint8_t client[4] = {10, 0, 0, 1};
    static const uint8_t server[4] = {10, 0, 0, 2};
    struct th_pkt p = {.kind = TH_PKT_IP,
        .time_ns = h->now_ms * TH_NS_PER_MS,
        .proto = proto,
        .src = th_addr_v4(dir ? server : client),
        .dst = th_addr_v4(dir ? client : server),
        .src_port = dir ? 80 : 40000,
        .dst_port = dir ? 40000 : 80,
        .window = 1000,
        .payload = {.p = "", .len = 0}};
    return p;
}

static inline void set_text(struct th_pkt *p, const char *text, uint32_t header_len)
{
    p->payload = th_str_c(text);
    p->payload_len = p->payload.len;
    p->ip_len = header_len + p->payload_len;
    p->wire_len = p->cap_len = p->ip_len + 14;
}

/* flags: letters of "SAFRP" */
static inline uint8_t tcp_flags(const char *letters)
{
    uint8_t flags = 0;
    for (const char *l = letters; *l; l++)
        flags |= *l == 'F' ? 1 : *l == 'S' ? 2 : *l == 'R' ? 4 : *l == 'P' ? 8 : 16;
    return flags;
}

static inline void tcp(
    struct harness *h, int dir, const char *flags, uint32_t seq, uint32_t ack, const char *text)
{
    struct th_pkt p = packet(h, dir, 6);
    p.tcp_flags = tcp_flags(flags);
    p.seq = seq;
    p.ack = ack;
    set_text(&p, text, 40);
    th_flows_packet(h->t, &p);
}

static inline void udp(struct harness *h, int dir, const char *text)
{
    struct th_pkt p = packet(h, dir, 17);
    set_text(&p, text, 28);
    th_flows_packet(h->t, &p);
}

/* Client starts at 100, server at 500. */
static inline void handshake(struct harness *h)
{
    tcp(h, 0, "S", 100, 0, "");
    tcp(h, 1, "SA", 500, 101, "");
    tcp(h, 0, "A", 101, 501, "");
}

static inline void assert_log(struct harness *h, const char *expected)
{
    th_buf_u8(&h->log, 0);
    assert_string_equal((const char *)h->log.p, expected);
    th_buf_clear(&h->log);
}

#endif
