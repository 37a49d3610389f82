/* SPDX-License-Identifier: Apache-2.0 */
/* Each conn_state of Zeek's documentation, the history letters, directions, reuse of ports. */
#include "harness.h"

struct step {
    int dir;
    const char *flags;
    uint32_t seq, ack;
    const char *text;
};

static void run(const struct step *steps, const char *state, const char *history)
{
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    for (const struct step *s = steps; s->flags; s++) {
        tcp(&h, s->dir, s->flags, s->seq, s->ack, s->text);
        h.now_ms += 10;
    }
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 1);
    assert_view_is(h.conn.conn_state, state);
    assert_view_is(h.conn.history, history);
    harness_close(&h);
}

#define RUN(state, history, ...)                                                                   \
    do {                                                                                           \
        const struct step steps_[] = {__VA_ARGS__, {0}};                                           \
        run(steps_, state, history);                                                               \
    } while (0)
#define SYN                                                                                        \
    {                                                                                              \
        0, "S", 100, 0, ""                                                                         \
    }
#define SYN_ACK                                                                                    \
    {                                                                                              \
        1, "SA", 500, 101, ""                                                                      \
    }
#define ACK                                                                                        \
    {                                                                                              \
        0, "A", 101, 501, ""                                                                       \
    }

static void conn_states(void **state)
{
    (void)state;
    RUN("S0", "S", SYN);
    RUN("S1", "Sh", SYN, SYN_ACK);
    RUN("S1", "ShA", SYN, SYN_ACK, ACK);
    RUN("REJ", "Sr", SYN, {1, "RA", 0, 101, ""});
    RUN("SF", "ShADadFf", SYN, SYN_ACK, ACK, {0, "PA", 101, 501, "question"},
        {1, "A", 501, 109, ""}, {1, "PA", 501, 109, "answer"}, {0, "FA", 109, 507, ""},
        {1, "FA", 507, 110, ""}, {0, "A", 110, 508, ""});
    RUN("S2", "ShAF", SYN, SYN_ACK, ACK, {0, "FA", 101, 501, ""});
    RUN("S3", "ShAf", SYN, SYN_ACK, ACK, {1, "FA", 501, 101, ""});
    RUN("RSTO", "ShAR", SYN, SYN_ACK, ACK, {0, "R", 101, 0, ""});
    RUN("RSTR", "ShADr", SYN, SYN_ACK, ACK, {0, "PA", 101, 501, "x"}, {1, "R", 501, 0, ""});
    RUN("RSTOS0", "SR", SYN, {0, "R", 101, 0, ""});
    RUN("RSTRH", "^hr", SYN_ACK, {1, "R", 501, 0, ""});
    RUN("SH", "SF", SYN, {0, "F", 101, 0, ""});
    RUN("SHR", "^hf", SYN_ACK, {1, "F", 501, 0, ""});
    RUN("OTH", "DaA", {0, "PA", 7, 9, "x"}, {1, "A", 9, 8, ""}, {0, "A", 8, 9, ""});
}

static void history_letters(void **state)
{
    (void)state;
    /* A SYN again is no news; with another number it is. */
    RUN("S0", "S", SYN, SYN);
    RUN("S1", "ShSA", SYN, SYN_ACK, {0, "S", 90000, 0, ""}, ACK);
    /* Multi-flag and inconsistent packets. */
    RUN("SH", "SQF", {0, "SF", 100, 0, ""});
    RUN("RSTOS0", "SIFR", SYN, {0, "FR", 101, 0, ""});
    /* Retransmissions count logarithmically: the 1st and the 10th. */
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    handshake(&h);
    for (int i = 0; i < 12; i++)
        tcp(&h, 0, "PA", 101, 501, "data");
    th_flows_flush(h.t);
    assert_view_is(h.conn.history, "ShADTT");
    assert_int_equal(h.conn.orig_bytes, 4);
    assert_int_equal(h.conn.orig_pkts, 14);
    assert_int_equal(th_flows_stats(h.t)->retransmitted_bytes, 11 * 4);
    harness_close(&h);
}

/* In the middle of a connection the port tells who the server is. */
static void originator(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    tcp(&h, 1, "PA", 900, 100, "from the server");
    tcp(&h, 0, "A", 100, 915, "");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.id_orig_p, 40000);
    assert_int_equal(h.conn.id_resp_p, 80);
    assert_int_equal(h.conn.resp_bytes, 15);
    assert_view_is(h.conn.history, "^dA");
    assert_log(&h, "begin 40000>80\ndata1 from the server\nend flush OTH ^dA\n");
    /* The same for datagrams. */
    udp(&h, 1, "answer");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.id_orig_p, 40000);
    assert_view_is(h.conn.conn_state, "SHR");
    assert_view_is(h.conn.history, "^d");
    harness_close(&h);
}

