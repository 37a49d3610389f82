/* SPDX-License-Identifier: Apache-2.0 */
/* What a wish finds: by which of its headers a packet is found, in which order, how much of it. */
#include "kept.h"

struct world {
    struct io_record *disk;
    struct th_io io;
    struct th_keep *keep;
    struct th_buf block;
    int64_t now_ns;
};

static void setup_world(struct world *w)
{
    *w = (struct world){.disk = io_record_new(), .now_ns = START_NS};
    io_record_io(w->disk, &w->io);
    w->keep = open_keep(&w->io, ROOM_BYTES, START_NS);
}

static void teardown_world(struct world *w)
{
    th_keep_close(w->keep);
    th_buf_done(&w->block);
    io_record_free(w->disk);
}

static void write_block(struct world *w)
{
    assert_int_equal(th_keep_put(w->keep, th_buf_view(&w->block), w->now_ns), 0);
    th_buf_clear(&w->block);
}

/* A frame of its own block. */
static void keep_frame(struct world *w, struct th_buf *frame, uint16_t linktype)
{
    put_record(&w->block, w->now_ns++, linktype, th_buf_view(frame));
    write_block(w);
    frame->len = 0;
}

static uint64_t count(const struct world *w, const struct th_packets_request *wish)
{
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    return find_into(&w->io, wish, &out).packets;
}

/* Blocks of several workers, which lie between each other in time. */
static void test_order(void **state)
{
    (void)state;
    enum { WORKERS = 4, ROUNDS = 30, EACH = 50 };
    struct world w;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    setup_world(&w);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned worker = 0; worker < WORKERS; worker++) {
            for (unsigned i = 0; i < EACH; i++) {
                /* in their block out of order, too: of two interfaces */
                unsigned n = (round * EACH + (i ^ 1u)) * WORKERS + worker;
                put_packet(&w.block, START_NS + n, 7, 1, (uint16_t)(n % 300));
            }
            write_block(&w);
        }
    }
    const struct th_packets_request wish = wish_for(7);
    struct th_keep_found f = find_into(&w.io, &wish, &out);
    struct th_cur c = th_cur_init(out.p, out.len);
    struct pcap_packet p;
    uint64_t n = 0;
    assert_int_equal(f.packets, WORKERS * ROUNDS * EACH);
    assert_int_equal(th_cur_le32(&c), 0xa1b23c4d);
    th_cur_skip(&c, 16);
    assert_int_equal(th_cur_le32(&c), 1);
    for (; next_packet(&c, &p); n++) {
        assert_int_equal(p.time_ns, START_NS + (int64_t)n);
        assert_int_equal(p.frame.len, 42 + n % 300);
    }
    assert_int_equal(n, f.packets);
    teardown_world(&w);
}

static void test_time_and_limit(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w);
    for (unsigned i = 0; i < 100; i++) {
        keep_some(w.keep, START_NS + i * TH_NS_PER_S, 7, 10, 58); /* 100 bytes a frame */
    }
    struct th_packets_request wish = wish_for(7);
    wish.from_ns = START_NS + 10 * TH_NS_PER_S;
    wish.to_ns = START_NS + 19 * TH_NS_PER_S + 4 * TH_NS_PER_MS;
    assert_int_equal(count(&w, &wish), 9 * 10 + 5);
    wish.from_ns = wish.to_ns = START_NS + 50 * TH_NS_PER_S;
    assert_int_equal(count(&w, &wish), 1);
    wish = wish_for(7);
    static const struct {
        uint64_t limit, packets;
        bool cut;
    } limits[] = {{1, 0, true}, {24 + 115, 0, true}, {24 + 116, 1, true},
        {24 + 116 * 999, 999, true}, {24 + 116 * 1000, 1000, false}};
    for (size_t i = 0; i < TH_ARRAY_LEN(limits); i++) {
        TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
        wish.limit_bytes = limits[i].limit;
        struct th_keep_found f = find_into(&w.io, &wish, &out);
        assert_int_equal(f.packets, limits[i].packets);
        assert_int_equal(f.cut, limits[i].cut);
        assert_int_equal(f.bytes, 24 + 116 * limits[i].packets);
    }
    teardown_world(&w);
}

