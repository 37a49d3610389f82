/* SPDX-License-Identifier: Apache-2.0 */
/* The organisation: popularity over time, calibration from evidence, sums in any order. */
#include "unit.h"

#include <math.h>

#include "org.h"

#define DAY TH_NS_PER_DAY
#define START (INT64_C(20468) * DAY) /* begin of a period of 28 days */

static void apply(struct th_org *o, const struct th_touches *t)
{
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    th_delta_encode(NULL, t, &b);
    assert_int_equal(th_delta_apply(o, b.p, b.len), 0);
}

static void popularity_fades(void **state)
{
    (void)state;
    struct th_org *o = th_org_new();
    struct th_touches t = {0};
    for (unsigned i = 0; i < 100; i++)
        th_touch_add(&t, 0, TH_TOUCH_ACTIVE, 0);
    for (unsigned i = 0; i < 48; i++)
        th_touch_add(&t, 77, TH_TOUCH_DEVICE, i % 35); /* some come again */
    th_touch_add(&t, 78, TH_TOUCH_DEVICE, 0);
    th_org_advance(o, START);
    apply(o, &t);
    th_touches_done(&t);
    th_org_advance(o, START + DAY);
    assert_int_equal(th_org_active(o), 100);
    assert_int_equal(th_org_devices(th_org_find(o, 77)), 51); /* 35 bits */
    assert_true(fabs(th_org_rarity(o, 77, true) - -log10(51.0 / 101)) < 1e-9);
    assert_true(fabs(th_org_rarity(o, 78, true) - log10(101)) < 1e-9);
    assert_true(fabs(th_org_rarity(o, 79, false) - log10(101)) < 1e-9);
    th_org_advance(o, START + 29 * DAY); /* the period before still counts */
    assert_int_equal(th_org_devices(th_org_find(o, 77)), 51);
    th_org_advance(o, START + 57 * DAY);
    assert_int_equal(th_org_devices(th_org_find(o, 77)), 0);
    assert_null(th_org_find(o, 77));
    th_org_free(o);
}

/* What begins to spread in the same hours is not rare, though few use it yet. */
static void bursts_count_as_popular(void **state)
{
    (void)state;
    struct th_org *o = th_org_new();
    struct th_touches t = {0};
    for (unsigned i = 0; i < 1000; i++)
        th_touch_add(&t, 0, TH_TOUCH_ACTIVE, 0);
    for (unsigned i = 0; i < 12; i++)
        th_touch_add(&t, 5, TH_TOUCH_DEVICE, TH_TOUCH_BITS + i);
    th_org_advance(o, START);
    apply(o, &t);
    th_touches_done(&t);
    double fresh = th_org_rarity(o, 5, false);
    th_org_advance(o, START + 6 * DAY);
    double settled = th_org_rarity(o, 5, false);
    assert_true(fresh < settled - 0.5);
    th_org_free(o);
}

/* A roll-out: three devices a day that were never there before. Where others have long been, as
 * many new ones are no wave; nor are those who had only forgotten it. */
static void roll_outs_count_as_popular(void **state)
{
    (void)state;
    enum { NEW_HERE = 5, OF_MANY = 6, FORGOTTEN = 7 };
    struct th_org *o = th_org_new();
    struct th_touches t = {0};
    for (unsigned i = 0; i < 1000; i++)
        th_touch_add(&t, 0, TH_TOUCH_ACTIVE, 0);
    for (unsigned i = 0; i < 20; i++)
        th_touch_add(&t, OF_MANY, TH_TOUCH_DEVICE, TH_TOUCH_BITS + i);
    for (unsigned i = 0; i < 8; i++)
        th_touch_add(&t, FORGOTTEN, TH_TOUCH_DEVICE, TH_TOUCH_BITS + i);
    th_org_advance(o, START);
    apply(o, &t);
    for (unsigned day = 10; day < 13; day++) {
        th_touches_done(&t);
        t = (struct th_touches){0};
        for (unsigned k = 0; k < 3; k++) {
            unsigned device = 3 * day + k;
            th_touch_add(&t, NEW_HERE, TH_TOUCH_DEVICE, TH_TOUCH_BITS + device);
            th_touch_add(&t, OF_MANY, TH_TOUCH_DEVICE, TH_TOUCH_BITS + device);
            th_touch_add(&t, FORGOTTEN, TH_TOUCH_DEVICE, TH_TOUCH_BITS + device % 8);
        }
        th_org_advance(o, START + day * DAY);
        apply(o, &t);
    }
    th_touches_done(&t);
    th_org_advance(o, START + 12 * DAY + DAY / 2);
    /* 3 of today, 1.5 of yesterday, 0.75: five of nine, each counted as four more. */
    static const struct {
        uint64_t key;
        unsigned more;
    } want[] = {{NEW_HERE, 4 * 5}, {OF_MANY, 0}, {FORGOTTEN, 0}};
    for (size_t i = 0; i < TH_ARRAY_LEN(want); i++) {
        double users = th_org_share(o, want[i].key, false) * (1000 + 1);
        assert_int_equal(lrint(users), th_org_devices(th_org_find(o, want[i].key)) + want[i].more);
    }
    th_org_advance(o, START + 18 * DAY);
    assert_int_equal(lrint(th_org_share(o, NEW_HERE, false) * (1000 + 1)),
        th_org_devices(th_org_find(o, NEW_HERE)));
    th_org_free(o);
}

