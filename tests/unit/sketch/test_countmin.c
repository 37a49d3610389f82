/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/mem.h"
#include "sketch/countmin.h"

static const struct th_hash_key key = {3, 4};

/* A skewed stream: never below the truth, rarely above it by more than 2.72 N / width. */
static void error_is_bounded(void **state)
{
    (void)state;
    struct th_countmin *c = th_countmin_new(&key, 12, 4);
    uint64_t total = 0;
    for (uint32_t i = 1; i <= 20000; i++) {
        th_countmin_add(c, i, 1 + 100000 / (i * i));
        total += 1 + 100000 / (i * i);
    }
    double slack = 2.72 * (double)total / 4096;
    unsigned above = 0;
    for (uint32_t i = 1; i <= 20000; i++) {
        uint32_t truth = 1 + 100000 / (i * i);
        uint32_t got = th_countmin_get(c, i);
        assert_true(got >= truth);
        above += got - truth > slack;
    }
    assert_true(above <= 20000 * 0.0184); /* exp(-4) */
    th_countmin_free(c);
}

static void merge_adds(void **state)
{
    (void)state;
    struct th_countmin *a = th_countmin_new(&key, 10, 4);
    struct th_countmin *b = th_countmin_new(&key, 10, 4);
    assert_int_equal(th_countmin_add(a, 5, 7), 7);
    th_countmin_add(b, 5, 8);
    th_countmin_add(b, 6, 1);
    th_countmin_merge(a, b);
    assert_int_equal(th_countmin_get(a, 5), 15);
    assert_int_equal(th_countmin_get(a, 6), 1);
    assert_int_equal(th_countmin_get(a, 9), 0);
    th_countmin_halve(a);
    assert_int_equal(th_countmin_get(a, 5), 7);
    th_countmin_free(a);
    th_countmin_free(b);
}

static void saturates(void **state)
{
    (void)state;
    struct th_countmin *c = th_countmin_new(&key, 4, 2);
    th_countmin_add(c, 1, UINT32_MAX);
    assert_true(th_countmin_add(c, 1, 10) == UINT32_MAX);
    th_countmin_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(error_is_bounded),
        cmocka_unit_test(merge_adds), cmocka_unit_test(saturates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
