/* SPDX-License-Identifier: Apache-2.0 */
/* Directions become connections: who began, what is a copy, what goes on, what is too much. */
#include "taken.h"

#include "flowlog/pair.h"

#define S TH_NS_PER_S
static const int64_t t0 = 1700000000 * S;

struct world {
    struct taken taken;
    struct th_pairs *pairs;
};

/* Begins anew, with room for so many; 0: the default. */
static void open_pairs(struct world *w, uint32_t max_flows)
{
    const struct th_pairs_config config = {.max_flows = max_flows, .hold_ns = 60 * S};
    th_pairs_free(w->pairs);
    taken_done(&w->taken);
    taken_init(&w->taken);
    w->pairs = th_pairs_new(&config, &w->taken.sink);
    assert_int_equal(th_pairs_advance(w->pairs, t0), 0);
}

static int setup(void **state)
{
    struct world *w = th_xcalloc(1, sizeof(*w));
    taken_init(&w->taken);
    open_pairs(w, 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    th_pairs_free(w->pairs);
    taken_done(&w->taken);
    free(w);
    return 0;
}

static struct th_addr addr(uint8_t last)
{
    return th_addr_v4((const uint8_t[]){10, 0, 0, last});
}

static struct th_flow_record from_client(int64_t first_ns, int64_t last_ns)
{
    return (struct th_flow_record){.first_ns = first_ns,
        .last_ns = last_ns,
        .src = addr(9),
        .dst = addr(1),
        .src_port = 40000,
        .dst_port = 443,
        .proto = TH_IP_TCP,
        .has_flags = true,
        .flags = {TH_TCP_SYN | TH_TCP_ACK | TH_TCP_FIN},
        .bytes = {1000},
        .pkts = {10},
        .point = 1,
        .told_by = {"test", 4}};
}

static struct th_flow_record turned(struct th_flow_record r, uint64_t bytes)
{
    struct th_flow_record back = r;
    back.src = r.dst;
    back.dst = r.src;
    back.src_port = r.dst_port;
    back.dst_port = r.src_port;
    back.bytes[0] = bytes;
    back.first_ns += 20 * TH_NS_PER_MS;
    return back;
}

static void put(struct world *w, struct th_flow_record r)
{
    assert_int_equal(th_pairs_put(w->pairs, &r), 0);
}

static void pass(struct world *w, int64_t now_ns)
{
    assert_int_equal(th_pairs_advance(w->pairs, now_ns), 0);
}

static void two_directions_are_one(void **state)
{
    struct world *w = *state;
    struct th_flow_record r = from_client(t0 - 10 * S, t0 - 5 * S);
    put(w, turned(r, 9000)); /* the answer is told first */
    put(w, r);
    pass(w, t0 + 59 * S);
    assert_int_equal(w->taken.count, 0);
    pass(w, t0 + 60 * S);
    assert_int_equal(w->taken.count, 1);
    const struct th_ev_conn *c = taken_conn(&w->taken, 0);
    assert_int_equal(c->id_orig_p, 40000);
    assert_int_equal(c->orig_ip_bytes, 1000);
    assert_int_equal(c->resp_ip_bytes, 9000);
    assert_int_equal(c->orig_bytes, 1000 - 10 * 52);
    assert_view_is(c->conn_state, "SF");
    assert_view_is(c->told_by, "test");
    assert_int_equal(c->ts, t0 - 10 * S);
    assert_int_equal(c->h.time_ns, t0 - 5 * S);
    assert_false(TH_HAS(c, CONN, part));
    assert_false(TH_HAS(c, CONN, sampling));
}

static void who_began_is_told_by_flags_then_time_then_ports(void **state)
{
    struct world *w = *state;
    static const struct {
        uint8_t flags_of_40000, flags_of_443;
        int64_t later_ns; /* how much later the end at 443 sent */
        uint32_t sampling;
        uint16_t want;
    } cases[] = {
        {TH_TCP_SYN, TH_TCP_RST | TH_TCP_ACK, 0, 0, 40000},
        {TH_TCP_SYN | TH_TCP_ACK, TH_TCP_SYN, 0, 0, 443}, /* a log of handshake flags */
        {TH_TCP_SYN | TH_TCP_ACK, TH_TCP_SYN | TH_TCP_ACK, 5 * TH_NS_PER_MS, 0, 40000},
        {TH_TCP_SYN | TH_TCP_ACK, TH_TCP_SYN | TH_TCP_ACK, -5 * TH_NS_PER_MS, 0, 443},
        {TH_TCP_ACK, TH_TCP_ACK, -5 * TH_NS_PER_MS, 0, 40000}, /* its middle */
        {TH_TCP_SYN | TH_TCP_ACK, TH_TCP_SYN | TH_TCP_ACK, -5 * TH_NS_PER_MS, 100, 40000},
    };
    for (size_t i = 0; i < TH_ARRAY_LEN(cases); i++) {
        open_pairs(w, 0);
        struct th_flow_record r = from_client(t0 - 10 * S, t0 - 5 * S);
        struct th_flow_record back = turned(r, 2000);
        r.flags[0] = cases[i].flags_of_40000;
        back.flags[0] = cases[i].flags_of_443;
        back.first_ns = r.first_ns + cases[i].later_ns;
        r.sampling = back.sampling = cases[i].sampling;
        put(w, r);
        put(w, back);
        assert_int_equal(th_pairs_flush(w->pairs), 0);
        assert_int_equal(taken_conn(&w->taken, 0)->id_orig_p, cases[i].want);
    }
}

static void what_another_point_saw_is_a_copy(void **state)
{
    struct world *w = *state;
    struct th_pairs_counts counts;
    struct th_flow_record r = from_client(t0 - 10 * S, t0 - 5 * S), copy = r;
    copy.point = 2;
    put(w, r);
    put(w, copy);
    pass(w, t0 + 60 * S);
    put(w, copy);                    /* late, when it was told already */
    struct th_flow_record later = r; /* the way leads over another router now */
    later.flags[0] = TH_TCP_ACK;
    later.point = 2;
    later.first_ns = t0 + 50 * S;
    later.last_ns = t0 + 55 * S;
    put(w, later);
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    th_pairs_counts(w->pairs, &counts);
    assert_int_equal(counts.copies, 2);
    assert_int_equal(w->taken.count, 2);
    assert_int_equal(taken_conn(&w->taken, 0)->orig_ip_bytes, 1000);
    assert_int_equal(taken_conn(&w->taken, 1)->orig_ip_bytes, 2000);
}

static void reports_of_a_long_connection_are_its_parts(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 5; i++) {
        int64_t end_ns = t0 + (i + 1) * 300 * S;
        struct th_flow_record r = from_client(end_ns - 300 * S, end_ns);
        r.flags[0] = i == 0 ? TH_TCP_SYN | TH_TCP_ACK : TH_TCP_ACK;
        r.bytes[0] = 10000;
        put(w, r);
        pass(w, end_ns + 100 * S);
    }
    assert_int_equal(w->taken.count, 5);
    const struct th_ev_conn *first = taken_conn(&w->taken, 0), *last = taken_conn(&w->taken, 4);
    assert_true(th_str_eq(first->uid, last->uid));
    assert_false(TH_HAS(first, CONN, part));
    assert_int_equal(last->part, 5);
    assert_int_equal(last->ts, t0);
    assert_int_equal(last->duration, 1500 * S);
    assert_int_equal(last->orig_ip_bytes, 50000);
    assert_int_equal(last->part_orig_bytes, 10000 - 10 * 52);
    /* A new handshake on the same ports is another. */
    put(w, from_client(t0 + 1600 * S, t0 + 1601 * S));
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    assert_false(th_str_eq(taken_conn(&w->taken, 5)->uid, first->uid));
    assert_false(TH_HAS(taken_conn(&w->taken, 5), CONN, part));
}

