/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <malloc.h>

#include "base/arena.h"

static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    uint8_t *before = NULL;
    for (size_t i = 1; i < 2000; i++) {
        uint8_t *p = th_arena_alloc(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 8, 0);
        memset(p, (int)(i & 0xff), i);
        if (before)
            assert_int_equal(before[i - 2], (i - 1) & 0xff);
        before = p;
    }
}

static void limit_is_held(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    a.limit_bytes = 64;
    assert_non_null(th_arena_alloc(&a, 40));
    assert_null(th_arena_alloc(&a, 32));
    assert_non_null(th_arena_alloc(&a, 24));
    assert_null(th_arena_alloc(&a, 1));
    assert_null(th_arena_alloc(&a, SIZE_MAX));
    assert_int_equal(th_arena_str(&a, th_str_c("x")).len, 0);
    assert_int_equal(th_arena_printf(&a, "%d", 1).len, 0);
    th_arena_reset(&a);
    assert_non_null(th_arena_alloc(&a, 64));
}

static void strings_are_copies(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    char text[] = "first";
    struct th_str s = th_arena_str(&a, th_str_c(text));
    text[0] = 'F';
    assert_view_is(s, "first");
    assert_view_is(th_arena_printf(&a, "%s-%d", "n", 7), "n-7");
    assert_view_is(s, "first");
    assert_int_equal(th_arena_str(&a, th_str_n("", 0)).len, 0);
}

static void reset_reuses_memory(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = TH_ARENA_INIT;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            assert_non_null(th_arena_alloc(&a, 10000));
        assert_int_equal(a.used_bytes, 1000000);
        th_arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
        assert_non_null(a.head);
    }
}

/* What a round needed is there for the next, and rounds that differ do not pile chunks up. */
static void kept_memory_is_used_again(void **state)
{
    (void)state;
    TH_AUTOARENA struct th_arena a = {.keep = true};
    const void *first = NULL;
    size_t most = 0;
    for (int round = 0; round < 50; round++) {
        const void *p = th_arena_alloc(&a, 100);
        if (round < 2)
            first = p;
        else if (round < 20)
            assert_ptr_equal(p, first);
        for (int i = 0; i < 20; i++)
            assert_non_null(th_arena_alloc(&a, round < 20 ? 100000 : 20000 + 1000 * (size_t)round));
        th_arena_reset(&a);
        assert_null(a.head);
        assert_non_null(a.spare);
        size_t held = mallinfo2().uordblks + mallinfo2().hblkhd;
        if (round == 20)
            most = held;
        assert_true(round <= 20 || held <= most + 4 * TH_HUGE_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(limit_is_held),
        cmocka_unit_test(strings_are_copies),
        cmocka_unit_test(reset_reuses_memory),
        cmocka_unit_test(kept_memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
