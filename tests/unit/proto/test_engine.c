/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "frames.h"
#include "proto/engine.h"

struct seen {
    unsigned count[TH_KIND_COUNT];
    uint64_t weird_count; /* sum of the counts told */
    bool local_orig, local_resp, has_uid;
    int64_t last_ns;
    int fail_after;
    uint64_t orig_pkts;
    uint64_t next_seq;
    char tunnel[64]; /* the last conn's first */
    unsigned cut;    /* conn records that say so */
};

static int put(void *arg, const struct th_event *ev)
{
    struct seen *s = arg;
    s->count[ev->kind]++;
    assert_int_equal(ev->seq, s->next_seq++);
    s->last_ns = ev->time_ns;
    if (ev->kind == TH_KIND_WEIRD)
        s->weird_count += ((const struct th_ev_weird *)ev)->count;
    if (ev->kind == TH_KIND_CONN) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        s->local_orig = c->local_orig;
        s->local_resp = c->local_resp;
        s->orig_pkts = c->orig_pkts;
        s->cut += TH_HAS(c, CONN, cut);
        snprintf(s->tunnel, sizeof(s->tunnel), "%.*s", c->tunnel.n ? (int)c->tunnel.v[0].len : 0,
            c->tunnel.n ? c->tunnel.v[0].p : "");
        s->has_uid = TH_HAS(c, CONN, uid) && c->uid.len == TH_UID_LEN - 1;
    }
    return s->fail_after && --s->fail_after == 0 ? -ENOSPC : 0;
}

static struct th_engine *engine(struct seen *s, const struct th_engine_config *config)
{
    const struct th_sink sink = {.put = put, .arg = s};
    static const struct th_engine_config plain = {.flow = {.key = {1, 2}}};
    return th_engine_new(config ? config : &plain, &sink);
}

/* Ethernet, IPv4 10.0.0.1 to 192.0.2.1, UDP, four bytes */
static const uint8_t frame[46] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 32, 0, 1, 0,
    0, 64, 17, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1, 0x9c, 0x40, 0x27, 0x0f, 0, 12, 0, 0, 'a', 'b', 'c',
    'd'};
static const uint8_t bad_arp[24] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0};

static void test_conn_event(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(th_engine_frame(e, 1, 9, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 0);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_int_equal(s.last_ns, 9);
    assert_true(s.local_orig);
    assert_false(s.local_resp);
    assert_true(s.has_uid);
    assert_int_equal(th_engine_stats(e)->frames, 2);
    assert_int_equal(th_engine_stats(e)->events, 1);
    th_engine_free(e);
}

/* Several at once are as one after the other: a flow that the first begins, the next continues, and
 * what cannot be read stops none. */
static void test_frames_at_once(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    struct th_frame v[TH_ENGINE_FRAMES];
    for (unsigned i = 0; i < TH_ENGINE_FRAMES; i++)
        v[i] = (struct th_frame){.time_ns = i,
            .data = frame,
            .cap_len = sizeof(frame),
            .wire_len = sizeof(frame),
            .linktype = 1};
    v[3].linktype = 0xffff;
    v[5].data = bad_arp;
    v[5].cap_len = v[5].wire_len = sizeof(bad_arp);
    assert_int_equal(th_engine_frames(e, v, TH_ENGINE_FRAMES), TH_E_UNSUPPORTED_LINKTYPE);
    assert_int_equal(th_engine_frames(e, v, 2), 0);
    assert_int_equal(s.count[TH_KIND_WEIRD], 1);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_int_equal(s.orig_pkts, TH_ENGINE_FRAMES - 2 + 2);
    assert_int_equal(th_engine_stats(e)->frames, TH_ENGINE_FRAMES + 2);
    assert_int_equal(s.next_seq, 2);
    th_engine_free(e);
}

/* A connection that lasts is seen while it lasts, with the settings that nobody changed. */
static void test_three_days_are_seen_today(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    int64_t now_ns = 0;
    const unsigned packets = 3 * 24 * 72; /* one each 50 seconds */
    for (unsigned n = 0; n < packets; n++, now_ns += 50 * TH_NS_PER_S) {
        assert_int_equal(th_engine_frame(e, 1, now_ns, frame, sizeof(frame), sizeof(frame)), 0);
        if (n % 18 == 17) /* after each quarter of an hour it has told of itself twice more */
            assert_true(s.count[TH_KIND_CONN] >= n / 18 * 2);
    }
    assert_int_equal(th_engine_flow_stats(e)->flows, 1);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.orig_pkts, packets);
    th_engine_free(e);
}

