/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of Suricata's EVE log in, events out, by Zeek's names: versions 4 to 8. What has a kind
 * here becomes one; an alert of Suricata becomes `ids`, an anomaly `weird`. A DNS question and its
 * answer, two lines, become one event; lines of event_type netflow are paired into connections
 * (pair.h), as long as no line of event_type flow says the same better. The rest is counted.
 * The caller cuts the lines; times are those of the lines.
 */
#ifndef TH_FLOWLOG_EVE_H
#define TH_FLOWLOG_EVE_H

#include "base/err.h"
#include "base/mem.h"
#include "event/event.h"
#include "flowlog/lines.h"

struct th_eve;
/* The sink is borrowed. */
struct th_eve *th_eve_new(const struct th_sink *sink);
void th_eve_free(struct th_eve *e);
/* One line without its end. 0, or what the sink said. */
int th_eve_line(struct th_eve *e, struct th_str line) TH_WARN_UNUSED;
/* The log's time is now_ns: what has waited long enough is given. Lines do that as well, but a log
 * that is followed may have none for hours. The same lines and times, whatever was before them,
 * give the same of them. */
int th_eve_advance(struct th_eve *e, int64_t now_ns) TH_WARN_UNUSED;
/* Time of the latest line; INT64_MIN: there was none. */
int64_t th_eve_line_ns(const struct th_eve *e);
/* Whether lines of event_type flow were seen, and to say that they were, by an earlier reader. */
bool th_eve_has_flows(const struct th_eve *e);
void th_eve_expect_flows(struct th_eve *e);
/* What waits for an answer or another direction is given: after the last line. */
int th_eve_end(struct th_eve *e) TH_WARN_UNUSED;
struct th_flowlog_lines *th_eve_lines(struct th_eve *e);
/* Names of the kinds seen, separated by spaces. */
void th_eve_kinds(const struct th_eve *e, struct th_buf *out);
/* Whether a file that begins so is one. */
bool th_eve_is(struct th_str head);

TH_DEFINE_CLEANUP(struct th_eve, th_eve_free)

#endif
