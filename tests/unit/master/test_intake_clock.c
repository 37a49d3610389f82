/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/time.h"
#include "intake_clock.h"

#define S TH_NS_PER_S

struct world {
    struct th_clock clock;
    int64_t offset, now;
};

/* A batch that lay for `queued` in the spool of a sensor whose clock is `error` ahead. */
static int64_t batch(struct world *w, int64_t error, int64_t queued)
{
    int64_t sent = w->now - queued + error;
    w->offset = th_clock_offset(&w->clock, w->offset, sent, w->now, w->now);
    w->now += S;
    return w->offset;
}

static void test_a_good_clock_is_left_alone(void **state)
{
    (void)state;
    struct world w = {.now = 1000 * S};
    for (int i = 0; i < 100; i++)
        assert_int_equal(batch(&w, i % 3 * S / 2 - S / 2, i % 2 * S / 2), 0);
}

static void test_a_clock_ahead_is_corrected_at_once(void **state)
{
    (void)state;
    struct world w = {.now = 1000 * S};
    assert_int_equal(batch(&w, 86400 * S, 0), -86400 * S);
    for (int i = 0; i < 100; i++) /* the queue's jitter does not shake it */
        assert_int_equal(batch(&w, 86400 * S, i % 4 * S / 4), -86400 * S);
    assert_int_equal(batch(&w, 0, 0), 0); /* it was set */
}

static void test_a_spool_that_is_emptied_is_no_clock(void **state)
{
    (void)state;
    struct world w = {.now = 100000 * S};
    for (int64_t queued = 3600 * S; queued > 0; queued -= 20 * S)
        assert_int_equal(batch(&w, 0, queued), 0);
    /* The same of a sensor that is known to be a day ahead. */
    assert_int_equal(batch(&w, 86400 * S, 0), -86400 * S);
    for (int64_t queued = 3600 * S; queued > 0; queued -= 20 * S)
        assert_int_equal(batch(&w, 86400 * S, queued), -86400 * S);
}

static void test_a_clock_behind_shows_in_half_a_minute(void **state)
{
    (void)state;
    struct world w = {.now = 1000 * S};
    for (int i = 0; i < 25; i++)
        assert_int_equal(batch(&w, -500 * S, i % 2 * S / 2), 0);
    for (int i = 0; i < 20; i++)
        (void)batch(&w, -500 * S, i % 2 * S / 2);
    assert_int_equal(w.offset, 500 * S);
    for (int i = 0; i < 100; i++)
        assert_int_equal(batch(&w, -500 * S, i % 2 * S / 2), 500 * S);
    assert_int_equal(batch(&w, 0, 0), 0);
}

static void test_hostile_times(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX};
    struct th_clock c = {.count = 0};
    int64_t offset = 0;
    for (unsigned round = 0; round < 50; round++)
        for (unsigned i = 0; i < 5; i++)
            offset = th_clock_offset(&c, offset, times[i], times[(i + round) % 5], round * 5 * S);
    (void)offset; /* undefined behaviour would have ended it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_clock_is_left_alone),
        cmocka_unit_test(test_a_clock_ahead_is_corrected_at_once),
        cmocka_unit_test(test_a_spool_that_is_emptied_is_no_clock),
        cmocka_unit_test(test_a_clock_behind_shows_in_half_a_minute),
        cmocka_unit_test(test_hostile_times),
    };
    return cmocka_run_group_tests_name("master/intake_clock", tests, NULL, NULL);
}
