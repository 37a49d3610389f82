/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "proto/engine.h"

struct seen {
    unsigned count[TH_KIND_COUNT];
    uint64_t weird_count; /* sum of the counts told */
    bool local_orig, local_resp, has_uid;
    int64_t last_ns;
    int fail_after;
};

static int put(void *arg, const struct th_event *ev)
{
    struct seen *s = arg;
    s->count[ev->kind]++;
    s->last_ns = ev->time_ns;
    if (ev->kind == TH_KIND_WEIRD)
        s->weird_count += ((const struct th_ev_weird *)ev)->count;
    if (ev->kind == TH_KIND_CONN) {
        const struct th_ev_conn *c = (const struct th_ev_conn *)ev;
        s->local_orig = c->local_orig;
        s->local_resp = c->local_resp;
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

/* Without another frame the flow ends when its time is over, and not before. */
static void test_time_passes_without_frames(void **state)
{
    (void)state;
    struct seen s = {0};
    struct th_engine *e = engine(&s, NULL);
    assert_int_equal(th_engine_frame(e, 1, 5, frame, sizeof(frame), sizeof(frame)), 0);
    assert_int_equal(th_engine_advance(e, 30 * TH_NS_PER_S), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 0);
    assert_int_equal(th_engine_advance(e, 5 + th_engine_lateness_ns(e)), 0);
    assert_int_equal(s.count[TH_KIND_CONN], 1);
    assert_int_equal(s.last_ns, 5);
    th_engine_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_passes_without_frames),
        cmocka_unit_test(test_conn_event),
        cmocka_unit_test(test_local_networks_of_the_user),
        cmocka_unit_test(test_weird_is_rate_limited_and_counted),
        cmocka_unit_test(test_error_of_the_sink_comes_back),
        cmocka_unit_test(test_unknown_link_type),
        cmocka_unit_test(test_free_without_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
