/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"

static int64_t epoch(const char *text)
{
    int64_t t = TH_TIME_UNSET;
    return th_time_parse_epoch(th_str_c(text), &t) ? t : TH_TIME_UNSET;
}

static int64_t rfc3339(const char *text)
{
    int64_t t = TH_TIME_UNSET;
    return th_time_parse_rfc3339(th_str_c(text), &t) ? t : TH_TIME_UNSET;
}

static const char *as_rfc3339(int64_t t)
{
    static char out[TH_TIME_TEXT_LEN];
    size_t n = th_time_rfc3339(t, out);
    assert_int_equal(n, strlen(out));
    return out;
}

static const char *as_epoch(int64_t t)
{
    static char out[TH_TIME_TEXT_LEN];
    size_t n = th_time_epoch(t, out);
    assert_int_equal(n, strlen(out));
    return out;
}

static void writes_rfc3339(void **state)
{
    (void)state;
    assert_string_equal(as_rfc3339(0), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(as_rfc3339(INT64_C(1588205199824370000)), "2020-04-30T00:06:39.824370Z");
    assert_string_equal(as_rfc3339(-1), "1969-12-31T23:59:59.999999Z");
    /* 2000 was a leap year, 1900 was none. */
    assert_string_equal(
        as_rfc3339(INT64_C(951782400) * TH_NS_PER_S), "2000-02-29T00:00:00.000000Z");
    assert_string_equal(
        as_rfc3339(INT64_C(-2203891200) * TH_NS_PER_S), "1900-03-01T00:00:00.000000Z");
    assert_string_equal(as_rfc3339(INT64_MAX), "2262-04-11T23:47:16.854775Z");
}

static void reads_rfc3339(void **state)
{
    (void)state;
    assert_int_equal(rfc3339("2020-04-30T00:06:39.824370Z"), INT64_C(1588205199824370000));
    assert_int_equal(rfc3339("2020-04-30T02:06:39+02:00"), INT64_C(1588205199) * TH_NS_PER_S);
    assert_int_equal(rfc3339("2020-04-29T19:36:39-04:30"), INT64_C(1588205199) * TH_NS_PER_S);
    assert_int_equal(rfc3339("1969-12-31T23:59:59.5Z"), -TH_NS_PER_S / 2);
    static const char *const bad[] = {"", "2020-04-30", "2020-13-01T00:00:00Z",
        "2020-00-01T00:00:00Z", "2020-01-32T00:00:00Z", "2020-01-01T24:00:00Z",
        "2020-01-01T00:60:00Z", "2020-01-01T00:00:00", "2020-01-01T00:00:00Zx",
        "2020-01-01T00:00:00+1:00", "1600-01-01T00:00:00Z", "2020/01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(rfc3339(bad[i]), TH_TIME_UNSET);
}

static void epoch_both_ways(void **state)
{
    (void)state;
    assert_int_equal(epoch("1588205199.824370"), INT64_C(1588205199824370000));
    assert_string_equal(as_epoch(INT64_C(1588205199824370000)), "1588205199.824370");
    assert_int_equal(epoch("0"), 0);
    assert_int_equal(epoch("-0.25"), -TH_NS_PER_S / 4);
    assert_string_equal(as_epoch(-TH_NS_PER_S / 4), "-0.250000");
    assert_int_equal(epoch("1e3"), 1000 * TH_NS_PER_S);
    assert_int_equal(epoch("0.0000000005"), 1); /* half away from zero */
    assert_int_equal(epoch("0.0000000004"), 0);
}

static void epoch_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "x", "1.2.3", "99999999999999999999", "1e30", "nan", "-", "--1", "1588205199,5"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(epoch(bad[i]), TH_TIME_UNSET);
}

static void floors_before_1970(void **state)
{
    (void)state;
    assert_int_equal(th_time_floor(TH_NS_PER_HOUR + 5, TH_NS_PER_HOUR), TH_NS_PER_HOUR);
    assert_int_equal(th_time_floor(-1, TH_NS_PER_HOUR), -TH_NS_PER_HOUR);
    assert_int_equal(th_time_floor(-TH_NS_PER_HOUR, TH_NS_PER_HOUR), -TH_NS_PER_HOUR);
}

static void sums_stay_inside(void **state)
{
    (void)state;
    assert_int_equal(th_time_add(1, 2), 3);
    assert_true(th_time_add(INT64_MAX, 1) == INT64_MAX);
    assert_true(th_time_add(INT64_MIN + 1, -5) == INT64_MIN + 1);
    assert_true(th_time_sub(INT64_MAX, -1) == INT64_MAX);
    assert_true(th_time_sub(INT64_MIN + 1, 5) == INT64_MIN + 1);
    /* None of them yields the value that means "not set". */
    assert_true(th_time_add(INT64_MIN + 1, INT64_MIN + 1) != TH_TIME_UNSET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_rfc3339),
        cmocka_unit_test(reads_rfc3339),
        cmocka_unit_test(epoch_both_ways),
        cmocka_unit_test(epoch_refuses),
        cmocka_unit_test(floors_before_1970),
        cmocka_unit_test(sums_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
