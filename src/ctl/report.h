/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two forms of the report. Both take findings and append to a buffer.
 */
#ifndef TH_CTL_REPORT_H
#define TH_CTL_REPORT_H

#include "findings.h"

/* For a terminal of 80 columns. */
void report_text(const struct findings *f, bool colour, struct th_buf *out);
/* Inputs that were not, or not wholly, read, for the end of a shorter report; nothing for none. */
void report_unread(const struct findings *f, struct th_buf *out);
/* One self-contained page: no script, nothing from elsewhere. */
void report_html(const struct findings *f, struct th_buf *out);

#endif
