/* SPDX-License-Identifier: Apache-2.0 */
/* What readers of logs have found so far, and their words about it. */
#ifndef TH_FLOWLOG_LINES_H
#define TH_FLOWLOG_LINES_H

#include "base/buf.h"
#include "base/str.h"

#define TH_FLOWLOG_MAX_LINE_BYTES (1u << 20)

struct th_flowlog_lines {
    uint64_t lines;     /* with content */
    uint64_t bad_lines; /* did not parse */
    uint64_t skipped;   /* that have no use here */
    uint64_t told_lost; /* records that the log itself says are missing */
    struct th_buf complaints;
    unsigned complaint_count;
};

/* Says what is wrong with the current line, for the first few, and counts it. */
void th_flowlog_bad(struct th_flowlog_lines *l, const char *what, struct th_str detail);
/* For a person; nothing when all is well. */
void th_flowlog_message(const struct th_flowlog_lines *l, struct th_buf *out);
void th_flowlog_lines_done(struct th_flowlog_lines *l);

#endif
