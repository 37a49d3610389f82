/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as a table for people or as one JSON object a line. */
#ifndef TH_LAB_EDGES_PRINT_H
#define TH_LAB_EDGES_PRINT_H

#include "scorers.h"

void edges_print_head(const struct edges_job *j, const struct edges_truth *truth, bool json);
void edges_print_measure(
    const char *name, const char *what, const struct edges_measure *m, double seconds, bool json);
/* Of each instance, how many false units a day must be borne until it is found. */
void edges_print_instances(const struct edges_job *j, int32_t from, const char *name,
    const struct edges_scores *s, bool json);

#endif
