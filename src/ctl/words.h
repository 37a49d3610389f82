/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, times and strange text as words, for both forms of the report.
 */
#ifndef TH_CTL_WORDS_H
#define TH_CTL_WORDS_H

#include "base/buf.h"
#include "base/time.h"

/* Text for a terminal: control characters, direction changes and broken UTF-8 become '?'. */
void words_clean(struct th_buf *out, struct th_str s);
/* The same with line breaks, for a terminal of 80 columns: continued lines begin at `indent`, where
 * the caller stands already. A word longer than a line is left whole. Ends the line. */
void words_wrapped(struct th_buf *out, struct th_str s, size_t indent);
/* Text for HTML, in an element or a quoted attribute: cleaned and escaped. */
void words_html(struct th_buf *out, struct th_str s);
/* 12,345 */
void words_count(struct th_buf *out, double v);
/* Short, with its unit: "2.1 GB", "14 connections", "3.5 min". */
void words_amount(struct th_buf *out, double v, struct th_str unit);
/* "2.1", "14", "0.03" */
void words_short(struct th_buf *out, double v);
/* "Mon 5 Jan 2026 09:00", UTC; "Mon 5 Jan 09:00" without the year. */
void words_time(struct th_buf *out, int64_t time_ns, bool year);
/* The span from start to end, the day said once when it is the same. */
void words_span(struct th_buf *out, int64_t start_ns, int64_t end_ns);
/* "45 minutes", "36 hours", "12 days" */
void words_hours(struct th_buf *out, double hours);
/* What the calibration word means, as a sentence. */
const char *words_calibration(struct th_str calibration);
/* "reconnaissance" to "Reconnaissance", dashes to spaces. */
void words_tactic(struct th_buf *out, struct th_str tactic);

/* A story in phases: "Discovery: ... Command and control: ..." */
struct words_phase {
    struct th_str label; /* the phase, "" in front of the first */
    struct th_str text;
};
/* Takes the next phase off the front of the story; false at its end. */
bool words_phase(struct th_str *story, struct words_phase *ret);
/* The first sentences of a text, about `most` bytes; whether something was left out. */
struct th_str words_beginning(struct th_str text, uint32_t most, bool *ret_cut);

#endif