static void test_peer_and_ports(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    setup_world(&w);
    put_udp(&b, 7, 1, 5000, 53, 10);
    keep_frame(&w, &b, 1);
    put_udp(&b, 1, 7, 53, 5000, 10);
    keep_frame(&w, &b, 1);
    put_udp(&b, 7, 2, 5000, 54, 10);
    keep_frame(&w, &b, 1);
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 7, 1, 1, 1, 0, 28); /* an echo, whose type is no port */
    th_buf_be32(&b, 0x08000000);
    th_buf_be32(&b, 0);
    keep_frame(&w, &b, 1);
    struct th_packets_request wish = wish_for(7);
    assert_int_equal(count(&w, &wish), 4);
    wish.has_peer = true;
    wish.peer = wish_for(1).host;
    assert_int_equal(count(&w, &wish), 3);
    wish.peer_port = 53;
    assert_int_equal(count(&w, &wish), 2);
    wish.port = 53;
    assert_int_equal(count(&w, &wish), 0);
    wish = wish_for(7);
    wish.port = 8;
    assert_int_equal(count(&w, &wish), 0);
    wish.port = 0;
    wish.proto = 1;
    assert_int_equal(count(&w, &wish), 1);
    teardown_world(&w);
}

static void test_fragments(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    setup_world(&w);
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 7, 1, 17, 9, 100, 20 + 40); /* not the first */
    for (int i = 0; i < 10; i++)
        th_buf_be32(&b, 0);
    keep_frame(&w, &b, 1);
    struct th_packets_request wish = wish_for(7);
    assert_int_equal(count(&w, &wish), 1);
    wish.port = 53; /* it may be of it */
    assert_int_equal(count(&w, &wish), 1);
    wish.proto = 6;
    assert_int_equal(count(&w, &wish), 0);
    teardown_world(&w);
}

static void test_tunnels_and_arp(void **state)
{
    (void)state;
    struct world w;
    static const uint8_t who_has[28] = {
        0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 0, 6};
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf in = TH_BUF_INIT;
    setup_world(&w);
    put_udp(&in, 1, 2, 5000, 53, 10);
    frame_ether(&b, 0x0800);
    frame_ipv4(&b, 100, 101, 17, 1, 0, (uint16_t)(20 + 8 + 8 + in.len));
    frame_udp(&b, 33333, 4789, (uint16_t)(8 + 8 + in.len));
    th_buf_be32(&b, 0x08000000);
    th_buf_be32(&b, 42 << 8);
    th_buf_str(&b, th_buf_view(&in));
    keep_frame(&w, &b, 1);
    frame_ether(&b, 0x0806);
    th_buf_put(&b, who_has, sizeof(who_has));
    keep_frame(&w, &b, 1);
    for (uint8_t host = 1; host < 120; host++) {
        bool is = host == 1 || host == 2 || host == 100 || host == 101 || host == 5 || host == 6;
        struct th_packets_request wish = wish_for(host);
        assert_int_equal(count(&w, &wish), is);
    }
    struct th_packets_request wish = wish_for(2);
    wish.port = 53;
    assert_int_equal(count(&w, &wish), 1);
    wish.has_peer = true;
    wish.peer = wish_for(101).host; /* no header is between these two */
    assert_int_equal(count(&w, &wish), 0);
    wish = wish_for(5);
    wish.proto = 17;
    assert_int_equal(count(&w, &wish), 0);
    teardown_world(&w);
}

/* Written anew by a role that died: there once. */
static void test_twice(void **state)
{
    (void)state;
    struct world w;
    setup_world(&w);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20; i++) {
            put_packet(&w.block, START_NS + i / 2, 7, 1, (uint16_t)(10 + i % 2)); /* two a time */
        }
        write_block(&w);
    }
    struct th_packets_request wish = wish_for(7);
    assert_int_equal(count(&w, &wish), 20);
    teardown_world(&w);
}

