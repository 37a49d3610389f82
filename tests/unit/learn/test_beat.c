/* SPDX-License-Identifier: Apache-2.0 */
/* How soon beacons are found among benign pairs, with RITA's formula on the same ones: the bench of
 * lab/beacons at a tenth of its size. Bounds lie some points below what it measures. */
#include "unit.h"

#include "base/mem.h"
#include "learn_i.h"
#include "trial.h"

#define SEED 201
#define BENIGN 2000u
#define PAIRS 100u

struct fixture {
    struct trial_bars bars;
    struct trial_scores benign[BENIGN], beacons[PAIRS];
};

static int set_up(void **state)
{
    struct fixture *f = th_xcalloc(1, sizeof(*f));
    trial_benign(SEED, false, BENIGN, f->benign);
    trial_fit(f->benign, BENIGN, &f->bars);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void expect(struct fixture *f, struct trial_beacons b, enum trial_age age, double least)
{
    trial_beacons(SEED, 1, &b, PAIRS, f->beacons);
    double found = trial_found(f->beacons, PAIRS, -1, &f->bars, age, false, false);
    double rita = trial_found(f->beacons, PAIRS, -1, &f->bars, age, true, false);
    if (found < least || found < rita)
        print_message("# %s: %.0f %% found, %.0f %% by RITA's formula\n", b.name, found, rita);
    assert_true(found >= least);
    assert_true(found >= rita);
}

static void twenty_beats(void **state)
{
    expect(*state,
        (struct trial_beacons){
            .name = "jitter to 0.2", .period = {30, 3600}, .jitter = {0, 0.2}, .on = -1},
        BEATS_20, 95);
    expect(*state,
        (struct trial_beacons){.name = "an outage",
            .period = {30, 3600},
            .jitter = {0, 0.2},
            .outage = true,
            .on = -1},
        BEATS_20, 80);
}

static void a_day(void **state)
{
    static const struct trial_beacons wide = {.name = "jitter 0.9, loss 0.2",
        .period = {30, 3600},
        .jitter = {0.9, 0.9},
        .loss = {0.2, 0.2},
        .on = 1};
    expect(*state, wide, HOURS_24, 88);
    expect(*state, wide, HOURS_8, 15);
}

/* Of the irregular pairs not more than the share that the thresholds stand for is above. */
static void benign_pairs(void **state)
{
    struct fixture *f = *state;
    struct trial_scores *others = th_xcalloc(BENIGN, sizeof(*others));
    trial_benign(SEED + 1, false, BENIGN, others);
    double false_share = trial_found(others, BENIGN, -1, &f->bars, HOURS_24, false, false);
    if (false_share > 1.5)
        print_message("# %.2f %% of other benign pairs\n", false_share);
    assert_true(false_share <= 1.5);
    free(others);
}

/* A device that sleeps at night does not break the rhythm of its evenings; one that is up does. */
static void sleep_is_no_gap(void **state)
{
    (void)state;
    for (unsigned up = 0; up < 2; up++) {
        struct th_pair p = {.kind = TH_PAIR_HOST, .last_ns = TH_TIME_UNSET};
        struct th_dev *d = th_xcalloc(1, sizeof(*d));
        int64_t hours;
        for (unsigned i = 0; i < 120; i++) {
            int64_t minute = i + (i < 60 ? 0 : i < 100 ? 600 : 1200); /* ten hours off, twice */
            int64_t hour = minute / 60;
            unsigned ahead = (unsigned)(hour - d->hours_at);
            d->hours_bits = d->hours_bits << ahead | 1;
            if (up)
                d->hours_bits = UINT64_MAX;
            d->hours_at = hour;
            th_beat(&p, d, minute * TH_NS_PER_MIN, &hours);
        }
        assert_int_equal(p.beat.pauses > 0, up);
        assert_int_equal(p.beats, 120);
        unsigned covered;
        unsigned active;
        double slow = th_beat_slow(&p, d, &covered, &active);
        assert_true(up ? slow < 1 : active < 5 || slow > 1);
        assert_true(th_beat_fast(&p) > 5); /* two interruptions among so many */
        free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(twenty_beats), cmocka_unit_test(a_day),
        cmocka_unit_test(benign_pairs), cmocka_unit_test(sleep_is_no_gap)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
