/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor's problems on their way to its master. */
#include "unit.h"

#include "base/mem.h"
#include "link/client.h"
#include "link/problems.h"

static void test_every_set_comes_as_it_went(void **state)
{
    (void)state;
    uint32_t all = (uint32_t)((UINT64_C(1) << TH_SENSOR_PROBLEMS) - 1);
    for (unsigned p = 0; p <= TH_SENSOR_PROBLEMS; p++) {
        TH_AUTOBUF struct th_buf text = TH_BUF_INIT;
        uint32_t set = p < TH_SENSOR_PROBLEMS ? 1u << p : all;
        th_sensor_problems_put(&text, set);
        assert_int_equal(th_sensor_problems_read(th_buf_view(&text)), set);
        /* With all numbers of the report beside it. */
        assert_true(text.len < TH_LINK_MAX_STATUS / 4);
    }
    for (unsigned p = 0; p < TH_SENSOR_PROBLEMS; p++) {
        const struct th_sensor_problem_info *i = th_sensor_problem_info(p);
        assert_int_equal(th_sensor_problem_find(th_str_c(i->code)), p);
        assert_true(strcmp(i->severity, "warn") == 0 || strcmp(i->severity, "error") == 0);
    }
}

static void test_what_is_not_known_is_left_out(void **state)
{
    (void)state;
    uint32_t want = 1u << TH_SENSOR_KEEP_SHORT | 1u << TH_SENSOR_STREAM_AWAY;
    assert_int_equal(
        th_sensor_problems_read(th_str_c("  newer keep_short stream_away stream_away_ \n")), want);
    assert_int_equal(th_sensor_problems_read(th_str_c("")), 0);
    assert_int_equal(th_sensor_problems_read(th_str_n("keep_short\0", 11)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set_comes_as_it_went),
        cmocka_unit_test(test_what_is_not_known_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
