/* SPDX-License-Identifier: Apache-2.0 */
/* Rates: the statistics, the gate, the rhythm, and what calibration makes of them. */
#include "unit.h"

#include <math.h>

#include "identity/traits.h"
#include "sim.h"

#define DAY TH_NS_PER_DAY
#define HOUR TH_NS_PER_HOUR

/* So many connections to one usual host, spread over the hour. */
static void connections(struct sim *s, int64_t hour, unsigned device, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sim_connect(s, SIM_START + hour * HOUR + (int64_t)i * (HOUR / (n + 1)), device,
            (struct sim_conn){
                .to = SIM_HOST("www.searchpage.com"), .port = 443, .out = 500, .in = 900});
}

static double told(const struct sim *s, unsigned device, enum th_feature f, int64_t hour)
{
    for (size_t i = 0; i < s->told_n; i++) {
        const struct sim_signal *t = &s->told[i];
        if (t->entity == s->entity[device].id && t->s.feature == f &&
            t->start_ns == SIM_START + hour * HOUR)
            return t->s.lgp_raw;
    }
    return 0;
}

/* Poisson-like counts around 30, then 300. */
static void burst_is_rare_and_usual_is_not(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (int64_t h = 0; h < 100; h++)
        connections(&s, h, 5, 25 + (unsigned)(sim_uniform(&s) * 11));
    connections(&s, 100, 5, 300);
    connections(&s, 101, 5, 31);
    sim_advance(&s, SIM_START + 102 * HOUR);
    assert_true(told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 100) > 8);
    for (int64_t h = 20; h < 100; h++)
        assert_true(told(&s, 5, TH_FEAT_CONNS_OUT_EXT, h) < 2);
    assert_true(told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 101) < 1.5);
    const struct th_signal *b = sim_find(&s, 5, TH_FEAT_CONNS_OUT_EXT, SIM_START + 100 * HOUR);
    assert_true(b->observed == 300 && fabs(b->expected - 30) < 3);
    assert_true(b->low < 30 && b->high > 30 && b->high < 60);
    assert_non_null(strstr(b->detail, "port 443 (300)"));
    sim_done(&s);
}

/* An attack of forty hours stays rare to its end: the gate keeps it from becoming the habit. After
 * three days of it, it is learned. */
static void gate_keeps_an_attack_out(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (int64_t h = 0; h < 60; h++)
        connections(&s, h, 5, 25 + (unsigned)(sim_uniform(&s) * 11));
    for (int64_t h = 60; h < 180; h++)
        connections(&s, h, 5, 290 + (unsigned)(sim_uniform(&s) * 21));
    sim_advance(&s, SIM_START + 180 * HOUR);
    double first = told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 60);
    double fortieth = told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 100);
    double last = told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 179);
    assert_true(first > 8);
    assert_true(fortieth > 4);
    assert_true(last < 1.5);
    struct th_learn_stats st;
    th_learn_stats_get(s.shard[0], &st);
    assert_true(st.gated_updates >= 40);
    sim_done(&s);
}

/* A new device is expected to be like those of its type: sixty connections are what a computer
 * makes in an hour, and a printer twenty times too many. Also after the state was saved and loaded.
 */
static void a_new_device_begins_like_its_kin(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (unsigned i = 0; i < 20; i++)
        s.entity[i].type = i < 10 ? TH_DEVICE_PRINTER : TH_DEVICE_COMPUTER;
    for (int64_t h = 0; h < 48; h++)
        for (unsigned i = 0; i < 20; i++)
            connections(&s, h, i, (i < 10 ? 2 : 55) + (unsigned)(sim_uniform(&s) * 3));
    sim_restart(&s, 2);
    s.entity[30].type = TH_DEVICE_PRINTER;
    s.entity[31].type = TH_DEVICE_COMPUTER;
    for (unsigned i = 30; i < 33; i++)
        connections(&s, 48, i, 60);
    sim_advance(&s, SIM_START + 50 * HOUR);
    double printer = told(&s, 30, TH_FEAT_CONNS_OUT_EXT, 48);
    double computer = told(&s, 31, TH_FEAT_CONNS_OUT_EXT, 48);
    double unknown = told(&s, 32, TH_FEAT_CONNS_OUT_EXT, 48);
    print_message("# sixty connections: printer %.2f, computer %.2f, unknown %.2f\n", printer,
        computer, unknown);
    assert_true(computer < 1);
    assert_true(printer > 2);
    assert_true(unknown < 1);
    assert_true(sim_find(&s, 30, TH_FEAT_CONNS_OUT_EXT, SIM_START)->expected < 8);
    sim_done(&s);
}

