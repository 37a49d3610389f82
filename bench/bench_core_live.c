/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast one core takes events out of a log (decoding, identity, learning, closing of hours,
 * findings), and what the looks at hours under way cost: the same log is read with its looks, and
 * as if the master's clock had stood.
 *
 *   bench_core_live BUILD [DEVICES [HOURS]]
 */
#include <stdio.h>
#include <time.h>

#include "live_run.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned number(int argc, char **argv, int at, unsigned standard)
{
    uint64_t v = standard;
    TH_ASSERT(argc <= at || th_str_u64(th_str_c(argv[at]), &v));
    TH_ASSERT(v > 0 && v < 100000);
    return (unsigned)v;
}

static void print(const char *name, double value, const char *unit, double budget, bool higher)
{
    printf("{\"name\": \"%s\", \"value\": %.4g, \"unit\": \"%s\"", name, value, unit);
    if (budget > 0)
        printf(", \"budget\": %g, \"better\": \"%s\"", budget, higher ? "higher" : "lower");
    printf("}\n");
}

struct measured {
    double seconds;
    uint64_t events, looks, windows;
};

static struct measured measure(const struct live_events *e, int64_t batch_ns, bool still)
{
    struct live_log_options options = {.batch_ns = batch_ns, .still = still};
    struct live_run_options one = {.shards = 1};
    struct live_log log;
    struct live_result r;
    live_log_make(&log, e, &options);
    double t0 = seconds();
    live_run(&log, &one, &r);
    struct measured m = {.seconds = seconds() - t0,
        .events = r.events,
        .looks = r.looks,
        .windows = r.windows_looked};
    live_result_done(&r);
    live_log_done(&log);
    return m;
}

int main(int argc, char **argv)
{
    unsigned devices = number(argc, argv, 2, 400);
    unsigned hours = number(argc, argv, 3, 2);
    struct live_events e;
    live_events_make(&e, 5, devices, hours, NULL);
    /* Batches of a busy sensor are full; a look is wanted each second. */
    struct measured full = measure(&e, TH_NS_PER_MIN / 2, true);
    struct measured still = measure(&e, TH_NS_PER_S, true);
    struct measured live = measure(&e, TH_NS_PER_S, false);
    double looked = live.seconds - still.seconds;
    print(
        "core over the log, events a second", (double)full.events / full.seconds, "1/s", 1e6, true);
    print("core over the log, small batches", (double)still.events / still.seconds, "1/s", 0, true);
    /* A look waits until 250 us a window have passed: this is the twentieth that it may cost. */
    print("core, a window looked at", looked * 1e6 / (double)live.windows, "us", 12.5, false);
    print("core, windows a look", (double)live.windows / (double)live.looks, "", 0, false);
    print("core, looks, share of a core", looked / (3600.0 * hours), "", 0.05, false);
    print("core, the log's own events a second", (double)live.events / (3600.0 * hours), "1/s", 0,
        false);
    live_events_done(&e);
    return 0;
}