static void silence_ends_a_conversation_over_udp(void **state)
{
    struct world *w = *state;
    struct th_flow_record r = from_client(t0, t0 + S);
    r.proto = TH_IP_UDP;
    r.has_flags = false;
    put(w, r);
    pass(w, t0 + 70 * S);
    r.first_ns = t0 + 62 * S; /* 61 s after */
    r.last_ns = t0 + 63 * S;
    put(w, r);
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    assert_int_equal(w->taken.count, 2);
    assert_false(th_str_eq(taken_conn(&w->taken, 0)->uid, taken_conn(&w->taken, 1)->uid));
    assert_view_is(taken_conn(&w->taken, 1)->conn_state, "S0");
}

static void a_ping_and_its_reply_are_one(void **state)
{
    struct world *w = *state;
    struct th_flow_record r = from_client(t0, t0);
    r.proto = TH_IP_ICMP;
    r.src_port = r.dst_port = 0; /* the reply, told first */
    put(w, r);
    struct th_flow_record request = turned(r, 84);
    request.src_port = 8;
    put(w, request);
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    assert_int_equal(w->taken.count, 1);
    const struct th_ev_conn *c = taken_conn(&w->taken, 0);
    struct th_addr who = addr(1);
    assert_true(th_addr_eq(&c->id_orig_h, &who));
    assert_int_equal(c->id_orig_p, 8);
    assert_int_equal(c->id_resp_p, 0);
    assert_int_equal(c->resp_ip_bytes, 1000);
}

