/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <math.h>

#include "base/hash.h"
#include "sketch/hll.h"

static const struct th_hash_key key = {1, 2};

static uint64_t item(uint64_t i)
{
    return th_siphash(&key, &i, sizeof(i));
}

/* Four standard errors, at every size and number. */
static void error_is_bounded(void **state)
{
    (void)state;
    for (unsigned log2m = 6; log2m <= TH_HLL_MAX_LOG2M; log2m++) {
        uint8_t regs[1u << TH_HLL_MAX_LOG2M] = {0};
        double bound = 4 * 1.04 / sqrt((double)(1u << log2m));
        uint64_t added = 0;
        for (uint64_t n = 10; n <= 1000000; n *= 10) {
            for (; added < n; added++)
                th_hll_add(regs, log2m, item(added));
            double got = th_hll_count(regs, log2m);
            assert_true(fabs(got / (double)n - 1) < bound);
        }
    }
}

static void small_numbers_are_nearly_exact(void **state)
{
    (void)state;
    uint8_t regs[256] = {0};
    assert_true(th_hll_count(regs, 8) == 0);
    assert_true(th_hll_add(regs, 8, item(7)));
    assert_false(th_hll_add(regs, 8, item(7)));
    assert_true(fabs(th_hll_count(regs, 8) - 1) < 0.01);
}

static void merge_is_union(void **state)
{
    (void)state;
    uint8_t a[256] = {0};
    uint8_t b[256] = {0};
    uint8_t both[256] = {0};
    for (uint64_t i = 0; i < 5000; i++) {
        th_hll_add(i % 3 ? a : b, 8, item(i));
        th_hll_add(both, 8, item(i));
    }
    th_hll_merge(a, b, 8);
    assert_memory_equal(a, both, sizeof(a));
}

/* Registers out of a damaged file give a number, not an overflow. */
static void absurd_registers(void **state)
{
    (void)state;
    uint8_t regs[64];
    memset(regs, 0xff, sizeof(regs));
    assert_true(isfinite(th_hll_count(regs, 6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(error_is_bounded),
        cmocka_unit_test(small_numbers_are_nearly_exact), cmocka_unit_test(merge_is_union),
        cmocka_unit_test(absurd_registers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
