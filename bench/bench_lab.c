/* SPDX-License-Identifier: Apache-2.0 */
/* Events a second of CPU time that the generated office makes, alone and as batch frames; memory.
 */
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "out.h"
#include "sim.h"

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count(void *arg, const struct th_event *ev)
{
    (void)ev;
    ++*(uint64_t *)arg;
    return 0;
}

static int spool(void *arg, const struct th_event *ev)
{
    return lab_spool_put(arg, ev);
}

/* A day of 200 devices; returns events a second. */
static double day(struct th_sink sink, double *ret_pool_mib, uint64_t *ret_events)
{
    struct lab_sim *s = NULL;
    struct lab_options opt = {.seed = 5,
        .devices = 200,
        .start_ns = INT64_C(1772409600000000000),
        .end_ns = INT64_C(1772409600000000000) + TH_NS_PER_DAY,
        .part_ns = 5 * TH_NS_PER_MIN,
        .events = sink};
    TH_ASSERT(lab_sim_new(&opt, &s) == 0);
    double t0 = cpu_seconds();
    TH_ASSERT(lab_sim_run(s, opt.end_ns) == 0);
    double took = cpu_seconds() - t0;
    *ret_events = lab_queue_events(s->queue);
    *ret_pool_mib = (double)lab_pool_bytes(s->pool) / 1048576.0;
    lab_sim_free(s);
    return (double)*ret_events / took;
}

static void row(const char *name, double value, const char *unit, const char *budget)
{
    printf("{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"%s}\n", name, value, unit, budget);
}

int main(void)
{
    uint64_t n = 0, events = 0;
    double mib = 0;
    row("lab: events/s of generating", day((struct th_sink){count, &n}, &mib, &events), "events/s",
        ", \"budget\": 1000000, \"better\": \"higher\"");
    row("lab: events of a device and working day", (double)events / 200.0, "events", "");
    row("lab: memory of open flows, 200 devices", mib, "MiB", "");
    struct lab_spool *s = NULL;
    TH_ASSERT(lab_spool_open("/dev/null", 1, &s) == 0);
    row("lab: events/s as batch frames", day((struct th_sink){spool, s}, &mib, &events), "events/s",
        ", \"budget\": 1000000, \"better\": \"higher\"");
    TH_ASSERT(lab_spool_close(s) == 0);
    return 0;
}
