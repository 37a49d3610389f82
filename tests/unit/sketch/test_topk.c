/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sketch/topk.h"

#define K 16u

static const struct th_topk_slot *find(const struct th_topk_slot *s, uint64_t key)
{
    for (unsigned i = 0; i < K; i++) {
        if (s[i].count != 0 && s[i].key == key)
            return &s[i];
    }
    return NULL;
}

/* Three heavy keys in a rain of single ones: they stay, counts between the truth and the truth
 * plus error, error at most total / k. */
static void heavy_keys_stay(void **state)
{
    (void)state;
    struct th_topk_slot s[K] = {0};
    uint32_t total = 0;
    for (uint64_t i = 0; i < 9000; i++) {
        th_topk_add(s, K, 1000000 + i, 1, NULL);
        th_topk_add(s, K, i % 3, 1, NULL);
        total += 2;
    }
    for (uint64_t key = 0; key < 3; key++) {
        const struct th_topk_slot *slot = find(s, key);
        assert_non_null(slot);
        assert_true(slot->count >= 3000 && slot->count - slot->error <= 3000);
        assert_true(slot->error <= total / K);
    }
}

static void says_when_a_slot_changes_hands(void **state)
{
    (void)state;
    struct th_topk_slot s[2] = {0};
    bool taken;
    unsigned at = th_topk_add(s, 2, 7, 5, &taken);
    assert_true(taken);
    assert_int_equal(th_topk_add(s, 2, 7, 1, &taken), at);
    assert_false(taken);
    th_topk_add(s, 2, 8, 1, &taken);
    assert_true(taken);
    unsigned third = th_topk_add(s, 2, 9, 1, &taken);
    assert_true(taken && third != at);
    assert_int_equal(s[third].count, 2);
    assert_int_equal(s[third].error, 1);
}

static void merge_and_saturate(void **state)
{
    (void)state;
    struct th_topk_slot a[K] = {0};
    struct th_topk_slot b[K] = {0};
    th_topk_add(a, K, 1, 10, NULL);
    th_topk_add(b, K, 1, 5, NULL);
    th_topk_add(b, K, 2, UINT32_MAX, NULL);
    th_topk_merge(a, b, K);
    assert_int_equal(find(a, 1)->count, 15);
    th_topk_add(a, K, 2, 9, NULL);
    assert_true(find(a, 2)->count == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(heavy_keys_stay),
        cmocka_unit_test(says_when_a_slot_changes_hands), cmocka_unit_test(merge_and_saturate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
