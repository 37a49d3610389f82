/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <math.h>

#include "make_window.h"

#define MODEL HEAD("a") "components:\n  - feature: upload\n"

static double score_of(struct th_scorer *s, uint64_t entity, double lgp, int64_t start_ns)
{
    struct caught c = {0};
    struct th_signal v[] = {signal_make("upload", 1e9, lgp)};
    struct th_window w = window_make(entity, start_ns, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    return c.count ? c.b[0].score : -1;
}

/* hours device-hours, of which every tenth breaches with a nominal p drawn evenly in lg p. */
static void feed(struct th_scorer *s, unsigned hours, int64_t *now_ns)
{
    struct caught c;
    for (unsigned i = 0; i < hours; i++) {
        struct th_signal v[] = {signal_make("upload", 1e9, -log10((i % 997 + 0.5) / 997))};
        struct th_window w = window_make(1000 + i, *now_ns, v, i % 10 == 0);
        c.count = 0;
        th_scorer_window(s, &w, catch_breach, &c);
        if (i % 500 == 499) {
            *now_ns += HOUR;
            epoch(&s, 1, *now_ns);
        }
    }
}

static void no_score_past_the_device_hours(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    double last = -1;
    for (unsigned i = 1; i <= 40; i++) {
        double score = score_of(s, i, i * 0.4, now);
        assert_true(score > last); /* rank is kept, always */
        assert_true(score <= 3);   /* nothing is known yet: 12.5 lg 1, and the continuation */
        last = score;
    }
    th_scorer_free(s);
    s = th_scorer_new(m, UINT64_MAX);
    feed(s, 10000, &now);
    double hours = th_scorer_pooled_device_hours(s);
    assert_true(hours == 10000);
    last = -1;
    for (unsigned i = 1; i <= 40; i++) {
        double score = score_of(s, i, i * 0.4, now + 40 * HOUR);
        assert_true(score > last);
        assert_true(score <= 12.5 * log10(hours) + 3);
        last = score;
    }
    assert_true(last > 12.5 * log10(hours));
    th_scorer_free(s);
    th_models_free(m);
}

static void score_means_share_of_device_hours(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 50000, &now);
    /* A tenth breaches; of these a hundredth has p <= 0.01: 1 in 1,000 device-hours is 37.5. */
    assert_float_equal(score_of(s, 1, 2, now), 37.5, 1.5);
    assert_float_equal(score_of(s, 2, 1, now), 25, 1.5);
    assert_float_equal(score_of(s, 3, 0.3, now), 16.3, 1.5);
    /* Twelve a day among 500 devices are 1 in 1,000 device-hours. */
    assert_float_equal(th_scorer_threshold(s, 12, 500), 37.5, 0.01);
    assert_true(th_scorer_threshold(s, 1, 500) > th_scorer_threshold(s, 5, 500));
    th_scorer_free(s);
    th_models_free(m);
}

static void hours_of_users_are_no_device_hours(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct caught c = {0};
    int64_t now = H0;
    feed(s, 50000, &now);
    double hours = th_scorer_pooled_device_hours(s);
    double score = score_of(s, 1, 2, now);
    for (uint64_t i = 0; i < 100000; i++) {
        struct th_window w = window_make(TH_USER_BIT | (i + 1), now, NULL, 0);
        th_scorer_window(s, &w, catch_breach, &c);
    }
    now += HOUR;
    epoch(&s, 1, now);
    assert_true(th_scorer_pooled_device_hours(s) <= hours + 1); /* the one that was asked about */
    assert_float_equal(score_of(s, 2, 2, now), score, 0.5);     /* counted, it were 6 more */
    /* What is told of them spends the same budget: as much again makes all less rare. */
    for (uint64_t i = 0; i < 5000; i++) {
        struct th_signal v[] = {
            signal_make("upload", 1e9, -log10(((double)(i % 997) + 0.5) / 997))};
        struct th_window w = window_make(TH_USER_BIT | (i + 1), now, v, 1);
        c.count = 0;
        th_scorer_window(s, &w, catch_breach, &c);
    }
    now += HOUR;
    epoch(&s, 1, now);
    assert_true(score_of(s, 3, 2, now) < score - 2);
    th_scorer_free(s);
    th_models_free(m);
}