/* A pcap file has one link type. */
static void test_link_types(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf problem = TH_BUF_INIT;
    struct pcap_packet p = {0};
    setup_world(&w);
    put_udp(&b, 7, 1, 5000, 53, 10);
    keep_frame(&w, &b, 1);
    put_udp(&b, 7, 1, 5000, 53, 11);
    memmove(b.p, b.p + 14, b.len - 14); /* the same without a link header */
    b.len -= 14;
    keep_frame(&w, &b, 101);
    th_buf_be32(&b, 2 << 24); /* and with the one of a BSD loopback */
    frame_ipv4(&b, 7, 1, 17, 1, 0, 28);
    frame_udp(&b, 1, 2, 8);
    keep_frame(&w, &b, 0);
    struct th_packets_request wish = wish_for(7);
    struct th_keep_found f = find_into(&w.io, &wish, &out);
    struct th_cur c = th_cur_init(out.p + 24, out.len - 24);
    assert_int_equal(f.packets, 2);
    assert_int_equal(f.other_links, 1);
    assert_true(next_packet(&c, &p) && p.frame.len == 42 + 10);
    assert_true(next_packet(&c, &p) && p.frame.len == 42 + 11 && p.wire_len == 42 + 11);
    assert_memory_equal(p.frame.p + 12, "\x08\x00\x45", 3);
    th_keep_found_problem(&f, &problem);
    assert_non_null(memmem(problem.p, problem.len, "1 packets were left out", 23));
    wish.from_ns = START_NS + 1; /* the first is one without a header now */
    out.len = 0;
    f = find_into(&w.io, &wish, &out);
    assert_int_equal(f.packets, 1);
    assert_int_equal(out.p[20], 101);
    teardown_world(&w);
}

/* The ring goes on while it is searched. */
static void test_removed_meanwhile(void **state)
{
    (void)state;
    struct world w;
    TH_AUTOBUF struct th_buf out = TH_BUF_INIT;
    struct th_keep_search *s = NULL;
    struct th_keep_found f;
    const struct th_packets_request wish = wish_for(7);
    int r;
    setup_world(&w);
    for (unsigned i = 0; i < 4; i++) {
        keep_some(w.keep, START_NS + i * TH_NS_PER_S, 7, 10, 50);
        th_keep_close(w.keep);
        w.keep = open_keep(&w.io, ROOM_BYTES, START_NS);
    }
    assert_int_equal(th_keep_search_new(&w.io, the_key, &wish, &s), 0);
    assert_int_equal(th_keep_search_step(s, &out), 1);
    assert_int_equal(w.io.remove(w.io.arg, "0000000000000002.keep"), 0);
    while ((r = th_keep_search_step(s, &out)) > 0)
        ;
    assert_int_equal(r, 0);
    th_keep_search_found(s, &f);
    assert_int_equal(f.packets, 30);
    assert_int_equal(f.gone, 1);
    assert_int_equal(f.damaged, 0);
    th_keep_search_free(s);
    teardown_world(&w);
}

/* An index knows what is in its block, and seldom more. */
static void test_index(void **state)
{
    (void)state;
    static struct keep_index x;
    static const unsigned sizes[] = {0, 1, 10, 100, 1000, 10000};
    for (size_t i = 0; i < TH_ARRAY_LEN(sizes); i++) {
        unsigned wrong = 0;
        keep_index_init(&x);
        for (unsigned host = 0; host < sizes[i]; host++)
            keep_index_host(&x, &(struct th_addr){.b = {(uint8_t)(host >> 8), (uint8_t)host, 1}});
        keep_index_end(&x);
        for (unsigned host = 0; host < sizes[i]; host++)
            assert_true(keep_index_has(
                &x, &(struct th_addr){.b = {(uint8_t)(host >> 8), (uint8_t)host, 1}}));
        for (unsigned host = 0; host < 10000; host++)
            wrong += keep_index_has(
                &x, &(struct th_addr){.b = {(uint8_t)(host >> 8), (uint8_t)host, 2}});
        assert_true(sizes[i] == 10000 ? wrong < 2500 : wrong < 100);
        assert_true(sizes[i] > 10 || x.host_bytes == KEEP_HOSTS_MIN_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_time_and_limit),
        cmocka_unit_test(test_peer_and_ports),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_tunnels_and_arp),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_link_types),
        cmocka_unit_test(test_removed_meanwhile),
        cmocka_unit_test(test_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
