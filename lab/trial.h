/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores of pairs, connection by connection, by the engine's own scorers and by RITA's
 * formula, and who is found by when. One threshold for a scorer: what 0.5 % of the
 * irregular benign pairs ever reach within 24 hours; of our two features the fast one has
 * three parts in ten of that, the slow one seven. A beacon is found from the first
 * connection at which it is above.
 */
#ifndef TH_LAB_TRIAL_H
#define TH_LAB_TRIAL_H

#include "pairs.h"

#define TRIAL_FALSE_SHARE 0.005
#define TRIAL_FAST_SHARE 0.0015

/* Ages at which it is asked whether the pair was found. */
enum trial_age { BEATS_10, BEATS_20, BEATS_40, HOURS_1, HOURS_2, HOURS_4, HOURS_8, HOURS_24, AGES };
enum trial_scorer { FAST, SLOW, RITA, SCORERS };

/* The highest until each age, and the value at that age. */
struct trial_scores {
    uint8_t kind;
    float most[SCORERS][AGES], now[SCORERS][AGES];
};

struct trial_bars {
    float all[SCORERS];      /* one threshold for all ages */
    float at[SCORERS][AGES]; /* one for each */
};

void trial_score(const struct lab_pair *p, struct trial_scores *ret);
/* Draws and scores n benign pairs; n beacons. */
void trial_benign(uint64_t seed, bool rhythmic, unsigned n, struct trial_scores *ret);
struct trial_beacons {
    const char *name;
    double period[2], jitter[2], loss[2]; /* from, to: drawn evenly, the period in its logarithm */
    bool outage;
    int on; /* -1: half of the devices sleep at night */
};
void trial_beacons(uint64_t seed, uint64_t stream, const struct trial_beacons *b, unsigned n,
    struct trial_scores *ret);
void trial_fit(const struct trial_scores *benign, unsigned n, struct trial_bars *ret);
/* Per cent of the pairs of a kind (-1: all) found until the age; own: above at the age, by its own
 * threshold. */
double trial_found(const struct trial_scores *v, unsigned n, int kind, const struct trial_bars *b,
    unsigned age, bool rita, bool own);

#endif
