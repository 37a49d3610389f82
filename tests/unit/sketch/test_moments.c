/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <math.h>

#include "sketch/moments.h"

static void mean_and_variance(void **state)
{
    (void)state;
    struct th_moments m = {0};
    double mean;
    double var;
    for (unsigned i = 0; i < 100; i++)
        th_moments_add(&m, i % 5, 1);
    th_moments_shrunk(&m, 0, 0, 0, &mean, &var);
    assert_true(fabs(mean - 2) < 1e-6 && fabs(var - 2) < 1e-5);
    /* One hundred of the population's weigh as much as the hundred seen. */
    th_moments_shrunk(&m, 4, 2, 100, &mean, &var);
    assert_true(fabs(mean - 3) < 1e-6 && fabs(var - 3) < 1e-5);
}

static void forgets_and_merges(void **state)
{
    (void)state;
    struct th_moments a = {0};
    struct th_moments b = {0};
    double mean;
    double var;
    th_moments_add(&a, 10, 1);
    th_moments_decay(&a, 0.5);
    th_moments_add(&b, 1, 0.5);
    th_moments_merge(&a, &b);
    th_moments_shrunk(&a, 0, 0, 0, &mean, &var);
    assert_true(fabs(mean - 5.5) < 1e-6);
    assert_true(th_moments_valid(&a));
    a.s1 = NAN;
    assert_false(th_moments_valid(&a));
    struct th_moments none = {0};
    th_moments_shrunk(&none, 0, 0, 0, &mean, &var);
    assert_true(mean == 0 && var == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_variance), cmocka_unit_test(forgets_and_merges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