static void a_full_table_tells_the_oldest_early(void **state)
{
    struct world *w = *state;
    struct th_pairs_counts counts;
    open_pairs(w, 8);
    for (uint16_t i = 0; i < 20; i++) {
        struct th_flow_record r = from_client(t0, t0 + S);
        r.src_port = (uint16_t)(40000 + i);
        put(w, r);
    }
    th_pairs_counts(w->pairs, &counts);
    assert_int_equal(counts.flows_now, 8);
    assert_int_equal(counts.evicted, 12);
    assert_int_equal(taken_conn(&w->taken, 0)->id_orig_p, 40000);
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    assert_int_equal(w->taken.count, 20);
    /* Told ones go without a word. */
    for (uint16_t i = 0; i < 8; i++) {
        struct th_flow_record r = from_client(t0, t0 + S);
        r.src_port = (uint16_t)(50000 + i);
        put(w, r);
    }
    th_pairs_counts(w->pairs, &counts);
    assert_int_equal(counts.evicted, 12);
    assert_int_equal(counts.forgotten, 20);
    /* All are forgotten at last. */
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    pass(w, t0 + 3600 * S);
    th_pairs_counts(w->pairs, &counts);
    assert_int_equal(counts.flows_now, 0);
}

static void numbers_at_the_edge_do_not_overflow(void **state)
{
    struct world *w = *state;
    struct th_flow_record r = from_client(INT64_MIN, INT64_MAX);
    r.bytes[0] = r.pkts[0] = UINT64_MAX;
    put(w, r);
    put(w, r);
    assert_int_equal(th_pairs_flush(w->pairs), 0);
    assert_true(taken_conn(&w->taken, 0)->orig_ip_bytes == UINT64_MAX);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(two_directions_are_one),
        CASE(who_began_is_told_by_flags_then_time_then_ports),
        CASE(what_another_point_saw_is_a_copy),
        CASE(reports_of_a_long_connection_are_its_parts),
        CASE(silence_ends_a_conversation_over_udp),
        CASE(a_ping_and_its_reply_are_one),
        CASE(a_full_table_tells_the_oldest_early),
        CASE(numbers_at_the_edge_do_not_overflow),
    };
    return cmocka_run_group_tests_name("flowlog/pair", tests, NULL, NULL);
}
