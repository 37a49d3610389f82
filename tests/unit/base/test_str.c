/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

static void compares(void **state)
{
    (void)state;
    assert_true(th_str_ieq(th_str_c("Host.Example"), th_str_c("hOST.eXAMPLE")));
    assert_false(th_str_ieq(th_str_c("a["), th_str_c("A{")));
    assert_false(th_str_ieq(th_str_c("a"), th_str_c("ab")));
    assert_true(th_str_is(th_str_c(""), ""));
    assert_true(th_str_cmp(th_str_c("a"), th_str_c("b")) < 0);
    assert_true(th_str_cmp(th_str_c("ab"), th_str_c("a")) > 0);
    assert_true(th_str_cmp(th_str_c("\xff"), th_str_c("a")) > 0);
    assert_int_equal(th_str_cmp(th_str_c("x"), th_str_c("x")), 0);
    assert_true(th_str_starts(th_str_c("abc"), "ab"));
    assert_false(th_str_starts(th_str_c("a"), "ab"));
    assert_true(th_str_has(th_str_c("SMB::FILE_WRITE"), "WRITE"));
    assert_false(th_str_has(th_str_c("WRIT"), "WRITE"));
    assert_false(th_str_has((struct th_str){0}, "WRITE"));
    assert_true(th_str_ends(th_str_c("log.gz"), ".gz"));
    assert_false(th_str_ends(th_str_c("gz"), ".gz"));
}

static void trims_and_splits(void **state)
{
    (void)state;
    assert_view_is(th_str_trim(th_str_c(" \t a b\r\n")), "a b");
    assert_int_equal(th_str_trim(th_str_c(" \n ")).len, 0);
    struct th_str rest = th_str_c("a,,b");
    assert_view_is(th_str_split(&rest, ','), "a");
    assert_view_is(th_str_split(&rest, ','), "");
    assert_view_is(th_str_split(&rest, ','), "b");
    assert_int_equal(rest.len, 0);
    assert_int_equal(th_str_split(&rest, ',').len, 0);
    assert_int_equal(th_str_index(th_str_c("abc"), 'c'), 2);
    assert_int_equal(th_str_index(th_str_c("abc"), 'x'), -1);
}

static void whole_numbers(void **state)
{
    (void)state;
    uint64_t u = 7;
    int64_t i = 7;
    assert_true(th_str_u64(th_str_c("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(th_str_u64(th_str_c("18446744073709551616"), &u));
    assert_false(th_str_u64(th_str_c(""), &u));
    assert_false(th_str_u64(th_str_c("1 "), &u));
    assert_false(th_str_u64(th_str_c("+1"), &u));
    assert_true(u == UINT64_MAX); /* a failure leaves the output alone */
    assert_true(th_str_i64(th_str_c("-42"), &i));
    assert_int_equal(i, -42);
    assert_true(th_str_i64(th_str_c("9223372036854775807"), &i));
    assert_true(i == INT64_MAX);
    assert_false(th_str_i64(th_str_c("9223372036854775808"), &i));
    assert_false(th_str_i64(th_str_c("-"), &i));
    assert_false(th_str_i64(th_str_c("--1"), &i));
}

static void decimals(void **state)
{
    (void)state;
    double d = 0;
    assert_true(th_str_double(th_str_c("-1.5e3"), &d));
    assert_true(d == -1500.0);
    assert_false(th_str_double(th_str_c("1.5x"), &d));
    assert_false(th_str_double(th_str_c(" 1"), &d));
    assert_false(th_str_double(th_str_c("nan"), &d));
    assert_false(th_str_double(th_str_c("1e999"), &d));
    assert_false(th_str_double(th_str_c(""), &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(trims_and_splits),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
