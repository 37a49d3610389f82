/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"
#include "gap.h"

static bool read_gap(const char *json, struct th_control *c, struct th_gap *ret)
{
    assert_int_equal(th_control_get(th_str_c(json), c), 0);
    return th_gap_read(c, ret);
}

static void test_a_gap_is_an_event_of_its_sensor(void **state)
{
    (void)state;
    struct th_control c;
    struct th_gap g;
    assert_true(read_gap("{\"type\":\"source_gap\",\"at_ns\":9,\"sensor\":\"00000000000000a5\","
                         "\"name\":\"office\",\"epoch\":1,\"sequence\":7,\"batches\":1,"
                         "\"events\":40,\"first_ns\":5000000000,\"last_ns\":8000000000}",
        &c, &g));
    assert_int_equal(g.ev.h.kind, TH_KIND_WEIRD);
    assert_int_equal(g.ev.h.source, 0xa5);
    assert_int_equal(g.ev.h.seq, th_record_seq(7, 0));
    assert_int_equal(g.ev.h.time_ns, 5 * TH_NS_PER_S);
    assert_int_equal(g.ev.ts, 5 * TH_NS_PER_S);
    assert_int_equal(g.ev.until, 8 * TH_NS_PER_S);
    assert_true(th_str_is(g.ev.name, TH_GAP_NAME));
    assert_true(th_str_is(g.ev.peer, "office"));
    assert_true(th_str_is(g.ev.addl, "40 events of 3.0 s did not come from this sensor"));
    th_control_done(&c);
}

static void test_of_an_unknown_time_it_is_of_when_it_was_told(void **state)
{
    (void)state;
    struct th_control c;
    struct th_gap g;
    assert_true(read_gap("{\"type\":\"source_gap\",\"at_ns\":9,\"sensor\":\"00000000000000a5\","
                         "\"epoch\":1,\"sequence\":7,\"batches\":1,\"events\":0,\"first_ns\":0,"
                         "\"last_ns\":0}",
        &c, &g));
    assert_int_equal(g.ev.h.time_ns, 9);
    assert_int_equal(g.ev.until, 9);
    assert_false(TH_HAS(&g.ev, WEIRD, peer));
    th_control_done(&c);
}

static void test_other_controls_are_none(void **state)
{
    (void)state;
    static const char ends_before_it_begins[] =
        "{\"type\":\"source_gap\",\"at_ns\":9,\"sensor\":\"00000000000000a5\",\"epoch\":1,"
        "\"sequence\":7,\"batches\":1,\"events\":0,\"first_ns\":8,\"last_ns\":7}";
    static const char *const others[] = {"{\"type\":\"tick\",\"at_ns\":9,\"wall_ns\":9}",
        "{\"type\":\"source_gap\",\"at_ns\":9}", ends_before_it_begins};
    for (size_t i = 0; i < TH_ARRAY_LEN(others); i++) {
        struct th_control c;
        struct th_gap g;
        assert_false(read_gap(others[i], &c, &g));
        th_control_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gap_is_an_event_of_its_sensor),
        cmocka_unit_test(test_of_an_unknown_time_it_is_of_when_it_was_told),
        cmocka_unit_test(test_other_controls_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
