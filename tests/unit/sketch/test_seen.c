/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/hash.h"
#include "sketch/seen.h"

#define BUCKETS 64u

static const struct th_hash_key key = {5, 6};

static uint64_t item(uint64_t i)
{
    return th_siphash(&key, &i, sizeof(i));
}

static void remembers_the_day(void **state)
{
    (void)state;
    struct th_seen_slot s[BUCKETS * TH_SEEN_WAYS] = {0};
    assert_int_equal(th_seen_touch(s, BUCKETS, item(1), 100, 28), 0);
    assert_int_equal(th_seen_touch(s, BUCKETS, item(1), 110, 28), 100);
    assert_int_equal(th_seen_touch(s, BUCKETS, item(1), 105, 28), 110); /* late */
    assert_int_equal(th_seen_get(s, BUCKETS, item(1), 138, 28), 110);
    assert_int_equal(th_seen_get(s, BUCKETS, item(1), 139, 28), 0);
    assert_int_equal(th_seen_get(s, BUCKETS, item(2), 110, 28), 0);
}

/* 4 x 2^-16 when full: 1.2 expected of 20,000. */
static void rarely_mistakes_the_new_for_seen(void **state)
{
    (void)state;
    struct th_seen_slot s[BUCKETS * TH_SEEN_WAYS] = {0};
    for (uint64_t i = 0; i < 4000; i++)
        th_seen_touch(s, BUCKETS, item(i), 100, 28);
    unsigned wrong = 0;
    for (uint64_t i = 10000; i < 30000; i++)
        wrong += th_seen_get(s, BUCKETS, item(i), 100, 28) != 0;
    assert_true(wrong <= 8);
}

static void the_oldest_gives_way(void **state)
{
    (void)state;
    struct th_seen_slot s[TH_SEEN_WAYS] = {0};
    for (uint16_t i = 0; i < 5; i++)
        th_seen_touch(s, 1, item(i), (uint16_t)(100 + i), 28);
    assert_int_equal(th_seen_get(s, 1, item(0), 104, 28), 0);
    for (uint16_t i = 1; i < 5; i++)
        assert_int_equal(th_seen_get(s, 1, item(i), 104, 28), 100 + i);
}

static void habits_outlive_a_day_of_browsing(void **state)
{
    (void)state;
    struct th_seen_slot s[BUCKETS * TH_SEEN_WAYS] = {0};
    for (uint16_t day = 100; day < 103; day++)
        for (uint64_t i = 0; i < 60; i++)
            th_seen_touch(s, BUCKETS, item(i), day, 28);
    for (uint64_t i = 1000; i < 5000; i++)
        th_seen_touch(s, BUCKETS, item(i), 103, 28);
    unsigned kept = 0;
    for (uint64_t i = 0; i < 60; i++)
        kept += th_seen_get(s, BUCKETS, item(i), 104, 28) == 102;
    assert_true(kept >= 58); /* four of a bucket are one too many */
}

static void one_way_stays_for_what_is_new(void **state)
{
    (void)state;
    struct th_seen_slot s[TH_SEEN_WAYS] = {0};
    for (uint16_t day = 100; day < 103; day++)
        for (uint64_t i = 0; i < TH_SEEN_WAYS; i++)
            th_seen_touch(s, 1, item(i), day, 28);
    th_seen_touch(s, 1, item(9), 103, 28);
    assert_int_equal(th_seen_touch(s, 1, item(9), 104, 28), 103);
    unsigned kept = 0;
    for (uint64_t i = 0; i < TH_SEEN_WAYS; i++)
        kept += th_seen_get(s, 1, item(i), 104, 28) != 0;
    assert_int_equal(kept, TH_SEEN_WAYS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(remembers_the_day),
        cmocka_unit_test(rarely_mistakes_the_new_for_seen), cmocka_unit_test(the_oldest_gives_way),
        cmocka_unit_test(habits_outlive_a_day_of_browsing),
        cmocka_unit_test(one_way_stays_for_what_is_new)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
