/* SPDX-License-Identifier: Apache-2.0 */
/* Data in order whatever the order of packets; each byte once; gaps only when they must be. */
#include "harness.h"

static void open_established(struct harness *h, struct th_flow_config config)
{
    harness_open(h, config);
    handshake(h);
    th_buf_clear(&h->log);
}

static void in_order(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "PA", 101, 501, "one ");
    tcp(&h, 1, "PA", 501, 105, "two ");
    tcp(&h, 0, "FPA", 105, 505, "three");
    tcp(&h, 1, "FA", 505, 111, "");
    tcp(&h, 0, "A", 111, 506, "");
    assert_log(&h, "data0 one \ndata1 two \ndata0 three\nfin0\nfin1\n");
    harness_close(&h);
}

static void out_of_order(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "FA", 113, 501, "");
    tcp(&h, 0, "PA", 109, 501, "CCCC");
    tcp(&h, 0, "PA", 105, 501, "BBBB");
    assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 80 + 2 * (4 + 64));
    assert_log(&h, "");
    tcp(&h, 0, "PA", 101, 501, "AAAA");
    assert_log(&h, "data0 AAAA\ndata0 BBBB\ndata0 CCCC\nfin0\n");
    assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 0);
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 12);
    assert_int_equal(h.conn.missed_bytes, 0);
    harness_close(&h);
}

/* The first copy wins, before and behind the hole; a copy that differs is told. */
static void overlaps(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "PA", 101, 501, "abcd");
    tcp(&h, 0, "PA", 103, 501, "XXef");
    assert_log(&h, "data0 abcd\ndata0 ef\n");
    tcp(&h, 0, "PA", 111, 501, "klmn");
    tcp(&h, 0, "PA", 109, 501, "ijkl"); /* same bytes again */
    assert_log(&h, "");
    tcp(&h, 0, "PA", 107, 501, "ghZZZZZZop");
    assert_log(&h, "data0 ghZZZZZZop\n");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 16);
    assert_int_equal(h.conn.missed_bytes, 0);
    th_buf_clear(&h.log);
    handshake(&h);
    tcp(&h, 0, "PA", 105, 501, "EFGH");
    tcp(&h, 0, "PA", 103, 501, "CDxFGHIJ");
    tcp(&h, 0, "PA", 101, 501, "AB");
    assert_log(&h,
        "begin 40000>80\nweird rexmit_inconsistency\ndata0 AB\ndata0 CD\ndata0 EFGH\ndata0 IJ\n");
    harness_close(&h);
}

static void gap_when_acknowledged(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "PA", 101, 501, "AAAA");
    tcp(&h, 0, "PA", 111, 501, "CCCC");
    tcp(&h, 1, "A", 501, 105, "");
    assert_log(&h, "data0 AAAA\n");
    tcp(&h, 1, "A", 501, 115, "");
    assert_log(&h, "gap0 6\ndata0 CCCC\n");
    /* Acknowledged before it is missed: the next segment shows the hole. */
    tcp(&h, 1, "A", 501, 125, "");
    assert_log(&h, "");
    tcp(&h, 0, "PA", 125, 501, "DDDD");
    assert_log(&h, "gap0 10\ndata0 DDDD\n");
    /* At the end: what was acknowledged and not seen. */
    tcp(&h, 1, "A", 501, 149, "");
    th_flows_flush(h.t);
    assert_log(&h, "gap0 20\nend flush S1 ShADaG\n");
    assert_int_equal(h.conn.missed_bytes, 36);
    assert_int_equal(h.conn.orig_bytes, 48);
    harness_close(&h);
}

static void gap_after_a_time(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "PA", 105, 501, "BBBB");
    h.now_ms = 9000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "");
    h.now_ms = 12000;
    th_flows_advance(h.t, h.now_ms * TH_NS_PER_MS);
    assert_log(&h, "gap0 4\ndata0 BBBB\n");
    harness_close(&h);
}

static void limit_of_a_flow(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){.max_reassembly_flow_bytes = 200});
    tcp(&h, 0, "PA", 105, 501, "BBBB");
    tcp(&h, 0, "PA", 113, 501, "DDDD");
    assert_log(&h, "");
    tcp(&h, 0, "PA", 121, 501, "FFFF"); /* 3 * 68 > 200 */
    assert_log(&h, "gap0 4\ndata0 BBBB\n");
    assert_int_equal(th_flows_stats(h.t)->reassembly_dropped_bytes, 4);
    assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 80 + 2 * 68);
    harness_close(&h);
}

/* In all: the flow that waits longest gives way. */
static void limit_in_all(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){.max_reassembly_bytes = 400});
    for (uint16_t port = 1; port <= 3; port++) {
        struct th_pkt p = packet(&h, 0, 6);
        p.src_port = port + 50000;
        p.tcp_flags = tcp_flags("S");
        p.seq = 100;
        th_flows_packet(h.t, &p);
        p.tcp_flags = tcp_flags("PA");
        p.seq = 105;
        char text[5] = {(char)('0' + port), '!', '!', '!', 0};
        set_text(&p, text, 40);
        th_flows_packet(h.t, &p);
    }
    assert_log(&h, "begin 50001>80\nbegin 50002>80\nbegin 50003>80\ngap0 4\ndata0 1!!!\n");
    assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 2 * (80 + 68));
    harness_close(&h);
}

