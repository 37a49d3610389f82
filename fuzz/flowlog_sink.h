/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of events in the targets of lib/flowlog: each must fit a batch, as all events do. */
#ifndef TH_FUZZ_FLOWLOG_SINK_H
#define TH_FUZZ_FLOWLOG_SINK_H

#include "base/mem.h"
#include "event/batch.h"

static int fuzz_put(void *arg, const struct th_event *ev)
{
    struct th_batch_writer *w = arg;
    struct th_buf frame TH_AUTOBUF = TH_BUF_INIT;
    struct th_batch_head head = {0};
    TH_ASSERT(ev->set & 1); /* ts */
    if (th_batch_full(w) || th_batch_add(w, ev) != 0) {
        int r = th_batch_finish(w, &head, &frame);
        TH_ASSERT(r == 0);
    }
    return 0;
}

#endif
