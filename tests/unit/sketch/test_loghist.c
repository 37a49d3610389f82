/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <math.h>

#include "sketch/loghist.h"

static void bins_and_their_values(void **state)
{
    (void)state;
    for (uint64_t x = 0; x < 8; x++) {
        assert_int_equal(th_loghist_bin(x), x);
        assert_int_equal(th_loghist_low((unsigned)x), x);
    }
    for (unsigned bin = 0; bin + 1 < TH_LOGHIST_BINS; bin++) {
        assert_int_equal(th_loghist_bin(th_loghist_low(bin)), bin);
        assert_int_equal(th_loghist_bin(th_loghist_low(bin + 1) - 1), bin);
    }
    assert_int_equal(th_loghist_bin(UINT64_MAX), TH_LOGHIST_BINS - 1);
    for (uint64_t x = 1; x < UINT64_C(1) << 47; x = x * 3 + 1)
        assert_true(fabs(th_loghist_mid(th_loghist_bin(x)) / (double)x - 1) <= 0.126);
}

static void quantiles(void **state)
{
    (void)state;
    struct th_loghist h = {0};
    assert_true(th_loghist_quantile(&h, 0.5) == 0);
    for (uint64_t i = 1; i <= 10000; i++)
        th_loghist_add(&h, i, 1);
    assert_int_equal(th_loghist_total(&h), 10000);
    for (unsigned q = 1; q <= 99; q++)
        assert_true(fabs(th_loghist_quantile(&h, q / 100.0) / (q * 100.0) - 1) < 0.13);
}

static void moments_resist_a_flood(void **state)
{
    (void)state;
    struct th_loghist h = {0};
    double mean;
    double var;
    th_loghist_add(&h, 0, 500); /* idle: not part of them from bin 1 on */
    for (unsigned i = 0; i < 1000; i++)
        th_loghist_add(&h, 4 + i % 4, 1);
    th_loghist_moments(&h, 1, 1, &mean, &var);
    assert_true(fabs(mean - 5.5) < 1e-9 && fabs(var - 1.25) < 1e-9);
    th_loghist_add(&h, 1000000, 5);
    th_loghist_moments(&h, 1, 0.99, &mean, &var);
    assert_true(mean < 5.6 && var < 1.3);
    th_loghist_log_moments(&h, 1, 0.99, &mean, &var);
    assert_true(fabs(mean - 1.855) < 0.01);
}

static void merge_and_decay(void **state)
{
    (void)state;
    struct th_loghist a = {0};
    struct th_loghist b = {0};
    th_loghist_add(&a, 100, 3);
    th_loghist_add(&b, 100, 1024);
    th_loghist_merge(&a, &b);
    assert_int_equal(a.n[th_loghist_bin(100)], 1027);
    th_loghist_decay(&a, 25);
    assert_int_equal(a.n[th_loghist_bin(100)], 1027 - 26);
    for (unsigned i = 0; i < 400; i++)
        th_loghist_decay(&a, 25);
    assert_int_equal(th_loghist_total(&a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bins_and_their_values),
        cmocka_unit_test(quantiles), cmocka_unit_test(moments_resist_a_flood),
        cmocka_unit_test(merge_and_decay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
