/* SPDX-License-Identifier: Apache-2.0 */
#include "flowlog/lines.h"

static const unsigned max_complaints = 3;
static const uint32_t max_detail_bytes = 60;

void th_flowlog_bad(struct th_flowlog_lines *l, const char *what, struct th_str detail)
{
    l->bad_lines++;
    if (l->complaint_count++ >= max_complaints)
        return;
    detail.len = TH_MIN(detail.len, max_detail_bytes);
    th_buf_printf(&l->complaints, "%sline %llu: %s", l->complaint_count > 1 ? "; " : "",
        (unsigned long long)l->lines, what);
    if (detail.len)
        th_buf_printf(&l->complaints, " \"%.*s\"", (int)detail.len, detail.p);
}

void th_flowlog_message(const struct th_flowlog_lines *l, struct th_buf *out)
{
    if (l->bad_lines)
        th_buf_printf(out, "%llu of %llu lines did not parse: %.*s",
            (unsigned long long)l->bad_lines, (unsigned long long)l->lines, (int)l->complaints.len,
            l->complaints.len ? (const char *)l->complaints.p : "");
    if (l->told_lost)
        th_buf_printf(out, "%sthe log says %llu times that records are missing",
            out->len ? "; " : "", (unsigned long long)l->told_lost);
}

void th_flowlog_lines_done(struct th_flowlog_lines *l)
{
    th_buf_done(&l->complaints);
}
