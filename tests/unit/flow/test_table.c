/* SPDX-License-Identifier: Apache-2.0 */
/* Time-outs on packet time, parts of long connections, the cap, many flows, fragments. */
#include "frames.h"
#include "harness.h"

static void timeouts(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    h.quiet = true;
    udp(&h, 0, "x");
    tcp(&h, 0, "S", 1, 0, "");
    h.now_ms = 7000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "begin 40000>80\nbegin 40000>80\nend timeout S0 S\n");
    h.now_ms = 59000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "");
    h.now_ms = 61000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "end timeout S0 D\n");
    handshake(&h);
    h.now_ms += 299 * 1000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "begin 40000>80\n");
    h.now_ms += 3000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "end timeout S1 ShA\n");
    /* Closed: a few seconds for the last acknowledgements. */
    handshake(&h);
    tcp(&h, 0, "FA", 101, 501, "");
    tcp(&h, 1, "FA", 501, 102, "");
    h.now_ms += 4000;
    tcp(&h, 0, "A", 102, 502, "");
    h.now_ms += 7000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "begin 40000>80\nfin0\nfin1\nend closed SF ShAFf\n");
    harness_close(&h);
}

/* The packet that comes after the time-out begins another flow, even when nothing swept between. */
static void own_packet_after_timeout(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    udp(&h, 0, "x");
    h.now_ms = 60000;
    udp(&h, 0, "y");
    assert_log(&h, "begin 40000>80\ndata0 x\nend timeout S0 D\nbegin 40000>80\ndata0 y\n");
    harness_close(&h);
}

static void clock_steps_back(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    h.now_ms = 3600 * 1000;
    udp(&h, 0, "x");
    h.now_ms = 5;
    udp(&h, 0, "y");
    udp(&h, 1, "z");
    h.now_ms = 3600 * 1000 + 1000;
    udp(&h, 1, "w");
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 1);
    assert_int_equal(h.conn.orig_pkts, 2);
    assert_int_equal(h.conn.duration, 1000 * TH_NS_PER_MS);
    /* Hostile times: nothing overflows. */
    struct th_pkt p = packet(&h, 0, 17);
    p.time_ns = INT64_MAX;
    th_flows_packet(h.t, &p);
    p.time_ns = INT64_MIN;
    p.src_port = 9;
    th_flows_packet(h.t, &p);
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 3);
    harness_close(&h);
}

static void parts(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){.part_interval_ns = 300 * TH_NS_PER_S});
    h.quiet = true;
    handshake(&h);
    uint32_t seq = 101;
    for (int i = 0; i < 12; i++) {
        tcp(&h, 0, "PA", seq, 501, "0123456789");
        seq += 10;
        h.now_ms += 60 * 1000;
    }
    th_flows_flush(h.t);
    /* Ten packets' worth in each part; the last record has the rest and says that it is the last.
     */
    assert_log(&h, "begin 40000>80\npart 1 50\npart 2 50\nend flush S1 ShAD\n");
    assert_int_equal(h.conn.part, 3);
    assert_false(h.conn.partial);
    assert_int_equal(h.conn.part_orig_bytes, 20);
    assert_int_equal(h.conn.orig_bytes, 120);
    harness_close(&h);
}

/* One packet of the nth client: 6 is within a connection that is under way. */
static void one_packet(struct harness *h, unsigned n, uint8_t proto)
{
    struct th_pkt p = packet(h, 0, proto);
    p.src_port = (uint16_t)(20000 + n);
    p.tcp_flags = tcp_flags("A");
    th_flows_packet(h->t, &p);
    h->now_ms += 10;
    assert_true(th_flows_stats(h->t)->flows_now <= 100);
}

static void cap_evicts_the_idlest(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){.max_flows = 100});
    for (unsigned i = 0; i < 150; i++) {
        one_packet(&h, i, 6);
        one_packet(&h, 0, 6); /* goes on speaking: not the idlest, though it came first */
    }
    assert_int_equal(th_flows_stats(h.t)->evicted, 50);
    assert_int_equal(h.conn.id_orig_p, 20050);
    assert_string_equal(h.conn.cut.p, "flow");
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 150);
    assert_int_equal(h.conn.orig_pkts, 1);
    assert_int_equal(th_flows_stats(h.t)->flows_now, 0);
    harness_close(&h);
}

/* What floods are made of goes before connections that are older, while there is much of it. */
static void cap_evicts_the_slight_first(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){.max_flows = 100});
    for (unsigned i = 0; i < 40; i++)
        one_packet(&h, i, 6);
    for (unsigned i = 40; i < 200; i++)
        one_packet(&h, i, 17);
    assert_int_equal(th_flows_stats(h.t)->evicted, 100);
    assert_int_equal(h.conn.id_orig_p, 20139); /* and the connections are all there */
    for (unsigned i = 200; i < 260; i++)
        one_packet(&h, i, 6);
    /* 48 more datagrams, until they were few; then who is idlest. */
    assert_int_equal(th_flows_stats(h.t)->evicted, 160);
    assert_int_equal(h.conn.id_orig_p, 20011);
    harness_close(&h);
}

