/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report's charts as SVG. Each has a title and a description for those who hear
 * it, and takes its colours from the page's style sheet (report.css).
 */
#ifndef TH_CTL_CHARTS_H
#define TH_CTL_CHARTS_H

#include "findings.h"

/* Breaches over time, a row a device, strongest devices first. */
void chart_timeline(const struct findings *f, struct th_buf *out);
/* How many breaches have which score, with the threshold. */
void chart_scores(const struct findings *f, struct th_buf *out);
/* Events an hour. */
void chart_hours(const struct findings *f, struct th_buf *out);
/* One observation against what was usual, on a logarithmic scale; false, and nothing drawn, when
 * nothing was usual, or it was within that. */
bool chart_evidence(const struct find_evidence *e, double score, struct th_buf *out);
/* 1 to 4: calm, noticeable, high, highest. Classes s1 to s4 of the style sheet. */
unsigned chart_severity(double score);

#endif
