/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of one device to one destination over a day or more: malicious beacons,
 * what people and programs do without a rhythm, and what has a rhythm of its own and no
 * harm in it. Every parameter is drawn per pair, so that no two are alike. The material
 * of the beacon bench (beacons.c) and of the scorers' tests.
 */
#ifndef TH_LAB_PAIRS_H
#define TH_LAB_PAIRS_H

#include "rng.h"

#define LAB_PAIR_HOURS 168u /* no pair is followed for longer */
#define LAB_PAIR_MOST 8192u /* connections */

enum lab_pair_kind {
    LAB_PAIR_BEACON,
    /* benign, without a rhythm of their own */
    LAB_PAIR_BROWSE,    /* sessions of pages, each of them several connections */
    LAB_PAIR_KEEPALIVE, /* a timer that each action of the user starts anew */
    LAB_PAIR_POISSON,   /* at a constant rate, day and night */
    LAB_PAIR_WORKDAY,   /* at a rate that changes by the hour, while the device is on */
    LAB_PAIR_HEAVY,     /* renewals with heavy tails, day and night */
    LAB_PAIR_RETRY,     /* storms of retries that back off */
    LAB_PAIR_MAIL,      /* a timer, and checks by hand and mails sent in between */
    LAB_PAIR_WAKE,      /* a burst each time that a sleeping device wakes for a moment */
    LAB_PAIR_CHAT,      /* each message draws others after it (Hawkes) */
    /* benign with a rhythm: what only rarity tells from a beacon */
    LAB_PAIR_POLL,   /* a poller, drawn like a beacon */
    LAB_PAIR_TRACKS, /* music: a connection a track, for hours */
    LAB_PAIR_TIMER,  /* keep-alive and mail timers that nobody disturbs */
    LAB_PAIR_KINDS
};
#define LAB_PAIR_IRREGULAR LAB_PAIR_BROWSE
#define LAB_PAIR_RHYTHMIC LAB_PAIR_POLL
extern const char *const lab_pair_names[LAB_PAIR_KINDS];

enum lab_jitter_kind { LAB_JITTER_EVEN, LAB_JITTER_SHORTER, LAB_JITTER_NORMAL };

struct lab_pair {
    /* given, for beacons and pollers */
    enum lab_pair_kind kind;
    double period_s, jitter, loss;
    enum lab_jitter_kind jitter_kind; /* both ways evenly, only shorter, normal with sd jitter/2 */
    bool always_on;
    bool outage; /* of half an hour to three, once in the first 40 beats */
    /* made */
    unsigned n;
    double t[LAB_PAIR_MOST]; /* seconds since midnight before the first */
    double bytes[LAB_PAIR_MOST];
    double on_from, on_to; /* hours of the day in which a device that sleeps is on */
};

/* A benign kind by its share; rhythmic: of the others. */
enum lab_pair_kind lab_pair_draw(struct lab_rng *r, bool rhythmic);
/* Parameters of a beacon: period between lo and hi, evenly in its logarithm. */
void lab_pair_beacon(
    struct lab_rng *r, double lo_s, double hi_s, double jitter, double loss, struct lab_pair *p);
/* Fills in the connections: to 24 hours after the first and `beats` of them, whichever is later. */
void lab_pair_run(struct lab_rng *r, unsigned beats, struct lab_pair *p);
/* Was the device on in this hour since the same midnight? */
bool lab_pair_on(const struct lab_pair *p, int64_t hour);

#endif