/* A line without an end in each of many connections: some are given up, and say so. */
static void test_analysers_stay_within_their_memory(void **state)
{
    (void)state;
    struct seen s = {0};
    const struct th_engine_config config = {.flow.key = {1, 2}, .max_analyser_bytes = 100000};
    struct th_engine *e = engine(&s, &config);
    for (uint16_t n = 0; n < 600; n++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        frame_ether(&b, 0x0800);
        frame_ipv4(&b, 1, 2, 6, 0, 0, 40 + 505);
        frame_tcp(&b, (uint16_t)(10000 + n), 80, 1, 1, 0x10);
        th_buf_puts(&b, "GET /");
        for (int i = 0; i < 500; i++)
            th_buf_u8(&b, 'a');
        assert_int_equal(th_engine_frame(e, 1, n, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
    }
    uint64_t given_up = th_engine_stats(e)->analyses_given_up;
    assert_true(given_up > 300 && given_up < 600);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 600);
    assert_int_equal(s.cut, given_up);
    th_engine_free(e);
}

/* What was announced and has not come is counted, once there is any. */
static void test_announcements_are_counted(void **state)
{
    (void)state;
    static const char ask[] = "\0\1boot.img\0octet";
    const struct th_engine_config config = {0};
    struct seen s = {0};
    uint64_t bytes[2];
    for (uint16_t port = 0; port < 2; port++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        struct th_engine *e = engine(&s, &config);
        frame_ether(&b, 0x0800);
        frame_ipv4(&b, 1, 2, 17, 1, 0, 28 + sizeof(ask));
        frame_udp(&b, 40000, port ? 69 : 70, 8 + sizeof(ask));
        th_buf_put(&b, ask, sizeof(ask));
        assert_int_equal(
            th_engine_frame(e, 1, TH_NS_PER_S, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
        bytes[port] = th_engine_memory_bytes(e);
        th_engine_free(e);
    }
    assert_in_range(bytes[1], bytes[0] + (64 << 10), bytes[0] + (256 << 10));
}

static void test_local_networks_of_the_user(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_subnet net;
    assert_true(th_subnet_parse(th_str_c("192.0.2.0/24"), &net));
    const struct th_engine_config config = {
        .flow = {.key = {1, 2}}, .local = &net, .local_count = 1};
    struct th_engine *e = engine(&s, &config);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(th_engine_flush(e), 0);
    assert_false(s.local_orig);
    assert_true(s.local_resp);
    th_engine_free(e);
}

/* Told often at first, then rarely, and at the end nothing is left untold. */
static void test_weird_is_rate_limited_and_counted(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    for (int i = 0; i < 3500; i++)
        assert_int_equal(th_engine_frame(e, 1, i, bad_arp, sizeof(bad_arp), sizeof(bad_arp)), 0);
    assert_int_equal(s.count[TH_KIND_WEIRD], 25 + 3);
    assert_int_equal(s.weird_count, 3000);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_WEIRD], 25 + 3 + 1);
    assert_int_equal(s.weird_count, 3500);
    assert_int_equal(th_engine_stats(e)->weirds_suppressed, 3500 - 28);
    th_engine_free(e);
}

static void test_error_of_the_sink_comes_back(void **state)
{
    (void)state;
    struct seen s = {.fail_after = 1};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 1, 1, bad_arp, sizeof(bad_arp), sizeof(bad_arp)), -ENOSPC);
    assert_int_equal(th_engine_frame(e, 1, 2, frame, sizeof(frame), sizeof(frame)), -ENOSPC);
    assert_int_equal(th_engine_flush(e), -ENOSPC);
    th_engine_free(e);
}

static void test_unknown_link_type(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 9999, 1, frame, sizeof(frame), sizeof(frame)),
        TH_E_UNSUPPORTED_LINKTYPE);
    th_engine_free(e);
}

/* Freed without a flush: nothing comes out any more, nothing leaks. */
static void test_free_without_flush(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    th_engine_free(e);
    th_engine_free(NULL);
    assert_int_equal(s.count[TH_KIND_CONN], 0);
}

/* A query from 10.0.0.8 to 10.0.0.9, mirrored by 10.0.0.mirror. */
static void put_mirrored(struct th_buf *b, uint8_t mirror)
{
    uint16_t len = 20 + 8 + 8 + 14 + 20 + 8 + 4;
    frame_ether(b, 0x0800);
    frame_ipv4(b, mirror, 2, 17, mirror, 0, len);
    frame_udp(b, 50000, 4789, len - 20);
    th_buf_be32(b, 0x08000000);
    th_buf_be32(b, (uint32_t)mirror << 8);
    frame_ether(b, 0x0800);
    frame_ipv4(b, 8, 9, 17, 7, 0, 20 + 8 + 4);
    frame_udp(b, 40000, 9999, 8 + 4);
    th_buf_puts(b, "data");
}