/* Who forgets and meets again, hour after hour, is one device all the time, and no burst. */
static void one_device_makes_nothing_popular(void **state)
{
    (void)state;
    struct th_org *o = th_org_new();
    struct th_touches t = {0};
    for (unsigned i = 0; i < 100; i++)
        th_touch_add(&t, 0, TH_TOUCH_ACTIVE, 0);
    for (unsigned i = 0; i < 500; i++)
        th_touch_add(&t, 5, TH_TOUCH_DEVICE, TH_TOUCH_BITS + 7);
    for (unsigned h = 0; h < 6; h++) {
        th_org_advance(o, START + h * (DAY / 24));
        apply(o, &t);
    }
    th_touches_done(&t);
    assert_int_equal(th_org_devices(th_org_find(o, 5)), 1);
    assert_true(th_org_share(o, 5, true) == 0);
    th_org_free(o);
}

/* Device-hours of which one in a hundred reaches 2, one in a thousand 3: and a raw scale that is
 * two times too bold. */
static void calibration_corrects_a_bold_scale(void **state)
{
    (void)state;
    struct th_org *o = th_org_new();
    for (unsigned i = 0; i < 100000; i++) {
        double p = (i + 0.5) / 100000;
        o->h.calib[0][1].n[th_calib_bin(-2 * log10(p))] += TH_WEIGHT;
        o->h.hours[1] += TH_WEIGHT;
    }
    th_org_derive(o);
    for (int half = 2; half < 8; half++)
        assert_true(fabs(th_org_calibrate(o, 0, 1, half) - half / 2.0) < 0.15);
    /* Past the evidence: never more than a decade beyond it. */
    assert_true(th_org_calibrate(o, 0, 1, 16) < 6.1);
    /* Another group knows nothing: half the decades, no more than its pool supports. */
    assert_true(fabs(th_org_calibrate(o, 0, 2, 3) - 1.4) < 0.2);
    assert_true(th_org_calibrate(o, 0, 2, 16) < 2.8);
    th_org_free(o);
}

/* What is reached every day is no rarer for lying far out, and what lies beyond keeps its order. */
static void far_out_is_not_rare_by_itself(void **state)
{
    (void)state;
    struct th_org *o = th_org_new();
    for (unsigned i = 0; i < 100000; i++) {
        double raw = i % 50 == 0 ? 9 + i / 100000.0 * 100 : 0;
        o->h.calib[0][1].n[raw > 0 ? th_calib_bin(raw) : 0] += TH_WEIGHT;
        o->h.hours[1] += TH_WEIGHT;
    }
    th_org_derive(o);
    assert_true(fabs(th_org_calibrate(o, 0, 1, 9) - -log10(0.02)) < 0.1);
    assert_true(fabs(th_org_calibrate(o, 0, 1, 59) - -log10(0.01)) < 0.15);
    for (unsigned k = 0; k < 70; k++)
        assert_true(
            th_org_calibrate(o, 0, 1, pow(1.1, k)) < th_org_calibrate(o, 0, 1, pow(1.1, k + 1)));
    for (unsigned b = 0; b < TH_CALIB_BINS; b++)
        assert_true(th_calib_edge(b) < th_calib_edge(b + 1) &&
            th_calib_bin((th_calib_edge(b) + th_calib_edge(b + 1)) / 2) == b);
    th_org_free(o);
}

static void order_of_contributions_plays_no_part(void **state)
{
    (void)state;
    struct th_org *a = th_org_new();
    struct th_org *b = th_org_new();
    struct th_touches t[2] = {{0}, {0}};
    for (unsigned i = 0; i < 5000; i++)
        th_touch_add(&t[i % 2], 1 + i % 700, (enum th_touch_kind)(i % 3), i % 90);
    th_touches_name(&t[0], th_str_c("example"));
    th_org_advance(a, START);
    th_org_advance(b, START);
    apply(a, &t[0]);
    apply(a, &t[1]);
    apply(b, &t[1]);
    apply(b, &t[0]);
    th_org_advance(a, START + DAY);
    th_org_advance(b, START + DAY);
    TH_AUTOBUF struct th_buf x = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf y = TH_BUF_INIT;
    th_org_encode(a, false, &x);
    th_org_encode(b, false, &y);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.p, y.p, x.len);
    th_touches_done(&t[0]);
    th_touches_done(&t[1]);
    th_org_free(a);
    th_org_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(popularity_fades),
        cmocka_unit_test(bursts_count_as_popular), cmocka_unit_test(roll_outs_count_as_popular),
        cmocka_unit_test(one_device_makes_nothing_popular),
        cmocka_unit_test(calibration_corrects_a_bold_scale),
        cmocka_unit_test(far_out_is_not_rare_by_itself),
        cmocka_unit_test(order_of_contributions_plays_no_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