static void ports_used_again(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    handshake(&h);
    char first[TH_UID_LEN];
    tcp(&h, 0, "FA", 101, 501, "");
    tcp(&h, 1, "FA", 501, 102, "");
    tcp(&h, 0, "A", 102, 502, "");
    tcp(&h, 0, "S", 7000, 0, "");
    assert_int_equal(h.conns, 1);
    assert_view_is(h.conn.conn_state, "SF");
    memcpy(first, h.uid, TH_UID_LEN);
    tcp(&h, 1, "SA", 9000, 7001, "");
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 2);
    assert_view_is(h.conn.conn_state, "S1");
    assert_string_not_equal(first, h.uid);
    assert_int_equal(strlen(h.uid), TH_UID_LEN - 1);
    assert_int_equal(h.uid[0], 'C');
    /* A refused SYN that is sent again is the same attempt. */
    tcp(&h, 0, "S", 42, 0, "");
    tcp(&h, 1, "RA", 0, 43, "");
    tcp(&h, 0, "S", 42, 0, "");
    tcp(&h, 1, "RA", 0, 43, "");
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 3);
    assert_view_is(h.conn.conn_state, "REJ");
    assert_int_equal(h.conn.orig_pkts, 2);
    harness_close(&h);
}

static void record_fields(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    h.now_ms = 1000;
    struct th_pkt p = packet(&h, 0, 17);
    set_text(&p, "hello", 28);
    p.has_mac = true;
    p.vlan = 7;
    p.inner_vlan = 8;
    p.src_mac.b[5] = 1;
    memset(p.dst_mac.b, 0xff, 6);
    th_flows_packet(h.t, &p);
    h.now_ms = 1500;
    struct th_pkt q = packet(&h, 1, 17);
    set_text(&q, "hello you", 28);
    q.has_mac = true;
    q.vlan = 7;
    q.inner_vlan = 8;
    q.src_mac.b[5] = 2;
    q.dst_mac.b[5] = 1;
    q.wire_len = 100;
    th_flows_packet(h.t, &q);
    th_flows_flush(h.t);
    const struct th_ev_conn *c = &h.conn;
    assert_int_equal(c->h.kind, TH_KIND_CONN);
    assert_int_equal(c->h.time_ns, 1500 * TH_NS_PER_MS);
    assert_int_equal(c->ts, 1000 * TH_NS_PER_MS);
    assert_int_equal(c->duration, 500 * TH_NS_PER_MS);
    assert_view_is(c->proto, "udp");
    assert_view_is(c->conn_state, "SF");
    assert_view_is(c->history, "Dd");
    assert_int_equal(c->orig_bytes, 5);
    assert_int_equal(c->resp_bytes, 9);
    assert_int_equal(c->orig_ip_bytes, 33);
    assert_int_equal(c->resp_ip_bytes, 37);
    assert_int_equal(c->orig_wire_bytes, 47);
    assert_int_equal(c->resp_wire_bytes, 100);
    assert_int_equal(c->vlan, 7);
    assert_int_equal(c->inner_vlan, 8);
    assert_int_equal(c->orig_l2_addr.b[5], 1);
    assert_int_equal(c->resp_l2_addr.b[0], 0); /* its own, not the broadcast asked */
    assert_int_equal(c->resp_l2_addr.b[5], 2);
    assert_false(TH_HAS(c, CONN, part));
    assert_true(TH_HAS(c, CONN, community_id));
    assert_int_equal(c->community_id.len, 0); /* it follows from the rest */
    harness_close(&h);
}

static void icmp_flows(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    struct th_pkt p = packet(&h, 0, 1);
    set_text(&p, "ping", 28);
    p.src_port = 8;
    p.dst_port = 0;
    th_flows_packet(h.t, &p);
    struct th_pkt q = packet(&h, 1, 1);
    set_text(&q, "ping", 28);
    q.src_port = 0;
    q.dst_port = 8;
    q.icmp_is_reply = true;
    th_flows_packet(h.t, &q);
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 1);
    assert_view_is(h.conn.proto, "icmp");
    assert_view_is(h.conn.conn_state, "OTH");
    assert_int_equal(h.conn.id_orig_p, 8);
    assert_int_equal(h.conn.id_resp_p, 0);
    assert_int_equal(h.conn.resp_pkts, 1);
    assert_int_equal(h.conn.resp_bytes, 4);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(conn_states),
        cmocka_unit_test(history_letters), cmocka_unit_test(originator),
        cmocka_unit_test(ports_used_again), cmocka_unit_test(record_fields),
        cmocka_unit_test(icmp_flows)};
    return cmocka_run_group_tests_name("flow/tcp", tests, NULL, NULL);
}
