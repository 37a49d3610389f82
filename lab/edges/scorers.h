/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is compared. Each scorer reads the table once from front to back and gives a number to each
 * record, larger for stranger; some also give one to each unit. Seeds are fixed. The rivals are
 * written after their papers, named in their files.
 */
#ifndef TH_LAB_EDGES_SCORERS_H
#define TH_LAB_EDGES_SCORERS_H

#include "measure.h"

struct edges_job {
    const struct edges_table *t;
    const struct edges_units *dst, *src;
};

/* learner.c: the product's engine. */
void edges_score_learner(const struct edges_job *j, struct edges_scores *ret);
/* midas.c */
void edges_score_midas(const struct edges_job *j, struct edges_scores *ret);
void edges_score_midas_r(const struct edges_job *j, struct edges_scores *ret);
void edges_score_midas_f(const struct edges_job *j, struct edges_scores *ret);
/* plain.c: the count of records, and limits that a person would set */
void edges_score_count(const struct edges_job *j, struct edges_scores *ret);
void edges_score_limits(const struct edges_job *j, struct edges_scores *ret);
/* outliers.c: methods for tables of numbers. Fitted to records, units scored by their largest
 * record; fitted to units, records scored as before. They see the whole table before they
 * judge, which the others do not. */
void edges_score_hbos_rows(const struct edges_job *j, struct edges_scores *ret);
void edges_score_hbos_units(const struct edges_job *j, struct edges_scores *ret);
void edges_score_iforest_rows(const struct edges_job *j, struct edges_scores *ret);
void edges_score_iforest_units(const struct edges_job *j, struct edges_scores *ret);
void edges_score_loda_rows(const struct edges_job *j, struct edges_scores *ret);
void edges_score_loda_units(const struct edges_job *j, struct edges_scores *ret);

#endif