/* Growth, deletion and finding of many flows, both address families, both directions. */
static void many_flows(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){.udp_idle_ns = 3600 * TH_NS_PER_S});
    h.quiet = true;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 20000; i++) {
            struct th_pkt p = packet(&h, 0, 17);
            p.src_port = (uint16_t)(i % 5000 + 10000);
            p.dst.b[15] = (uint8_t)(i / 5000);
            if (i % 3 == 0)
                p.src.b[0] = p.dst.b[0] = 0xfd;
            if (round) {
                struct th_pkt q = p;
                p.src = q.dst;
                p.dst = q.src;
                p.src_port = q.dst_port;
                p.dst_port = q.src_port;
            }
            th_flows_packet(h.t, &p);
            h.now_ms++;
        }
    }
    assert_int_equal(th_flows_stats(h.t)->flows, 20000);
    assert_int_equal(th_flows_stats(h.t)->flows_now, 20000);
    th_flows_advance(h.t, INT64_C(3600) * TH_NS_PER_S + 30000 * TH_NS_PER_MS);
    assert_int_equal(h.conns + th_flows_stats(h.t)->flows_now, 20000);
    assert_in_range(th_flows_stats(h.t)->flows_now, 9000, 11100);
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 20000);
    assert_int_equal(h.conn.orig_pkts, 1);
    assert_int_equal(h.conn.resp_pkts, 1);
    harness_close(&h);
}

static void vlans(void **state)
{
    (void)state;
    for (int ignore = 0; ignore < 2; ignore++) {
        struct harness h;
        harness_open(&h, (struct th_flow_config){.ignore_vlan = ignore});
        struct th_pkt p = packet(&h, 0, 17);
        p.vlan = 5;
        th_flows_packet(h.t, &p);
        p = packet(&h, 1, 17);
        p.vlan = 6;
        th_flows_packet(h.t, &p);
        assert_int_equal(th_flows_stats(h.t)->flows_now, ignore ? 1 : 2);
        harness_close(&h);
    }
}

static void fragment(struct harness *h, uint16_t id, uint16_t frag, const char *data, size_t len)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 1, 2, 17, id, frag, (uint16_t)(20 + len));
    th_buf_put(&b, data, len);
    struct th_pkt p;
    assert_int_equal(
        th_decode(1, h->now_ms * TH_NS_PER_MS, b.p, (uint32_t)b.len, (uint32_t)b.len, &p), 0);
    th_flows_packet(h->t, &p);
}

/* UDP header (port 7 to 9, length 24) and 16 bytes of data in fragments of 8. */
#define PIECE0 "\0\7\0\x9\0\x18\0\0"
#define PIECE1 "ABCDEFGH"
#define PIECE2 "IJKLMNOP"

static void fragments(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    fragment(&h, 1, 0x0002, PIECE2, 8);
    fragment(&h, 2, 0x2000, PIECE0, 8);
    fragment(&h, 1, 0x2000, PIECE0, 8);
    assert_log(&h, "");
    fragment(&h, 1, 0x2001, PIECE1, 8);
    assert_log(&h, "begin 7>9\ndata0 ABCDEFGHIJKLMNOP\n");
    h.now_ms = 40000; /* the other datagram: no more is coming, but its ports are known */
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    th_flows_flush(h.t);
    assert_int_equal(h.conns, 1);
    assert_int_equal(h.conn.orig_pkts, 4);
    assert_int_equal(h.conn.orig_ip_bytes, 4 * 28);
    assert_int_equal(h.conn.orig_wire_bytes, 4 * 42);
    assert_int_equal(th_flows_stats(h.t)->fragments, 4);
    assert_int_equal(th_flows_stats(h.t)->fragments_dropped, 0);
    harness_close(&h);
}

static void bad_fragments(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    fragment(&h, 1, 0x2000, PIECE0, 8);
    fragment(&h, 1, 0x2000, "\0\7\0\x8\0\x18\0\0", 8); /* the first copy wins */
    fragment(&h, 1, 0x0001, PIECE1, 8);
    assert_log(&h,
        "weird fragment_overlap\nbegin 7>9\n"
        "weird UDP_datagram_length_mismatch\n"
        "data0 ABCDEFGH\n");
    fragment(&h, 2, 0x3fff, PIECE1, 8); /* past 65,535 bytes */
    assert_log(&h, "weird fragment_size_inconsistency\n");
    fragment(&h, 3, 0x0001, PIECE1, 8); /* never a first one */
    th_flows_flush(h.t);
    assert_int_equal(th_flows_stats(h.t)->fragments_dropped, 2);
    harness_close(&h);
}

/* A flood of fragments stays within its limits. */
static void fragment_flood(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    for (unsigned i = 0; i < 20000; i++)
        fragment(&h, (uint16_t)i, 0x2001, PIECE1, 8);
    assert_int_equal(th_flows_stats(h.t)->fragments, 20000);
    assert_int_equal(th_flows_stats(h.t)->fragments_dropped, 20000 - 4096);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(timeouts),
        cmocka_unit_test(own_packet_after_timeout), cmocka_unit_test(clock_steps_back),
        cmocka_unit_test(parts), cmocka_unit_test(cap_evicts_the_idlest),
        cmocka_unit_test(cap_evicts_the_slight_first), cmocka_unit_test(many_flows),
        cmocka_unit_test(vlans), cmocka_unit_test(fragments), cmocka_unit_test(bad_fragments),
        cmocka_unit_test(fragment_flood)};
    return cmocka_run_group_tests_name("flow/table", tests, NULL, NULL);
}