static void told_once_a_day_unless_it_rises(void **state)
{
    (void)state;
    struct th_models *m = models_of(HEAD("a") "throttle: {hours: 24, rise: 10}\n"
                                              "components:\n  - feature: upload\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 20000, &now);
    assert_true(score_of(s, 5, 1, now) > 0);
    assert_true(score_of(s, 5, 1, now + HOUR) == -1);
    assert_true(score_of(s, 6, 1, now + HOUR) > 0);
    assert_true(score_of(s, 5, 2, now + 2 * HOUR) > 0); /* over ten points more */
    assert_true(score_of(s, 5, 2, now + 3 * HOUR) == -1);
    assert_true(score_of(s, 5, 2, now + 27 * HOUR) > 0);
    th_scorer_free(s);
    th_models_free(m);
}

/* The same windows in one shard and in three: breaches and state are equal. */
static void shards_agree(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *one[1] = {th_scorer_new(m, UINT64_MAX)};
    struct th_scorer *many[3];
    for (unsigned i = 0; i < 3; i++)
        many[i] = th_scorer_new(m, UINT64_MAX); /* which partitions: by who is asked below */
    for (int h = 0; h < 60; h++) {
        int64_t now = H0 + h * HOUR;
        struct caught a = {0};
        struct caught b = {0};
        for (uint64_t e = 1; e <= 30; e++) {
            struct th_signal v[] = {
                signal_make("upload", 1e9, (double)((e * 7 + (unsigned)h) % 13) / 2)};
            struct th_window w = window_make(e, now, v, (e + (unsigned)h) % 5 == 0);
            th_scorer_window(one[0], &w, catch_breach, &a);
            th_scorer_window(many[th_entity_partition(e) % 3], &w, catch_breach, &b);
        }
        assert_int_equal(a.count, b.count);
        for (unsigned i = 0; i < a.count; i++) {
            assert_true(a.b[i].id == b.b[i].id);
            assert_memory_equal(&a.b[i].score, &b.b[i].score, sizeof(double));
        }
        epoch(one, 1, now + HOUR);
        epoch(many, 3, now + HOUR);
    }
    TH_AUTOBUF struct th_buf whole = TH_BUF_INIT;
    th_scorer_save(one[0], &whole);
    for (unsigned i = 0; i < 3; i++) {
        TH_AUTOBUF struct th_buf part = TH_BUF_INIT;
        th_scorer_save(many[i], &part);
        assert_int_equal(part.len, whole.len);
        assert_memory_equal(part.p, whole.p, whole.len);
        th_scorer_free(many[i]);
    }
    th_scorer_free(one[0]);
    th_models_free(m);
}

static void state_and_prior(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct th_scorer *back = th_scorer_new(m, UINT64_MAX);
    struct th_scorer *fresh = th_scorer_new(m, UINT64_MAX);
    TH_AUTOBUF struct th_buf a = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf b = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf prior = TH_BUF_INIT;
    int64_t now = H0;
    feed(s, 3000, &now);
    th_scorer_save(s, &a);
    assert_int_equal(th_scorer_load(back, a.p, a.len), 0);
    th_scorer_save(back, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.p, b.p, a.len);
    th_scorer_save_prior(s, &prior);
    assert_int_equal(th_scorer_load_prior(fresh, prior.p, prior.len), 0);
    assert_float_equal(th_scorer_pooled_device_hours(fresh), 3000, 0.01);
    assert_float_equal(score_of(fresh, 1, 2, now), score_of(s, 1, 2, now), 1e-9);
    prior.p[prior.len - 1] ^= 1;
    assert_int_equal(th_scorer_load_prior(fresh, prior.p, prior.len), TH_E_CHECKSUM);
    assert_int_equal(th_scorer_load(fresh, a.p, a.len - 1), TH_E_TRUNCATED);
    th_scorer_free(s);
    th_scorer_free(back);
    th_scorer_free(fresh);
    th_models_free(m);
}

static void history_decays(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 4000, &now);
    double before = th_scorer_pooled_device_hours(s);
    epoch(&s, 1, now + 28 * TH_NS_PER_DAY);
    assert_float_equal(th_scorer_pooled_device_hours(s), before / 2, before / 100);
    th_scorer_free(s);
    th_models_free(m);
}

