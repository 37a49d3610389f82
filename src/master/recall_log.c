/* SPDX-License-Identifier: Apache-2.0 */
/* What lies behind the segments: the end of the log, as seal would have made rows of it. */
#include <inttypes.h>

#include "follow.h"
#include "gap.h"
#include "journal/journal.h"
#include "recall.h"

/* What a sensor has not seen is a row of a segment, too. */
static int put_control(struct recall *r, struct th_str body)
{
    struct th_control c;
    struct th_gap gap;
    int err = 0;
    if (th_control_get(body, &c) < 0)
        return 0;
    if (th_gap_read(&c, &gap))
        err = recall_put(r, &gap.ev.h);
    th_control_done(&c);
    return err;
}

static int put_batch(struct recall *r, struct th_follow *f)
{
    const struct th_event *ev;
    int err = 0;
    while (err == 0 && th_follow_event(f, &ev) > 0)
        err = recall_put(r, ev);
    return err;
}

/* 0 at the end, or what ended it. */
static int follow(struct recall *r, struct th_follow *f, uint64_t position, uint64_t end)
{
    struct th_follow_record record;
    int n = th_follow_seek(f, position);
    if (n == 0)
        n = th_follow_scan(f, end);
    while (n >= 0 && (n = th_follow_next(f, end, &record)) > 0) {
        if (record.what == TH_FOLLOW_BATCH)
            n = put_batch(r, f);
        else if (record.what == TH_FOLLOW_CONTROL)
            n = put_control(r, record.control);
    }
    return n;
}

static void read_from(struct recall *r, const struct th_io *io, uint64_t position, uint64_t end)
{
    struct th_follow *f = th_follow_new(io);
    struct th_follow_stats stats;
    int err = follow(r, f, position, end);
    th_follow_stats_get(f, &stats);
    th_follow_free(f);
    if (err < 0 && r->write_err == 0)
        th_buf_printf(recall_problem(r),
            "the log, which has what is in no segment yet, ended early: %s", th_strerror(err));
    if (stats.damaged)
        th_buf_printf(
            recall_problem(r), "%" PRIu64 " batches of the log are damaged", stats.damaged);
}

int recall_log(struct recall *r, uint64_t position)
{
    struct th_io io;
    uint64_t first = 0;
    uint64_t end = 0;
    uint64_t epoch = 0;
    if (r->log_fd < 0)
        return 0;
    th_io_folder(&io, &r->log_fd);
    int err = th_journal_extent(&io, &first, &end, &epoch);
    if (err == -ENOENT) /* it never ran */
        return 0;
    if (err < 0)
        th_buf_printf(recall_problem(r), "the log cannot be read: %s", th_strerror(err));
    if (err == 0 && position > 0 && position < first)
        th_buf_printf(recall_problem(r),
            "the log begins behind the segments: %" PRIu64 " records are missing",
            first - position);
    if (err == 0 && position < end)
        read_from(r, &io, TH_MAX(position, first), end);
    return r->write_err;
}