static void test_two_mirrors_of_one_packet(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    for (uint8_t mirror = 1; mirror <= 3; mirror++) {
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        put_mirrored(&b, mirror);
        assert_int_equal(th_engine_frame(e, 1, mirror, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
    }
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_int_equal(s.orig_pkts, 1);
    assert_string_equal(s.tunnel, "vxlan/10.0.0.1/1");
    assert_int_equal(th_engine_stats(e)->copies, 2);
    th_engine_free(e);
}

/* A tunnel's mouth is watched with what comes out of it: as soon as that shows, all count once. */
static void test_inside_and_outside_a_tunnel(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_mirrored(&b, 1);
    const uint8_t *plain = b.p + 14 + 20 + 8 + 8;
    uint32_t len = (uint32_t)(b.p + b.len - plain);
    b.p[14 + 20 + 8 + 8 + 14 + 5] = 4; /* an identification of which one in sixteen packets is */
    for (int64_t t = 1; t < 5; t++) {
        assert_int_equal(th_engine_frame(e, 1, t, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
        assert_int_equal(th_engine_frame(e, 1, t, plain, len, len), 0);
        b.p[14 + 20 + 8 + 8 + 14 + 5]++;
    }
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.orig_pkts, 4);
    assert_int_equal(th_engine_stats(e)->copies, 4);
    th_engine_free(e);
}

static void test_two_wires(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    th_engine_wire(e, 1);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    th_engine_wire(e, 0);
    assert_int_equal(th_engine_frame(e, 1, 9, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.orig_pkts, 1);
    assert_int_equal(th_engine_stats(e)->copies, 1);
    assert_string_equal(s.tunnel, "");
    th_engine_free(e);
}

/* put_mirrored's datagram in two fragments. */
static void put_fragment(struct th_buf *b, uint8_t mirror, bool second)
{
    enum { ETHER = 14, IP = 20, FIRST = 32 };
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    put_mirrored(&whole, mirror);
    uint16_t len = second ? (uint16_t)(whole.len - ETHER - IP - FIRST) : FIRST;
    frame_ether(b, 0x0800);
    frame_ipv4(b, mirror, 2, 17, mirror, second ? FIRST / 8 : 0x2000, IP + len);
    th_buf_put(b, whole.p + ETHER + IP + (second ? FIRST : 0), len);
}

/* What is in the tunnel counts, its own ends do not, also when it comes in fragments. */
static void test_excluded_networks(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        bool fragments, out;
    } cases[] = {{"10.0.0.8", false, true}, {"10.0.0.9", false, true}, {"10.0.0.8/30", true, true},
        {"10.0.0.1", false, false}, {"10.0.0.1", true, false}, {"10.0.0.2", false, false},
        {"fd00::/8", false, false}};
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        struct seen s = {0};
        struct th_subnet net;
        const struct th_engine_config config = {
            .flow = {.key = {1, 2}}, .exclude = &net, .exclude_count = 1};
        assert_true(th_subnet_parse(th_str_c(cases[i].net), &net));
        struct th_engine *e = engine(&s, &config);
        TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
        if (cases[i].fragments) {
            put_fragment(&b, 1, false);
            assert_int_equal(th_engine_frame(e, 1, 1, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
            th_buf_clear(&b);
            put_fragment(&b, 1, true);
        } else {
            put_mirrored(&b, 1);
        }
        assert_int_equal(th_engine_frame(e, 1, 1, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
        assert_int_equal(th_engine_flush(e), 0);
        assert_int_equal(th_engine_stats(e)->excluded, cases[i].out);
        assert_int_equal(s.count[TH_KIND_CONN], !cases[i].out);
        th_engine_free(e);
    }
}

/* The outer datagram comes in two fragments: what is inside is found all the same. */
static void test_a_tunnel_in_fragments(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    put_fragment(&a, 3, false);
    put_fragment(&b, 3, true);
    assert_int_equal(th_engine_frame(e, 1, 1, a.p, (uint32_t)a.len, (uint32_t)a.len), 0);
    assert_int_equal(th_engine_frame(e, 1, 2, b.p, (uint32_t)b.len, (uint32_t)b.len), 0);
    assert_int_equal(th_engine_flush(e), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_string_equal(s.tunnel, "vxlan/10.0.0.3/3");
    th_engine_free(e);
}

/* Without another frame the flow ends when its time is over, and not before. */
static void test_time_passes_without_frames(void **state)
{
    (void)state;
    struct seen s = {0};
    const struct th_flow_config times = {0};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(th_engine_advance(e, 30 * TH_NS_PER_S), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 0);
    assert_int_equal(th_engine_advance(e, 5 + th_engine_lateness_ns(&times)), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_int_equal(s.last_ns, 5);
    th_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_passes_without_frames),
        cmocka_unit_test(test_two_mirrors_of_one_packet),
        cmocka_unit_test(test_inside_and_outside_a_tunnel),
        cmocka_unit_test(test_two_wires),
        cmocka_unit_test(test_a_tunnel_in_fragments),
        cmocka_unit_test(test_excluded_networks),
        cmocka_unit_test(test_conn_event),
        cmocka_unit_test(test_frames_at_once),
        cmocka_unit_test(test_three_days_are_seen_today),
        cmocka_unit_test(test_analysers_stay_within_their_memory),
        cmocka_unit_test(test_announcements_are_counted),
        cmocka_unit_test(test_local_networks_of_the_user),
        cmocka_unit_test(test_weird_is_rate_limited_and_counted),
        cmocka_unit_test(test_error_of_the_sink_comes_back),
        cmocka_unit_test(test_unknown_link_type),
        cmocka_unit_test(test_free_without_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
