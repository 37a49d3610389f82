/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why was this not flagged (`thymusctl why`)? Of one device and one hour of recorded input: who is
 * meant, what the scorer makes of that hour when it closes, in which hours the device was active at
 * all. Every shard of a crew knows who is meant; that to which the device belongs has the rest.
 */
#ifndef TH_MASTER_WHY_H
#define TH_MASTER_WHY_H

#include "identity/identity.h"
#include "model/explain.h"

#define TH_WHY_MAX_NAME 255u
#define TH_WHY_MAX_SIMILAR 10u

struct th_why {
    char device[TH_WHY_MAX_NAME + 1]; /* as it was asked for */
    int64_t hour_ns;                  /* start */
    uint64_t entity;                  /* who is meant; 0: nobody */
    /* Others that it may mean, or, when it is nobody, whose name resembles it. */
    uint64_t similar[TH_WHY_MAX_SIMILAR];
    uint32_t similar_count;
    bool
        explained; /* the hour was closed: the last time counts, since late events close it again */
    bool news;     /* it was closed since `threshold` was set */
    struct th_explanation explanation;
    double threshold;     /* score of an alert when it was closed: the caller's */
    struct th_buf active; /* starts of closed hours, int64_t, as they came */
};

/* "DEVICE@TIME", the time in RFC 3339: any in the hour that is meant. */
bool th_why_parse(struct th_str text, struct th_why *ret);
void th_why_done(struct th_why *why);

/* why_who.c: who is meant, and the others, among all that are known. */
void th_why_find(struct th_why *why, const struct th_identity *id);

/* Takes a window that closes, before the scorer has seen it. */
void th_why_window(struct th_why *why, const struct th_scorer *s, const struct th_window *w);
/* What the shard of the device knows: one JSON object. */
void th_why_json(const struct th_why *why, const struct th_models *m, struct th_buf *out);

#endif
