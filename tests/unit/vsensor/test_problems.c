/* SPDX-License-Identifier: Apache-2.0 */
/* What roles say is wrong, and how long the master is told so. */
#include "unit.h"

#include "base/buf.h"
#include "problems.h"

#define S TH_NS_PER_S
#define SAYS(CODES) "{\"counters\":{},\"problems\":[" CODES "]}"
#define CODE(NAME) "{\"severity\":\"warn\",\"code\":\"" NAME "\",\"text\":\"<b>\"}"

static uint32_t bit(enum th_sensor_problem p)
{
    return 1u << p;
}

static void test_each_stays_for_a_minute(void **state)
{
    (void)state;
    struct th_problems p = {0};
    th_problems_hear(&p, th_str_c(SAYS(CODE("stream_away") "," CODE("flows_lost"))), 5 * S);
    assert_int_equal(
        th_problems_now(&p, 5 * S), bit(TH_SENSOR_STREAM_AWAY) | bit(TH_SENSOR_FLOWS_LOST));
    th_problems_hear(&p, th_str_c(SAYS(CODE("flows_lost"))), 40 * S);
    th_problems_hear(&p, th_str_c(SAYS("")), 41 * S);
    assert_int_equal(
        th_problems_now(&p, 64 * S), bit(TH_SENSOR_STREAM_AWAY) | bit(TH_SENSOR_FLOWS_LOST));
    assert_int_equal(th_problems_now(&p, 65 * S), bit(TH_SENSOR_FLOWS_LOST));
    assert_int_equal(th_problems_now(&p, 100 * S), 0);
}

static void test_what_says_nothing(void **state)
{
    (void)state;
    struct th_problems p = {0};
    static const char *const texts[] = {"", "[]", "{", "7", "{\"problems\":7}", SAYS("7"),
        SAYS("{}"), SAYS("{\"code\":7}"), SAYS(CODE("")), SAYS(CODE("stream_awa")),
        SAYS(CODE("stream_away ")), "{\"problems\":[" CODE("keep_short") "],\"problems\":[]}"};
    for (size_t i = 0; i < TH_ARRAY_LEN(texts); i++)
        th_problems_hear(&p, th_str_c(texts[i]), S);
    assert_int_equal(th_problems_now(&p, S), 0);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_stays_for_a_minute),
        TEST(test_what_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
