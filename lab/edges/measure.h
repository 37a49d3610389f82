/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good scores are. Records: area under the ROC curve, and the share of attack records above
 * the threshold that so many benign ones pass. What an analyst would see: a unit is an address and
 * an hour; a unit without any attack record that lies above the threshold is a false alarm; an
 * instance is an attack type on a day, found when a unit that holds one of its records lies above.
 * At B false units a day the threshold is the lowest that at most B x days of them reach; ties
 * count against the scorer. Days are those with records.
 */
#ifndef TH_LAB_EDGES_MEASURE_H
#define TH_LAB_EDGES_MEASURE_H

#include "table.h"

/* An address in an hour. */
struct edges_units {
    uint32_t *of; /* unit of each row */
    uint32_t count;
    uint32_t *first; /* first row of each unit */
    bool *attack;    /* holds an attack record */
};
void edges_units_init(struct edges_units *u, const struct edges_table *t, bool by_dst);
void edges_units_done(struct edges_units *u);

/* What a scorer says; of units NULL: the largest of its records. Larger is stranger. */
struct edges_scores {
    double *row, *dst, *src;
};
void edges_scores_done(struct edges_scores *s);

#define EDGES_BUDGETS 3u
extern const double edges_budget[EDGES_BUDGETS]; /* false units a day: 1, 5, 20 */
#define EDGES_RATES 3u
extern const double edges_false_rate[EDGES_RATES]; /* 1e-2, 1e-3, 1e-4 */

struct edges_found {
    uint32_t several[EDGES_BUDGETS]; /* instances of several records */
    uint32_t single[EDGES_BUDGETS];  /* of one record */
};

struct edges_measure {
    double auc; /* NAN when there is nothing to tell apart */
    double tpr[EDGES_RATES];
    struct edges_found dst, src;
};

/* What is there to be found, from minute `from` on (INT32_MIN: all). */
struct edges_truth {
    int32_t from;
    uint32_t days, rows, attack_rows;
    uint32_t several, single; /* instances */
};
void edges_truth_get(const struct edges_table *t, int32_t from, struct edges_truth *ret);

double edges_auc(
    const struct edges_table *t, int32_t from, const double *score, double ret_tpr[EDGES_RATES]);
void edges_found_get(const struct edges_table *t, const struct edges_units *u, int32_t from,
    const double *unit_score, struct edges_found *ret);
/* All of it; rows before `from` only taught the scorer. */
void edges_measure_get(const struct edges_table *t, const struct edges_units *dst,
    const struct edges_units *src, int32_t from, const struct edges_scores *s,
    struct edges_measure *ret);
/* The largest of each unit's rows; the caller frees it. */
double *edges_units_max(
    const struct edges_table *t, const struct edges_units *u, const double *row);

/* The instances (attack type and day) that are found by a unit above the threshold of a budget,
 * for a person who asks which: one bit a budget, by instance. */
struct edges_instance {
    uint32_t label;
    int32_t day;
    uint32_t rows;
    double best; /* of its units */
};
/* In order of first record; the caller frees them. */
struct edges_instance *edges_instances(const struct edges_table *t, const struct edges_units *u,
    int32_t from, const double *unit_score, uint32_t *ret_count);

#endif
