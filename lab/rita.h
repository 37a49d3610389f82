/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beacon score of RITA (Active Countermeasures, version 5), written anew from its
 * description, to compare with: a quarter each of how even the intervals are, how even
 * the sizes, how even the hours of the day, and how much of the day was covered.
 */
#ifndef TH_LAB_RITA_H
#define TH_LAB_RITA_H

/* n connections at times t (seconds, ascending) of the 24 hours that end at now; 0 to 1. */
double lab_rita(const double *t, const double *bytes, unsigned n, double now);

#endif
