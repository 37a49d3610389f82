/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of an office's conn, dns and ssl events: bytes an event, events a second of CPU time. */
#include <stdio.h>
#include <time.h>

#include "event/batch.h"
#include "sample_events.h"

/* The same events again and again: they come out of a parser's cache, not out of memory. */
static const uint32_t distinct_events = 4096;
static const uint32_t event_count = 4096 * 150;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void encode(struct th_event **events, struct th_buf *spool)
{
    struct th_batch_writer *w = th_batch_writer_new();
    struct th_batch_head head = {0};
    for (uint32_t i = 0; i < event_count; i++) {
        TH_ASSERT(th_batch_add(w, events[i % distinct_events]) == 0);
        if (th_batch_full(w) || i + 1 == event_count)
            TH_ASSERT(th_batch_finish(w, &head, spool) == 0);
    }
    th_batch_writer_free(w);
}

static uint64_t decode(const struct th_buf *spool)
{
    struct th_batch_reader *r = th_batch_reader_new();
    struct th_batch_head head;
    struct th_event *ev;
    uint64_t n = 0;
    for (size_t at = 0; at < spool->len;) {
        enum th_frame_type type;
        uint32_t len;
        TH_ASSERT(th_frame_head(spool->p + at, &type, &len) == 0);
        TH_ASSERT(th_batch_open(r, spool->p + at, TH_FRAME_HEAD_BYTES + len, &head) == 0);
        while (th_batch_next(r, &ev) > 0)
            n++;
        at += TH_FRAME_HEAD_BYTES + len;
    }
    th_batch_reader_free(r);
    return n;
}

int main(void)
{
    struct th_arena memory TH_AUTOARENA = TH_ARENA_INIT;
    struct th_buf spool TH_AUTOBUF = TH_BUF_INIT;
    struct sample_office office = {.state = 7};
    struct th_event **events = th_xcalloc(distinct_events, sizeof(*events));
    for (uint32_t i = 0; i < distinct_events; i++)
        events[i] = sample_office_next(&memory, &office);
    double t0 = cpu_seconds();
    encode(events, &spool);
    double t1 = cpu_seconds();
    TH_ASSERT(decode(&spool) == event_count);
    double t2 = cpu_seconds();
    /* One JSON object a measure, as bench/run wants it. */
    printf(
        "{\"name\": \"batch: bytes an event\", \"value\": %.1f, \"unit\": \"B\", \"budget\": 50}\n",
        (double)spool.len / event_count);
    printf("{\"name\": \"batch: encode\", \"value\": %.2f, \"unit\": \"M events/s\"}\n",
        event_count / (t1 - t0) / 1e6);
    printf("{\"name\": \"batch: decode\", \"value\": %.2f, \"unit\": \"M events/s\"}\n",
        event_count / (t2 - t1) / 1e6);
    free(events);
    return 0;
}
