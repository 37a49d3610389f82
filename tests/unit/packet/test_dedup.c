/* SPDX-License-Identifier: Apache-2.0 */
/* What is a copy, and what was sent again. */
#include "packet/dedup.h"

#include "base/time.h"
#include "unit.h"

static const struct th_hash_key key = {1, 2};

static struct th_pkt segment(int64_t time_ns, uint32_t id)
{
    static const uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, 0, 0, 2};
    return (struct th_pkt){.time_ns = time_ns,
        .kind = TH_PKT_IP,
        .src = th_addr_v4(a),
        .dst = th_addr_v4(b),
        .proto = 6,
        .ttl = 64,
        .frag_id = id,
        .ip_len = 44,
        .src_port = 40000,
        .dst_port = 80,
        .seq = 7,
        .payload = th_str_c("data"),
        .payload_len = 4};
}

static uint16_t first_way;

static bool is_copy(struct th_dedup *d, const struct th_pkt *p, uint16_t way)
{
    return th_dedup_is_copy(d, p, way, &first_way);
}

static void another_way(void **state)
{
    (void)state;
    struct th_dedup *d = th_dedup_new(&key, 6);
    struct th_pkt p = segment(TH_NS_PER_S, 0);
    assert_false(is_copy(d, &p, 1));
    p.ttl--;
    p.time_ns -= TH_NS_PER_MS; /* mirrors are not in order */
    assert_true(is_copy(d, &p, 2));
    assert_int_equal(first_way, 1);
    p.time_ns += TH_NS_PER_S;
    assert_true(is_copy(d, &p, 3));
    p.payload = th_str_c("dat4");
    assert_false(is_copy(d, &p, 2));
    p = segment(TH_NS_PER_S + (TH_DEDUP_WINDOW_MS + 1) * TH_NS_PER_MS, 0);
    assert_false(is_copy(d, &p, 2));
    th_dedup_free(d);
}

/* Sent again after a second without an answer: both mirrors see both, two are copies. */
static void sent_again(void **state)
{
    (void)state;
    struct th_dedup *d = th_dedup_new(&key, 6);
    for (unsigned i = 0; i < 3; i++) {
        struct th_pkt p = segment(TH_NS_PER_S * (1 + i), 0);
        assert_false(is_copy(d, &p, 1));
        p.time_ns += 10;
        assert_true(is_copy(d, &p, 2));
    }
    th_dedup_free(d);
}

static void the_same_way(void **state)
{
    (void)state;
    struct th_dedup *d = th_dedup_new(&key, 6);
    struct th_pkt p = segment(TH_NS_PER_S, 0);
    assert_false(is_copy(d, &p, 1));
    p.time_ns += 1000;
    assert_false(is_copy(d, &p, 1)); /* without an identification nothing says so */
    p = segment(TH_NS_PER_S, 9);
    assert_false(is_copy(d, &p, 1));
    p.time_ns += 1000;
    assert_true(is_copy(d, &p, 1));
    p.time_ns += (TH_DEDUP_SAME_WAY_MS + 1) * TH_NS_PER_MS;
    assert_false(is_copy(d, &p, 1));
    th_dedup_free(d);
}

/* The echoes of some systems differ in nothing but their number. */
static void one_echo_after_another(void **state)
{
    (void)state;
    static const uint8_t ends[2][4] = {{10, 0, 0, 1}, {10, 0, 0, 2}};
    struct th_dedup *d = th_dedup_new(&key, 6);
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t echo[12] = {8, 0, 0, 0, 0, 1, 0, i, 'a', 'b', 'c', 'd'};
        struct th_pkt p = {.kind = TH_PKT_IP,
            .time_ns = TH_NS_PER_S + i,
            .src = th_addr_v4(ends[0]),
            .dst = th_addr_v4(ends[1]),
            .proto = 1};
        th_decode_transport(&p, th_str_n((const char *)echo, sizeof(echo)), sizeof(echo));
        assert_false(is_copy(d, &p, i));
        assert_true(is_copy(d, &p, 7));
    }
    th_dedup_free(d);
}

/* More packets than there is room for: the oldest are forgotten, nothing else is lost. */
static void bounded(void **state)
{
    (void)state;
    struct th_dedup *d = th_dedup_new(&key, 6);
    for (uint32_t i = 0; i < 10000; i++) {
        struct th_pkt p = segment(TH_NS_PER_S + i, i + 1);
        assert_false(is_copy(d, &p, 1));
        p.time_ns++;
        assert_true(is_copy(d, &p, 2));
    }
    th_dedup_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(another_way), cmocka_unit_test(sent_again),
        cmocka_unit_test(the_same_way), cmocka_unit_test(one_echo_after_another),
        cmocka_unit_test(bounded)};
    return cmocka_run_group_tests_name("packet/dedup", tests, NULL, NULL);
}