static void sequence_wraps(void **state)
{
    (void)state;
    struct harness h;
    harness_open(&h, (struct th_flow_config){0});
    tcp(&h, 0, "S", 0xfffffffd, 0, "");
    tcp(&h, 1, "SA", 0xffffffff, 0xfffffffe, "");
    tcp(&h, 0, "A", 0xfffffffe, 0, "");
    th_buf_clear(&h.log);
    tcp(&h, 0, "PA", 2, 0, "EFGH");
    tcp(&h, 0, "PA", 0xfffffffe, 0, "ABCD");
    tcp(&h, 1, "PA", 0, 6, "zero");
    assert_log(&h, "data0 ABCD\ndata0 EFGH\ndata1 zero\n");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 8);
    assert_int_equal(h.conn.resp_bytes, 4);
    harness_close(&h);
}

/* A lie about the position is not followed; an outage that the receiver confirms is. */
static void far_jumps(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    tcp(&h, 0, "PA", 101 + (64u << 20), 501, "lie");
    assert_log(&h, "weird TCP_seq_jump\n");
    tcp(&h, 0, "PA", 101, 501, "true");
    assert_log(&h, "data0 true\n");
    tcp(&h, 1, "A", 501, 105 + (64u << 20), "");
    tcp(&h, 0, "PA", 105 + (64u << 20), 501, "later");
    assert_log(&h, "gap0 67108864\ndata0 later\n");
    /* Without the other side: the second segment in a row confirms. */
    tcp(&h, 0, "PA", 110 + (192u << 20), 501, "un");
    tcp(&h, 0, "PA", 112 + (192u << 20), 501, "seen");
    assert_log(&h, "weird TCP_seq_jump\ngap0 134217730\ndata0 seen\n");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 4 + 5 + 4); /* jumps are no payload */
    harness_close(&h);
}

static void cut_by_snap_length(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    struct th_pkt p = packet(&h, 0, 6);
    p.tcp_flags = tcp_flags("PA");
    p.seq = 101;
    set_text(&p, "head", 40);
    p.payload_len = 1000;
    th_flows_packet(h.t, &p);
    tcp(&h, 0, "PA", 1101, 501, "next");
    assert_log(&h, "data0 head\ngap0 996\ndata0 next\n");
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 1004);
    assert_int_equal(h.conn.missed_bytes, 996);
    harness_close(&h);
}

static void skip_begin(void *arg, struct th_flow *f)
{
    (void)arg;
    f->skip_data[0] = true;
}

/* Nothing more is wanted: buffers go, bytes are counted by sequence numbers. */
static void skipped(void **state)
{
    (void)state;
    struct harness h;
    memset(&h, 0, sizeof(h));
    const struct th_flow_ops ops = {.begin = skip_begin, .data = hear_data, .end = hear_end};
    const struct th_flow_config config = {0};
    h.t = th_flows_new(&config, &ops, &h);
    handshake(&h);
    tcp(&h, 0, "PA", 105, 501, "BBBB");
    tcp(&h, 0, "PA", 101, 501, "AAAA");
    tcp(&h, 0, "PA", 105, 501, "BBBB");
    tcp(&h, 0, "PA", 109, 501, "CCCC");
    tcp(&h, 1, "PA", 501, 113, "heard");
    assert_log(&h, "data1 heard\n");
    assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 0);
    th_flows_flush(h.t);
    assert_int_equal(h.conn.orig_bytes, 12);
    harness_close(&h);
}

/* Keep-alives and a large offloaded segment. */
static void odd_sizes(void **state)
{
    (void)state;
    struct harness h;
    open_established(&h, (struct th_flow_config){0});
    h.quiet = true;
    static char big[60001];
    memset(big, 'x', sizeof(big) - 1);
    tcp(&h, 0, "PA", 101, 501, big);
    tcp(&h, 0, "A", 60100, 501, "x"); /* keep-alive: the last byte again */
    assert_int_equal(th_flows_stats(h.t)->retransmitted_bytes, 0);
    th_flows_flush(h.t);
    assert_int_equal(h.stream[0].len, 60000);
    assert_int_equal(h.conn.orig_bytes, 60000);
    assert_view_is(h.conn.history, "ShAD");
    harness_close(&h);
}

/* Every permutation of five overlapping segments gives the same stream. */
static void all_orders(void **state)
{
    (void)state;
    static const char text[] = "abcdefghijklmnopqrst";
    static const uint8_t at[5] = {0, 3, 7, 10, 15};
    static const uint8_t len[5] = {5, 6, 4, 8, 5};
    for (unsigned order = 0; order < 3125; order++) {
        struct harness h;
        open_established(&h, (struct th_flow_config){0});
        h.quiet = true;
        unsigned seen = 0;
        for (unsigned i = 0, o = order; i < 5; i++, o /= 5) {
            char piece[16] = {0};
            memcpy(piece, text + at[o % 5], len[o % 5]);
            tcp(&h, 0, "PA", 101 + at[o % 5], 501, piece);
            seen |= 1u << o % 5;
        }
        if (seen == 31) {
            assert_int_equal(h.stream[0].len, 20);
            assert_memory_equal(h.stream[0].p, text, 20);
            assert_int_equal(th_flows_stats(h.t)->reassembly_bytes_now, 0);
        }
        harness_close(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(out_of_order),
        cmocka_unit_test(overlaps), cmocka_unit_test(gap_when_acknowledged),
        cmocka_unit_test(gap_after_a_time), cmocka_unit_test(limit_of_a_flow),
        cmocka_unit_test(limit_in_all), cmocka_unit_test(sequence_wraps),
        cmocka_unit_test(far_jumps), cmocka_unit_test(cut_by_snap_length),
        cmocka_unit_test(skipped), cmocka_unit_test(odd_sizes), cmocka_unit_test(all_orders)};
    return cmocka_run_group_tests_name("flow/reassembly", tests, NULL, NULL);
}
