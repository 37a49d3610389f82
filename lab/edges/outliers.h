/* SPDX-License-Identifier: Apache-2.0 */
/* Outliers of a table of numbers, n rows by d columns: each fills score[n], larger for stranger. */
#ifndef TH_LAB_EDGES_OUTLIERS_H
#define TH_LAB_EDGES_OUTLIERS_H

#include <stdint.h>

#define EDGES_MAX_COLUMNS 16u

struct edges_matrix {
    uint32_t n, d;
    float *v; /* row by row */
};

void edges_hbos(const struct edges_matrix *m, double *score);
void edges_iforest(const struct edges_matrix *m, double *score);
void edges_loda(const struct edges_matrix *m, double *score);

#endif