static void late_windows_say_so(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    struct caught c = {0};
    epoch(&s, 1, H0 + 10 * HOUR);
    struct th_signal v[] = {signal_make("upload", 1e9, 3)};
    struct th_window w = window_make(1, H0 + 10 * HOUR, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    w = window_make(2, H0 + 4 * HOUR, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    assert_int_equal(c.b[0].late_hours, 0);
    assert_int_equal(c.b[1].late_hours, 6);
    th_scorer_free(s);
    th_models_free(m);
}

static void id_is_of_what_was_found(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct caught c = {0};
    for (int i = 0; i < 4; i++) {
        struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
        struct th_signal v[] = {
            with_peer(signal_make("upload", 1e9, 3 + i), i == 3 ? 6 : 5, "a.example", 1)};
        struct th_window w = window_make(i == 2 ? 2 : 1, H0, v, 1);
        th_scorer_window(s, &w, catch_breach, &c);
        th_scorer_free(s);
    }
    assert_int_equal(c.count, 4);
    assert_true(c.b[0].id == c.b[1].id); /* whatever the numbers say */
    assert_true(c.b[0].id != c.b[2].id && c.b[0].id != c.b[3].id);
    th_models_free(m);
}

static unsigned fires_calibrated_to_one(struct th_scorer *s, double raw, uint64_t entity)
{
    struct caught c = {0};
    struct th_signal v[] = {signal_make("upload", 1e9, 1)};
    v[0].lgp_raw = raw;
    struct th_window w = window_make(entity, H0 + 1000 * HOUR, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    return c.count;
}

/* In the first hour nothing can be rarer than one in ten: what is parametrically rare counts. */
static void thresholds_bend_while_young(void **state)
{
    (void)state;
    struct th_models *m = models_of(HEAD("a") "components: [{feature: upload, rarity: 2}]\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    assert_int_equal(fires_calibrated_to_one(s, 6, 1), 1);
    assert_int_equal(fires_calibrated_to_one(s, 1.9, 2), 0);
    feed(s, 10000, &now);
    assert_int_equal(fires_calibrated_to_one(s, 6, 3), 0);
    th_scorer_free(s);
    th_models_free(m);
}

static void save_scorer(const struct th_scorer *s, struct th_buf *out)
{
    th_buf_clear(out);
    th_scorer_save(s, out);
}

/* A look tells what the hour's end would, under the same id, and leaves no trace; what was told
 * lately is not told by it either. Sequences go on from where they are, and stay there. */
static void a_look_leaves_no_trace(void **state)
{
    (void)state;
    struct th_models *m =
        models_of(MODEL "---\n" HEAD("b") "combine: sequence\nwithin: 6 h\ncomponents:\n  - "
                                          "feature: beacon\n  - feature: upload\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    TH_AUTOBUF struct th_buf before = TH_BUF_INIT;
    TH_AUTOBUF struct th_buf after = TH_BUF_INIT;
    feed(s, 2000, &now);
    struct th_signal first[] = {signal_make("beacon", 60, 3)};
    struct th_window w = window_make(7, now, first, 1);
    struct caught begun = {0};
    th_scorer_window(s, &w, catch_breach, &begun);
    struct th_signal second[] = {signal_make("upload", 1e9, 3)};
    w = window_make(7, now + HOUR, second, 1);
    struct caught looked = {0};
    struct caught closed = {0};
    save_scorer(s, &before);
    th_scorer_look(s, &w, catch_breach, &looked);
    th_scorer_look(s, &w, catch_breach, &looked);
    save_scorer(s, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.p, after.p, before.len);
    th_scorer_window(s, &w, catch_breach, &closed);
    assert_int_equal(closed.count, 2); /* the upload, and the sequence */
    assert_int_equal(looked.count, 4);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(looked.b[i].id == closed.b[i].id && looked.b[i].score == closed.b[i].score);
        assert_true(looked.b[i + 2].id == closed.b[i].id);
    }
    struct caught again = {0};
    w = window_make(7, now + 2 * HOUR, second, 1);
    th_scorer_look(s, &w, catch_breach, &again);
    assert_int_equal(again.count, 0);
    th_scorer_free(s);
    th_models_free(m);
}

/* ---- evidence over time ---- */

/* What is told of an upload to a peer; hours 0: nothing. */
static struct th_breach upload_to(
    struct th_scorer *s, uint64_t entity, uint64_t peer, double lgp, int64_t start_ns)
{
    struct caught c = {0};
    struct th_signal v[] = {with_peer(signal_make("upload", 1e9, lgp), peer, "a.example", 1)};
    struct th_window w = window_make(entity, start_ns, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    return c.count ? c.b[0] : (struct th_breach){0};
}

static void what_goes_on_is_worth_more(void **state)
{
    (void)state;
    struct th_models *m =
        models_of(HEAD("a") "throttle: {hours: 1, rise: 0}\ncomponents:\n  - feature: upload\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 50000, &now);
    double last = 0;
    for (uint32_t hour = 0; hour < 6; hour++) {
        struct th_breach b = upload_to(s, 1, 5, 1, now + hour * HOUR);
        assert_int_equal(b.hours, hour + 1);
        assert_true(b.since_ns == now);
        assert_true(b.score > last);
        assert_true(b.score < 25 / 0.7 + 2); /* 0.3 + 0.09 + ...: never more than 1 / 0.7 times */
        last = b.score;
    }
    /* Another peer, another device: each for itself. */
    assert_int_equal(upload_to(s, 1, 6, 1, now + 6 * HOUR).hours, 1);
    struct th_breach alone = upload_to(s, 2, 5, 1, now + 6 * HOUR);
    assert_int_equal(alone.hours, 1);
    assert_float_equal(alone.score, 25, 1.5);
    /* An hour that comes late, before what is known already, stands for itself. */
    struct th_breach late = upload_to(s, 1, 5, 1, now + 2 * HOUR - 10 * HOUR);
    assert_int_equal(late.hours, 1);
    assert_float_equal(late.score, alone.score, 0.5);
    /* The next in time goes on as if nothing had come late. */
    assert_int_equal(upload_to(s, 1, 5, 1, now + 6 * HOUR).hours, 7);
    /* After two days without, it begins anew. */
    struct th_breach anew = upload_to(s, 1, 5, 1, now + 56 * HOUR);
    assert_int_equal(anew.hours, 1);
    assert_true(anew.since_ns == now + 56 * HOUR);
    assert_float_equal(anew.score, alone.score, 0.5);
    th_scorer_free(s);
    th_models_free(m);
}

/* What goes on is told again in its third, sixth and twelfth hour. */
static void what_goes_on_is_told_again(void **state)
{
    (void)state;
    struct th_models *m =
        models_of(HEAD("a") "throttle: {hours: 24, rise: 50}\ncomponents:\n  - feature: upload\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 50000, &now);
    for (uint32_t hour = 0; hour < 12; hour++) {
        unsigned n = hour + 1;
        struct th_breach b = upload_to(s, 1, 5, 1 + hour * 0.05, now + hour * HOUR);
        assert_int_equal(b.hours, n == 1 || n == 3 || n == 6 || n == 12 ? n : 0);
    }
    th_scorer_free(s);
    th_models_free(m);
}

/* More than are kept: the oldest go, and are counted. */
static void what_is_forgotten_early_is_counted(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    const unsigned kept = 65536;
    const unsigned more = 500;
    for (unsigned i = 0; i < kept + more; i++)
        assert_int_equal(upload_to(s, 1 + i, 5, 3, i < kept ? H0 + HOUR : H0).hours, 1);
    assert_true(th_scorer_dropped(s) == 0);
    epoch(&s, 1, H0 + 2 * HOUR);
    assert_true(th_scorer_dropped(s) == 2 * more);                   /* of tellings and of trails */
    assert_int_equal(upload_to(s, 1, 5, 3, H0 + 3 * HOUR).hours, 0); /* told lately */
    assert_int_equal(upload_to(s, 1 + kept, 5, 3, H0 + 3 * HOUR).hours, 1);
    th_scorer_free(s);
    th_models_free(m);
}

/* Two models about the same peer in one hour: what each is worth has the same carried into it. */
static void an_hour_is_carried_once(void **state)
{
    (void)state;
    struct th_models *m = models_of(HEAD("a") "components:\n  - feature: upload\n---\n" HEAD(
        "b") "components:\n  - feature: upload\n");
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    int64_t now = H0;
    feed(s, 20000, &now);
    struct caught c = {0};
    for (unsigned hour = 0; hour < 2; hour++) {
        struct th_signal v[] = {with_peer(signal_make("upload", 1e9, 1 + hour), 5, "a.example", 1)};
        struct th_window w = window_make(1, now + hour * HOUR, v, 1);
        th_scorer_window(s, &w, catch_breach, &c);
    }
    assert_int_equal(c.count, 4);
    assert_int_equal(c.b[2].hours, 2);
    assert_int_equal(c.b[3].hours, 2);
    assert_float_equal(c.b[2].score, c.b[3].score, 1e-9);
    th_scorer_free(s);
    th_models_free(m);
}

static struct caught caught_at(struct th_scorer *s, uint64_t entity, int64_t start_ns)
{
    struct caught c = {0};
    struct th_signal v[] = {signal_make("upload", 1e9, 5)};
    struct th_window w = window_make(entity, start_ns, v, 1);
    th_scorer_window(s, &w, catch_breach, &c);
    epoch(&s, 1, start_ns + HOUR);
    return c;
}

/* What a group did holds the same back for four hours, what was told of the device for a day; also
 * after a restart. */
static void discounted_is_held_back_for_hours(void **state)
{
    (void)state;
    struct th_models *m = models_of(MODEL);
    struct th_scorer *s = th_scorer_new(m, UINT64_MAX);
    TH_AUTOBUF struct th_buf saved = TH_BUF_INIT;
    int64_t now = H0;
    feed(s, 10000, &now);
    struct caught part = caught_at(s, 7, now);
    assert_int_equal(part.count, 1);
    assert_int_equal(caught_at(s, 8, now).count, 1);
    th_scorer_discount(s, 0, part.b[0].throttle, part.b[0].time_ns - 1); /* of another telling */
    th_scorer_discount(s, 0, 99, part.b[0].time_ns);                     /* never told */
    th_scorer_discount(s, 0, part.b[0].throttle, part.b[0].time_ns);
    th_scorer_save(s, &saved);
    struct th_scorer *again = th_scorer_new(m, UINT64_MAX);
    assert_int_equal(th_scorer_load(again, saved.p, saved.len), 0);
    th_scorer_free(s);
    assert_int_equal(caught_at(again, 7, now + 3 * HOUR).count, 0);
    assert_int_equal(caught_at(again, 7, now + 4 * HOUR).count, 1);
    assert_int_equal(caught_at(again, 8, now + 4 * HOUR).count, 0);
    th_scorer_free(again);
    th_models_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_score_past_the_device_hours),
        cmocka_unit_test(score_means_share_of_device_hours),
        cmocka_unit_test(told_once_a_day_unless_it_rises),
        cmocka_unit_test(shards_agree),
        cmocka_unit_test(state_and_prior),
        cmocka_unit_test(history_decays),
        cmocka_unit_test(late_windows_say_so),
        cmocka_unit_test(thresholds_bend_while_young),
        cmocka_unit_test(hours_of_users_are_no_device_hours),
        cmocka_unit_test(id_is_of_what_was_found),
        cmocka_unit_test(a_look_leaves_no_trace),
        cmocka_unit_test(what_goes_on_is_worth_more),
        cmocka_unit_test(what_goes_on_is_told_again),
        cmocka_unit_test(an_hour_is_carried_once),
        cmocka_unit_test(what_is_forgotten_early_is_counted),
        cmocka_unit_test(discounted_is_held_back_for_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
