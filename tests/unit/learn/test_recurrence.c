/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence that comes again day after day. */
#include "unit.h"

#include "sim.h"

#define NOON (SIM_START + 12 * TH_NS_PER_HOUR)
#define DAY(n) (NOON + (n)*TH_NS_PER_DAY)

/* So many logins in this hour that SSH refused, one in each connection. */
static void refused(struct sim *s, int64_t t, unsigned from, unsigned to, unsigned logins)
{
    for (unsigned i = 0; i < logins; i++) {
        struct th_ev_ssh ev = {.h = {.kind = TH_KIND_SSH, .time_ns = t + i * TH_NS_PER_S}};
        TH_SET(&ev, SSH, auth_success, false);
        TH_SET(&ev, SSH, auth_attempts, 1);
        TH_SET(&ev, SSH, id_resp_p, 22);
        sim_event(s, &ev.h, from, SIM_INSIDE(to), 22);
    }
}

/* What was told of this very hour. */
static const struct th_signal *told(const struct sim *s, unsigned device, int64_t t)
{
    for (size_t i = s->told_n; i > 0; i--) {
        const struct sim_signal *one = &s->told[i - 1];
        if (one->entity == s->entity[device].id && one->s.feature == TH_FEAT_BRUTE_FORCE &&
            one->start_ns == th_time_floor(t, TH_NS_PER_HOUR))
            return &one->s;
    }
    return NULL;
}

static double raw(const struct sim *s, unsigned device, int64_t t)
{
    const struct th_signal *b = told(s, device, t);
    return b ? b->lgp_raw : 0;
}

/* A job whose password was changed tries on: told in full for two days, then less and less. More
 * than ever, another host, or somebody else's are told in full. */
static void a_job_that_fails_each_day(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned day = 0; day < 8; day++)
        refused(&s, DAY(day), 5, 14, 16);
    refused(&s, DAY(8), 5, 14, 300);
    refused(&s, DAY(9), 5, 14, 16);
    refused(&s, DAY(9) + TH_NS_PER_HOUR, 5, 15, 16);
    refused(&s, DAY(9) + 2 * TH_NS_PER_HOUR, 6, 14, 16);
    sim_advance(&s, DAY(10));
    double full = raw(&s, 5, DAY(0));
    assert_true(full > 1.9);
    assert_true(raw(&s, 5, DAY(1)) == full);
    for (unsigned day = 2; day < 8; day++)
        assert_true(raw(&s, 5, DAY(day)) < raw(&s, 5, DAY(day - 1)));
    assert_true(raw(&s, 5, DAY(7)) < full / 4);
    assert_true(raw(&s, 5, DAY(8)) > 10);
    assert_true(raw(&s, 5, DAY(9)) < full / 4);
    assert_true(raw(&s, 5, DAY(9) + TH_NS_PER_HOUR) == full);
    assert_true(raw(&s, 6, DAY(9) + 2 * TH_NS_PER_HOUR) == full);
    const struct th_signal *b = told(&s, 5, DAY(4));
    assert_non_null(b);
    assert_true(b->observed == 16 && b->expected > 12 && b->expected < 20);
    sim_done(&s);
}

/* Several hours of one day are one day, and what has stopped for long is forgotten. */
static void days_are_counted_and_forgotten(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned hour = 0; hour < 8; hour++)
        refused(&s, DAY(0) + hour * TH_NS_PER_HOUR, 5, 14, 16);
    for (unsigned day = 1; day < 5; day++)
        refused(&s, DAY(day), 5, 14, 16);
    refused(&s, DAY(16), 5, 14, 16);
    sim_advance(&s, DAY(17));
    double full = raw(&s, 5, DAY(0));
    assert_true(raw(&s, 5, DAY(0) + 7 * TH_NS_PER_HOUR) == full);
    assert_true(raw(&s, 5, DAY(4)) < full / 2);
    assert_true(raw(&s, 5, DAY(16)) == full);
    sim_done(&s);
}

/* As it was when it was saved in the middle, in four shards or one. */
static void kept_in_state(void **state)
{
    (void)state;
    struct sim one, two;
    sim_init(&one, 1);
    sim_init(&two, 4);
    for (unsigned day = 0; day < 6; day++) {
        refused(&one, DAY(day), 5, 14, 16);
        refused(&two, DAY(day), 5, 14, 16);
        sim_restart(&two, day % 4 + 1);
    }
    sim_advance(&one, DAY(6));
    sim_advance(&two, DAY(6));
    for (unsigned day = 0; day < 6; day++) {
        assert_true(raw(&one, 5, DAY(day)) > 0);
        assert_true(raw(&one, 5, DAY(day)) == raw(&two, 5, DAY(day)));
    }
    sim_done(&one);
    sim_done(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_fails_each_day),
        cmocka_unit_test(days_are_counted_and_forgotten),
        cmocka_unit_test(kept_in_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