/* Three weeks of an office: 3 in the morning is not 11 o'clock, nor Sunday. */
static void rhythm_of_the_week(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (int64_t h = 0; h < 21 * 24; h++) {
        bool busy = h % 24 >= 8 && h % 24 < 18 && h / 24 % 7 < 5;
        for (unsigned d = 2; d < 6; d++)
            connections(&s, h, d, (busy ? 80 : 2) + (unsigned)(sim_uniform(&s) * (busy ? 40 : 4)));
    }
    int64_t monday = 21 * 24;
    for (int64_t h = monday; h < monday + 24; h++) {
        connections(&s, h, 2, h % 24 == 3 || h % 24 == 11 ? 100 : 4);
    }
    sim_advance(&s, SIM_START + (monday + 24) * HOUR);
    double night = told(&s, 2, TH_FEAT_CONNS_OUT_EXT, monday + 3);
    double day = told(&s, 2, TH_FEAT_CONNS_OUT_EXT, monday + 11);
    assert_true(night > 3);
    assert_true(day < 1);
    sim_done(&s);
}

/* Forty ordinary offices' devices, nobody attacks: calibrated rarities are reached about as often
 * as they say, on weeks that were not used for fitting. */
static void calibration_under_the_null(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    const unsigned devices = 60;
    for (int64_t h = 0; h < 28 * 24; h++)
        sim_office_hour(&s, SIM_START + h * HOUR, 2, 2 + devices, true);
    sim_advance(&s, SIM_START + 28 * DAY);
    double hours = 0;
    unsigned at2 = 0;
    unsigned at3 = 0;
    for (size_t i = 0; i < s.told_n; i++) {
        const struct sim_signal *t = &s.told[i];
        if (t->start_ns < SIM_START + 14 * DAY || t->s.feature != TH_FEAT_CONNS_OUT_EXT)
            continue;
        at2 += t->s.lgp >= 2;
        at3 += t->s.lgp >= 3;
    }
    /* Every device is active nearly every hour, also at night. */
    hours = 14 * 24 * devices;
    double ratio2 = at2 / (hours * 1e-2);
    double ratio3 = at3 / (hours * 1e-3);
    print_message("# calibration of connections-out: %.2f at 1e-2, %.2f at 1e-3\n", ratio2, ratio3);
    assert_true(ratio2 > 0.5 && ratio2 < 2);
    assert_true(ratio3 > 0.3 && ratio3 < 2.5); /* twenty events are expected: 3 sigma */
    sim_done(&s);
}

/* Alone and young, without a prior: nothing may claim to be rarer than what was seen supports. */
static void no_rarity_without_evidence(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    connections(&s, 0, 5, 3000);
    connections(&s, 1, 5, 3);
    sim_advance(&s, SIM_START + 2 * HOUR);
    for (size_t i = 0; i < s.told_n; i++)
        assert_true(s.told[i].s.lgp < 1.5);
    sim_done(&s);
}

/* What comes late is judged as of its own hour and does not disturb the open one. */
static void late_events(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 1);
    for (int64_t h = 0; h < 30; h++)
        connections(&s, h, 5, 30);
    sim_advance(&s, SIM_START + 30 * HOUR);
    struct th_learn_stats before;
    th_learn_stats_get(s.shard[0], &before);
    connections(&s, 20, 5, 400);
    connections(&s, 30, 5, 30);
    sim_advance(&s, SIM_START + 31 * HOUR);
    struct th_learn_stats after;
    th_learn_stats_get(s.shard[0], &after);
    assert_int_equal(after.late_events - before.late_events, 400);
    assert_int_equal(after.windows - before.windows, 2);
    assert_true(told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 20) > 5);
    assert_true(told(&s, 5, TH_FEAT_CONNS_OUT_EXT, 30) < 1);
    sim_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(burst_is_rare_and_usual_is_not),
        cmocka_unit_test(gate_keeps_an_attack_out),
        cmocka_unit_test(a_new_device_begins_like_its_kin), cmocka_unit_test(rhythm_of_the_week),
        cmocka_unit_test(calibration_under_the_null), cmocka_unit_test(no_rarity_without_evidence),
        cmocka_unit_test(late_events)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
